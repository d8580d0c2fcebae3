import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../src/cli/run';
import { readBaseline, readTarball, tarballGolden } from '../src/node/baseline';
import { parseChangeset, readChangesets } from '../src/node/changesets';
import { checkWorkspace, release } from '../src/node/check';
import { writeFiles } from '../src/node/files';
import { createGolden } from '../src/node/golden/create';
import { goldenFiles } from '../src/node/golden/store';
import { readPackage } from '../src/node/package';
import { oneEntry, project, tsconfig, writeAll } from './project';

const member = (name: string, version: string, more: object = {}) =>
  JSON.stringify({ name, version, type: 'module', ...oneEntry, ...more });
const f = 'export function f(a: number): void { void a }\n';

function workspace(version = '1.2.3') {
  const root = project(
    {
      'packages/a/package.json': member('@s/a', version),
      'packages/a/tsconfig.json': tsconfig,
      'packages/a/src/index.ts': f,
      'packages/b/package.json': member('@s/b', version),
      'packages/b/tsconfig.json': tsconfig,
      'packages/b/src/index.ts': f,
      'packages/hidden/package.json': member('@s/hidden', version, { private: true }),
      '.changeset/config.json': '{}',
      '.changeset/README.md': 'not a changeset',
    },
    { workspaces: ['packages/*'], private: true },
  );
  for (const name of ['a', 'b']) {
    const folder = join(root, 'packages', name);
    writeFiles(goldenFiles(readPackage(folder), createGolden(folder)));
    release(folder);
  }
  return root;
}

function change(root: string, text: string, changeset?: string) {
  writeAll(root, {
    'packages/a/src/index.ts': text,
    ...(changeset === undefined ? {} : { '.changeset/one.md': changeset }),
  });
  const folder = join(root, 'packages/a');
  writeFiles(goldenFiles(readPackage(folder), createGolden(folder)));
  return checkWorkspace(root).find(({ name }) => name === '@s/a')!;
}

describe('the gate', () => {
  it('asks nothing when nothing changed, of public packages only', () => {
    expect(checkWorkspace(workspace())).toMatchObject([
      { name: '@s/a', problems: [], required: 'none' },
      { name: '@s/b', problems: [], required: 'none' },
    ]);
  });

  it('asks for the level of the change, and names change and changeset', () => {
    const root = workspace();
    const breaking = 'export function f(a: number, b: number): void { void [a, b] }\n';
    expect(change(root, breaking).problems).toEqual([
      'TFX021 @s/a needs a major changeset (.#f: required parameter "b" was added) but there is none; run npx changeset\n  major  .#f: required parameter "b" was added',
    ]);
    expect(change(root, breaking, '---\n"@s/a": minor\n---\n\nMore.\n').problems[0]).toContain(
      'but .changeset/one.md says minor',
    );
    expect(
      change(root, breaking, '---\n"@s/b": major\n---\n\nImplies a patch of its dependents.\n').problems,
    ).toHaveLength(1);
    expect(change(root, breaking, '---\n---\n').problems).toHaveLength(1);
    expect(change(root, breaking, '---\n"@s/a": major\n---\n\nMore.\n')).toMatchObject({
      problems: [],
      declared: 'major',
    });
    writeAll(root, { '.changeset/pre.json': '{"mode":"pre","changesets":["one"]}' });
    expect(change(root, breaking).problems).toHaveLength(1);
  });

  it('asks a 0.x version for minor where it breaks, or for major if told so', () => {
    const root = workspace('0.3.0');
    expect(change(root, 'export {};\n')).toMatchObject({ required: 'minor' });
    writeAll(root, {
      'packages/a/package.json': member('@s/a', '0.3.0', { tfExport: { zeroMajor: 'major' } }),
    });
    expect(change(root, 'export {};\n')).toMatchObject({ required: 'major' });
  });

  it('says that the golden is out of date, with the diff', () => {
    const root = workspace();
    writeAll(root, {
      'packages/a/src/index.ts': `${f}export const g = 1;\n`,
      '.changeset/one.md': '---\n"@s/a": minor\n---\n',
    });
    const [first] = checkWorkspace(root);
    expect(first!.problems).toHaveLength(1);
    expect(first!.problems[0]).toMatch(
      /^TFX020 @s\/a: public API changed; run tf-export golden --update[\s\S]*\+ const g: 1/,
    );
  });

  it('has nothing to compare with before the first release', () => {
    const folder = project({ 'src/index.ts': f }, oneEntry);
    writeFiles(goldenFiles(readPackage(folder), createGolden(folder)));
    expect(checkWorkspace(folder)).toMatchObject([
      { problems: [], required: 'none', notes: [expect.stringContaining('no released baseline yet')] },
    ]);
  });
});

describe('baselines', () => {
  it('from a git ref', () => {
    const root = workspace();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
        cwd: root,
        stdio: 'pipe',
      });
    git('init', '-q');
    git('add', 'packages');
    git('commit', '-qm', 'one');
    expect(change(root, 'export {};\n').required).toBe('major');
    const found = readPackage(join(root, 'packages/a'));
    expect(Object.keys(readBaseline(found, 'HEAD')!.exports)).toEqual(['.#f']);
    expect(() => readBaseline(found, 'no-such-ref')).toThrow(
      '--base no-such-ref: is no git ref, file, folder or npm:<version>',
    );
  });

  it('from a packed tarball', () => {
    const packed = project(
      { 'dist/index.d.ts': f.replace('{ void a }', ';'), 'tsconfig.json': '' },
      oneEntry,
    );
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts'], { cwd: packed, stdio: 'pipe' });
    const golden = tarballGolden(join(packed, 'sample-1.0.0.tgz'), join(import.meta.dirname, '..'));
    expect(golden).toMatchObject({ package: 'sample', from: 'typings' });
    expect(Object.keys(golden.exports)).toEqual(['.#f']);
  });

  it('that are no archive are refused', () => {
    const folder = project({ 'a.tgz': 'text' });
    expect(() => tarballGolden(join(folder, 'a.tgz'), folder)).toThrow(/a\.tgz: is no npm package \(/);
    const broken = new Uint8Array(512).fill(65);
    expect(() => readTarball(gzipSync(broken))).toThrow('broken tar header');
  });
});

describe('changesets', () => {
  it.each<[string, string, [string, string][]]>([
    [
      'quotes of all kinds',
      '---\n"@s/a": major\n\'b\': patch\nc: none\n---\ntext',
      [
        ['@s/a', 'major'],
        ['b', 'patch'],
        ['c', 'none'],
      ],
    ],
    ['comments and blank lines', '---\n# why\n\n"a": minor # so\n---', [['a', 'minor']]],
    ['Windows line ends', '---\r\n"a": minor\r\n---\r\n', [['a', 'minor']]],
    ['no package', '---\n---\nEmpty.', []],
  ])('reads %s', (_, text, expected) => {
    expect(parseChangeset(text, 'x')).toEqual(expected);
  });

  it('refuses what changesets would refuse, with the line', () => {
    expect(() => parseChangeset('"a": minor', '.changeset/x.md')).toThrow(
      '.changeset/x.md:1 must start with ---',
    );
    expect(() => parseChangeset('---\n"a": minor', '.changeset/x.md')).toThrow(
      '.changeset/x.md:1 the front matter must end with ---',
    );
    expect(() => parseChangeset('---\n"a": huge\n---', '.changeset/x.md')).toThrow(
      '.changeset/x.md:2 must be "package": major | minor | patch | none, got "a": huge',
    );
    const root = project({ '.changeset/x.md': '---\n"nope": minor\n---' });
    expect(() => readChangesets(root, ['a'])).toThrow(
      '.changeset/x.md: names nope, which is no package of the workspace; mend the name or delete the file',
    );
  });
});

describe('the command line', () => {
  const cli = async (cwd: string, ...args: string[]) => {
    const printed = { stdout: '', stderr: '' };
    const into = (stream: 'stdout' | 'stderr') => (text: string) => {
      printed[stream] += `${text}\n`;
    };
    const log = vi.spyOn(console, 'log').mockImplementation(into('stdout'));
    const error = vi.spyOn(console, 'error').mockImplementation(into('stderr'));
    const status = await run([...args, '--cwd', cwd]);
    log.mockRestore();
    error.mockRestore();
    return { status, ...printed };
  };
  let folder: string;
  beforeAll(() => {
    folder = workspace();
  });

  it('exits with 0, 1 and 2 as told', async () => {
    expect(await cli(folder, 'check')).toEqual({
      status: 0,
      stdout:
        '@s/a: no change of the API, needs none, changesets say none\n@s/b: no change of the API, needs none, changesets say none\n',
      stderr: '',
    });
    writeAll(folder, { 'packages/a/src/index.ts': `${f}export const g = 1;\n` });
    expect(await cli(folder, 'golden', '--check')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('TFX020 @s/a'),
    });
    expect((await cli(folder, 'golden', '--update')).status).toBe(0);
    expect(await cli(folder, 'check')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('TFX021 @s/a needs a minor changeset'),
    });
    const api = (name: string) => join(folder, 'packages/a/api', name);
    const diff = await cli(folder, 'diff', api('released.api.json'), api('a.api.json'));
    expect(diff).toMatchObject({
      status: 1,
      stdout: '  minor  .#g: was added (constant)\n1 minor; needs a minor release\n',
    });
    expect((await cli(folder, 'release')).status).toBe(0);
    expect((await cli(folder, 'check')).status).toBe(0);
  });

  it('is a program', () => {
    const main = join(import.meta.dirname, '../src/cli/main.ts');
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, 'chek'], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('tf-export: unknown command'),
    });
  });

  it('refuses wrong usage and unreadable input in one line', async () => {
    const one = (text: string) => expect.stringMatching(new RegExp(`^tf-export: .*${text}.*\\n$`));
    expect(await cli(folder, 'chek')).toMatchObject({
      status: 2,
      stderr: one('unknown command "chek"; known are scan, '),
    });
    expect(await cli(folder, 'scan', '--fixx')).toMatchObject({ status: 2, stderr: one('--fixx') });
    expect(await cli(folder, 'scan', '--fix')).toMatchObject({
      status: 2,
      stderr: one('scan has no option --fix'),
    });
    expect(await cli(folder, 'diff', 'a')).toMatchObject({
      status: 2,
      stderr: one('diff takes 2 arguments, got 1'),
    });
    writeAll(folder, { 'packages/b/api/b.api.json': '{"format": 9}' });
    expect(await cli(folder, 'golden', '--check')).toMatchObject({
      status: 2,
      stderr: one('b.api.json: is no golden \\(format must be 1, got 9\\); run'),
    });
    expect(existsSync(join(folder, 'packages/b/api/b.api.json'))).toBe(true);
    expect(readFileSync(join(folder, 'packages/b/api/b.api.json'), 'utf8')).toBe('{"format": 9}');
  });
});
