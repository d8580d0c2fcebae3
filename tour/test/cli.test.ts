import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readResult } from '../src/results';
import { stages } from '../src/stages/index';
import type { SegmentationNetwork, SegmentationTest } from '../src/stages/segmentation';
import { temporaryFolder } from './temporaryFolder';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The tour as `npm start` runs it, on the built packages. */
async function cli(args: string[], folder: string, started?: (child: ChildProcess) => void) {
  const { TFKIT_BACKEND: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'tour/src/cli.ts', ...args], {
    cwd: root,
    env: { ...env, TSX_TSCONFIG_PATH: 'tour/tsconfig.json', INIT_CWD: folder },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr.on('data', (data) => {
    output.stderr += data;
  });
  started?.(child);
  const [code] = await once(child, 'close');
  return { code, ...output };
}

/** The sections of a report without what a clock says: times, rates, and what is computed from them. */
function repeatable(page: string): string[] {
  return [...page.matchAll(/<section id="([\w-]+)"[\s\S]*?<\/section>/g)].map(([section, name]) => {
    const clock =
      name === 'ddp'
        ? /<dl class="scores">[\s\S]*?<\/dl>|<table>[\s\S]*?<\/table>/g
        : /<p class="meta">.*?<\/p>/g;
    const rows = name === 'diffusion-samplers' ? /<td class="number">[\d.]+<\/td>/g : /$^/g;
    return section!
      .replace(/<p class="meta">.*?<\/p>/g, '')
      .replace(clock, '')
      .replace(rows, '')
      .replace(/ in [\d.]+ seconds/g, '');
  });
}

describe('npm start', () => {
  it.each([
    [
      'an unknown stage',
      ['--stage', 'nosuch'],
      /^tour: no stage is named 'nosuch': the stages are segmentation/,
    ],
    ['an unknown backend', ['--backend', 'abacus'], /^tour: selectBackend: .* 'wasm', .* got 'abacus'/],
    [
      'an absent backend',
      ['--backend', 'tensorflow-gpu'],
      /^tour: selectBackend: the required backend 'tensorflow-gpu' is not available.*npm install/,
    ],
    ['a seed that is none', ['--seed', '1.5'], /^tour: option '--seed <integer>' argument '1.5' is invalid/],
    ['an unknown option', ['--fast'], /^tour: unknown option '--fast'/],
    ['a folder that cannot be', ['--out', 'file/report'], /^tour: the report cannot be written to .*ENOTDIR/],
  ])('answers %s with one line and exit code 2', async (_, args, message) => {
    const folder = await temporaryFolder();
    await writeFile(`${folder}/file`, '');
    const { code, stderr } = await cli([...args, '--quick'], folder);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
    await expect(access(`${folder}/tour-report`)).rejects.toThrow();
  });

  it('writes the report of a quick run, the same for the same seed, and what later stages read', async () => {
    const folder = await temporaryFolder();
    const args = (out: string) => ['--stage', 'segmentation', '--quick', '--seed', '5', '--out', out];
    for (const out of ['a', 'b']) {
      const { code, stdout, stderr } = await cli([...args(out), '--backend', 'wasm'], folder);
      expect(stderr).toBe('');
      expect(stdout).toMatch(
        /backend wasm: required[\s\S]*segmentation: done in [\s\S]*report: [ab]\/index.html\n$/,
      );
      expect(code).toBe(0);
    }
    const page = await readFile(`${folder}/a/index.html`, 'utf8');
    expect(page).toMatch(/Mean IoU over 11 classes<\/dt><dd>0\.\d{3}<\/dd>/);
    expect(page).toMatch(/best constant prediction \(background\): 0\.08\d/);
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page.match(/data:image\/png/g)).toHaveLength(27);

    const read = async <T>(out: string, name: string) =>
      (await readResult(`${folder}/${out}/data`, 'segmentation', name)).value as T;
    const test = await read<SegmentationTest>('a', 'test');
    expect(test.predictions).toHaveLength(20 * 64 * 64);
    expect(test.targets).toHaveLength(20 * 64 * 64);
    expect(await read('b', 'test')).toEqual(test);
    const network = await read<SegmentationNetwork>('a', 'network');
    expect(network['deep8/filter']?.shape).toEqual([3, 3, 64, 64]);
    expect(await read('b', 'network')).toEqual(network);
  });

  it('gives the same scores, tables and pictures for the same seed, in every stage', async () => {
    const folder = await temporaryFolder();
    const parts: string[][] = [];
    for (const out of ['a', 'b']) {
      const args = ['--quick', '--seed', '7', '--ranks', '2', '--backend', 'wasm', '--out', out];
      const { code, stderr } = await cli(args, folder);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      parts.push(repeatable(await readFile(`${folder}/${out}/index.html`, 'utf8')));
    }
    expect(parts[0]).toHaveLength(stages.length);
    expect(parts[1]).toEqual(parts[0]);
  }, 300_000);

  it('ends with exit code 130 on Ctrl-C and leaves no half of a report', async () => {
    const folder = await temporaryFolder();
    const { code, stdout, stderr } = await cli(['--backend', 'wasm'], folder, (child) => {
      child.stdout?.once('data', () => setTimeout(() => child.kill('SIGINT'), 1500));
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/segmentation: stopped\n/);
    expect(code).toBe(130);
    await expect(access(`${folder}/tour-report/index.html`)).rejects.toThrow();
  });
});
