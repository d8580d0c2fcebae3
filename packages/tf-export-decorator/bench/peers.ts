/** The peer, installed once into the cache folder: it is too large (with a compiler of its own) for a devDependency. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const apiExtractorVersion = '7.60.1';

/** The folder whose node_modules has api-extractor, or undefined with the reason logged. */
export function installApiExtractor(log: (text: string) => void): string | undefined {
  const folder = resolve(process.env.TFKIT_CACHE ?? '.cache', 'api-extractor');
  if (existsSync(join(folder, 'node_modules', '@microsoft', 'api-extractor', 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  log(`installing @microsoft/api-extractor ${apiExtractorVersion} into ${folder}`);
  const { status, stderr } = spawnSync(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `@microsoft/api-extractor@${apiExtractorVersion}`,
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status === 0) return folder;
  log(`api-extractor is left out: ${stderr.split('\n')[0]}`);
  return undefined;
}
