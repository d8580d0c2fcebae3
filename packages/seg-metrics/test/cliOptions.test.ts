import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { run } from '../src/cli/run';
import { encodePng } from '../src/io';

const folder = mkdtempSync(join(tmpdir(), 'seg-metrics-options-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const at = (name: string) => join(folder, name);
let runs = 0;

/** Runs on two folders of 4 x 1 maps; resolves to what the JSON says, or to the errors. */
async function scored(files: Record<string, readonly number[]>, ...options: string[]) {
  const root = `run${runs++}`;
  for (const side of ['pred', 'gt']) mkdirSync(at(`${root}/${side}`), { recursive: true });
  for (const [name, samples] of Object.entries(files)) {
    const png = await encodePng({ width: 4, height: 1, data: Uint8Array.from(samples) });
    writeFileSync(at(`${root}/${name}.png`), png);
  }
  let err = '';
  const json = at(`${root}/report.json`);
  const argv = [at(`${root}/pred`), at(`${root}/gt`), '--jobs', '1', '--json', json, ...options];
  const code = await run(argv, {
    out: () => {},
    err: (text) => {
      err += text;
    },
    isTerminal: false,
    workerFile: new URL('file:///none'),
  });
  return code === 0 ? JSON.parse(readFileSync(json, 'utf8')).overall : err;
}

const write = (name: string, value: unknown) => {
  writeFileSync(at(name), JSON.stringify(value));
  return at(name);
};

it('--palette reads colours as classes', async () => {
  const [red, blue] = [
    [255, 0, 0],
    [0, 0, 255],
  ] as const;
  const files = { 'pred/a': [red, red, blue, blue].flat(), 'gt/a': [red, blue, blue, blue].flat() };
  const palette = write('palette.json', { '255,0,0': 0, '0,0,255': 1 });
  const { miou, pa } = await scored(files, '--classes', '2', '--palette', palette);
  expect(miou).toBeCloseTo((1 / 2 + 2 / 3) / 2, 12);
  expect(pa).toBe(0.75);
});

it('--map, --map-gt and --map-pred rename labels, and ignore targets that have no place', async () => {
  const map = write('map.json', { 10: 0, 20: 1 });
  const both = { 'pred/a': [10, 10, 20, 20], 'gt/a': [10, 20, 20, 99] };
  expect((await scored(both, '--classes', '2', '--map', map)).pa).toBeCloseTo(2 / 3, 12);
  const target = { 'pred/a': [0, 0, 1, 1], 'gt/a': [10, 20, 20, 99] };
  expect((await scored(target, '--classes', '2', '--map-gt', map)).pa).toBeCloseTo(2 / 3, 12);
  const cityscapes = { 'pred/a': [7, 8, 8, 7], 'gt/a': [7, 8, 7, 0] };
  expect((await scored(cityscapes, '--classes', '19', '--map', 'cityscapes')).pa).toBeCloseTo(2 / 3, 12);
});

it('--reduce-zero-label ignores target 0 and lowers the others', async () => {
  const files = { 'pred/a': [0, 0, 1, 1], 'gt/a': [0, 1, 2, 1] };
  expect((await scored(files, '--classes', '2', '--reduce-zero-label')).pa).toBeCloseTo(2 / 3, 12);
});

it('--suffix pairs by what is before it', async () => {
  const files = { 'pred/a_pred': [0, 1, 1, 1], 'gt/a_gt': [0, 0, 1, 1] };
  expect((await scored(files, '--classes', '2', '--suffix', '_pred/_gt')).pa).toBe(0.75);
  expect(await scored(files, '--classes', '2')).toMatch(/no prediction 'a_gt'/);
});

it('--allow-missing counts an image without prediction as missed', async () => {
  const files = { 'pred/a': [0, 0, 1, 1], 'gt/a': [0, 0, 1, 1], 'gt/b': [0, 0, 1, 1] };
  const { pa, miou } = await scored(files, '--classes', '2', '--allow-missing');
  expect([pa, miou]).toEqual([0.5, 0.5]);
});
