/** Every example runs as its header says, and prints what it is there to show. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a program of the examples prints, started at the root of the repository. */
async function output(...args: string[]): Promise<string> {
  const { TFKIT_BACKEND: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, args, { cwd: root, env, timeout: 170_000 });
  return stdout;
}

const example = (name: string) => output(`examples/${name}/main.js`);
const launcher = 'packages/ddp/dist/cli/bin.js';

/** The numbers that a pattern with one group finds, in order. */
const numbers = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, value]) => Number(value));

const tests: Record<string, () => Promise<void>> = {
  async 'evaluate-masks'() {
    const text = await example('evaluate-masks');
    expect(text).toContain('mIoU 0.7107');
    expect(text).toContain('scene1.png 1.00, scene2.png 1.00, scene3.png 22.62');
    expect(text).toContain('worst image: scene3.png');
  },

  async 'arcface-head'() {
    const text = await example('arcface-head');
    const [pixels, embeddings] = numbers(text, /AUC ([\d.]+)/g);
    expect(pixels).toBeLessThan(0.85);
    expect(embeddings).toBeGreaterThan(0.95);
  },

  async 'sample-with-onnx-runtime'() {
    const distances = numbers(await example('sample-with-onnx-runtime'), /spiral ([\d.]+)/g);
    expect(distances).toHaveLength(5);
    const [ddim, euler, heun, dpm, unipc] = distances as [number, number, number, number, number];
    expect(Math.abs(ddim - euler)).toBeLessThan(0.005);
    for (const better of [heun, dpm, unipc]) expect(better).toBeLessThan(ddim);
    expect(ddim).toBeLessThan(0.06);
  },

  async 'dilated-keras-model'() {
    const text = await example('dilated-keras-model');
    const [before, after] = numbers(text, /mean IoU .*: ([\d.]+)/g);
    expect(before).toBeLessThan(0.2);
    expect(after).toBeGreaterThan(0.5);
  },

  async 'train-two-ranks'() {
    const losses = (text: string) => numbers(text, /loss ([\d.]+)/g);
    const alone = losses(await example('train-two-ranks'));
    const together = await output(launcher, 'run', '-n', '2', 'examples/train-two-ranks/main.js');
    expect(together).toContain('2 rank(s), step 200');
    expect(alone).toHaveLength(4);
    for (const [index, loss] of losses(together).entries()) expect(loss).toBeCloseTo(alone[index]!, 3);
    expect(alone.at(-1)).toBeLessThan(alone[0]!);
  },

  async 'publish-an-api'() {
    const text = await example('publish-an-api');
    expect(text).toContain("export { swish as silu } from '../swish.js';");
    expect(text).toContain('TFX021 activations needs a major changeset');
    expect(text).toMatch(/exit code 1\n/);
    expect(text.trimEnd()).toMatch(/activations: 1 major, needs major, changesets say major$/);
  },
};

describe('examples', () => {
  for (const [name, test] of Object.entries(tests)) it(name, test, 180_000);

  it('are all run by a test', () => {
    const folders = readdirSync(`${root}/examples`, { recursive: false, withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
    // Tested beside what they show: pages.test.ts, packages/ddp, the playground's own tests.
    const elsewhere = [
      'in-a-page',
      'with-a-bundler',
      'class-parallel-head',
      'merged-metrics',
      'playground',
      'test',
      'node_modules',
    ];
    expect(folders.filter((name) => !(name in tests) && !elsewhere.includes(name))).toEqual([]);
  });
});
