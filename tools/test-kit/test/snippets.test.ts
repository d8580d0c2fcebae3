/**
 * Every `js` block of the READMEs runs as it would when pasted into a module, with the built packages. A block whose
 * first line is `// not run: <reason>` is left out, and the reason printed.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../src/availability';

const run = promisify(execFile);

const packages = readdirSync(join(repositoryRoot, 'packages')).map((name) =>
  join(repositoryRoot, 'packages', name),
);
const pages = [repositoryRoot, ...packages]
  .map((folder) => join(folder, 'README.md'))
  .filter((file) => existsSync(file));

interface Snippet {
  readonly title: string;
  readonly code: string;
  readonly reason: string | undefined;
}

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```js\n([\s\S]*?)^```/gm)].map((match) => {
    const code = match[1]!;
    const line = text.slice(0, match.index).split('\n').length;
    const reason = /^\/\/ not run: (.*)/.exec(code)?.[1];
    return { title: `${relative(repositoryRoot, page)}:${line}`, code, reason };
  });
}

describe('README snippets', () => {
  let folder: string;
  beforeAll(async () => {
    const cache = join(repositoryRoot, 'node_modules', '.cache');
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(join(cache, 'tfkit-snippets-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  for (const { title, code, reason } of pages.flatMap(snippetsOf)) {
    it.skipIf(reason)(reason ? `${title} (skipped: ${reason})` : `${title} runs`, async () => {
      const file = join(folder, `${title.replace(/[^\w]/g, '-')}.mjs`);
      await writeFile(file, code);
      const { stdout } = await run(process.execPath, [file], { cwd: folder, timeout: 60_000 });
      expect(stdout).not.toBe('');
    });
  }
});
