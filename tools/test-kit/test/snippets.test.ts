/**
 * The code blocks of the READMEs and guides run as they would when pasted into a module of a project that has the built
 * packages installed, each in an empty folder of its own.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../src/availability';
import { extractSnippets } from '../src/snippets';

const run = promisify(execFile);
const timeout = 120_000;

const list = (folder: string) => readdirSync(join(repositoryRoot, folder)).map((name) => join(folder, name));
const pages = [
  'README.md',
  ...list('packages').map((folder) => join(folder, 'README.md')),
  ...list('docs/guides').filter((file) => file.endsWith('.md')),
]
  .map((file) => join(repositoryRoot, file))
  .filter((file) => existsSync(file));

describe('extractSnippets', () => {
  it('takes blocks of js and ts with their lines, and the reason of those that are not run', () => {
    const page = [
      'Text.',
      '```js',
      'a();',
      '```',
      '```sh',
      'npm ci',
      '```',
      '',
      '<!-- not run: needs a GPU -->',
      '```ts',
      'b();',
      'c();',
      '```',
    ].join('\n');
    expect(extractSnippets(page)).toEqual([
      { language: 'js', code: 'a();\n', line: 2, reason: undefined },
      { language: 'ts', code: 'b();\nc();\n', line: 10, reason: 'needs a GPU' },
    ]);
  });

  it('finds every block of every page', () => {
    for (const page of pages) {
      const text = readFileSync(page, 'utf8');
      expect(extractSnippets(text)).toHaveLength(
        text.match(/^ *```(js|ts|javascript|typescript|mjs)\b/gm)?.length ?? 0,
      );
    }
  });
});

describe.concurrent('snippets', () => {
  // Inside node_modules, so that imports resolve as in a project.
  let folder: string;
  beforeAll(async () => {
    const cache = join(repositoryRoot, 'node_modules', '.cache');
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(join(cache, 'tfkit-snippets-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  for (const page of pages) {
    for (const { language, code, line, reason } of extractSnippets(readFileSync(page, 'utf8'))) {
      const title = `${relative(repositoryRoot, page)}:${line}`;
      const name = reason ? `${title} (skipped: ${reason})` : `${title} runs`;
      it.skipIf(reason)(name, { timeout }, async () => {
        const own = join(folder, title.replace(/\W/g, '-'));
        await mkdir(own);
        await writeFile(join(own, 'package.json'), '{ "type": "module" }');
        // Or tsx would take the repository's, which points to sources.
        await writeFile(join(own, 'tsconfig.json'), '{}');
        await writeFile(join(own, `main.${language}`), code);
        const loader = language === 'ts' ? ['--import', 'tsx'] : [];
        await run(process.execPath, [...loader, `main.${language}`], { cwd: own, timeout });
      });
    }
  }
});
