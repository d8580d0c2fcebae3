/**
 * The built package as programs meet it: both import orders, ESM and CJS, two versions in one process, two copies of
 * tfjs-core. Each case is a program in a process of its own.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '@tfkit/test-kit/availability';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const scratch = join(repositoryRoot, 'node_modules', '.cache');
let folder: string;

/** Packs core as published, under another version, into `<folder>/<name>/node_modules/@tfkit/core`. */
async function install(name: string, version: string): Promise<void> {
  const packed = join(folder, name, 'node_modules', '@tfkit', 'core');
  await mkdir(packed, { recursive: true });
  const source = join(repositoryRoot, 'packages', 'core');
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: source });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const own = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')).version as string;
  for (const { path } of files) {
    await mkdir(join(packed, path, '..'), { recursive: true });
    const text = await readFile(join(source, path), 'utf8');
    await writeFile(join(packed, path), text.replace(`version = "${own}"`, `version = "${version}"`));
  }
}

async function execute(
  name: string,
  file: string,
  program: string,
): Promise<{ result: unknown; stderr: string }> {
  const path = join(folder, name, file);
  await writeFile(path, program);
  const { stdout, stderr } = await run(process.execPath, [path], { cwd: join(folder, name) });
  return { result: JSON.parse(stdout.trim().split('\n').at(-1)!), stderr };
}

beforeAll(async () => {
  await mkdir(scratch, { recursive: true });
  folder = await mkdtemp(join(scratch, 'tfkit-copies-'));
  await install('old', '0.1.0');
  await install('new', '0.2.0');
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Trains what stock tfjs cannot on wasm: a dilated convolution, a gather, an einsum; prints the gradients' sizes. */
const proof = `
const x = tf.ones([1, 6, 6, 2]), w = tf.ones([3, 3, 2, 2]);
const loss = (z, u) => tf.sum(tf.conv2d(z, u, 1, 'same', 'NHWC', 2));
const sums = tf.grads(loss)([x, w]).map((g) => tf.sum(g).dataSync()[0]);
const rows = tf.grad((z) => tf.sum(tf.gather(z, tf.tensor1d([0, 0], 'int32'))))(tf.ones([2, 2]));
const scan = tf.grad((z) => tf.sum(tf.mul(tf.cumsum(z, 0), tf.tensor2d([[1, 2], [3, 4]]))))(tf.ones([2, 2]));
console.log(JSON.stringify({ backend: tf.getBackend(), sums, rows: [...rows.dataSync()], scan: [...scan.dataSync()] }));
`;
const proven = { backend: 'wasm', sums: [784, 784], rows: [2, 2, 0, 0], scan: [4, 6, 3, 4] };

describe('import orders', () => {
  const esm = (imports: string) => `${imports}\nawait tf.setBackend('wasm');\n${proof}`;
  const core = "import '@tfkit/core/register';";
  const backend = "import '@tensorflow/tfjs-backend-wasm';";
  const tfjs = "import * as tf from '@tensorflow/tfjs-core';";

  it.each([
    ['ESM, core first', 'a.mjs', esm(core + backend + tfjs)],
    ['ESM, backend first', 'b.mjs', esm(backend + tfjs + core)],
    [
      'CJS, core first',
      'c.cjs',
      `require('@tfkit/core/register'); require('@tensorflow/tfjs-backend-wasm');
       const tf = require('@tensorflow/tfjs-core');
       tf.setBackend('wasm').then(() => {${proof}});`,
    ],
    [
      'CJS, backend first',
      'd.cjs',
      `require('@tensorflow/tfjs-backend-wasm'); const tf = require('@tensorflow/tfjs-core');
       tf.setBackend('wasm').then(() => { require('@tfkit/core/register'); ${proof} });`,
    ],
    [
      'ensure functions before any backend',
      'e.mjs',
      `import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
       await ensureGradients(); await ensureKernels();
       const tf = await import('@tensorflow/tfjs-core'); await import('@tensorflow/tfjs-backend-wasm');
       await tf.setBackend('wasm');${proof}`,
    ],
    [
      'a backend removed and registered again',
      'f.mjs',
      `${core}${backend}${tfjs}
       import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
       await tf.setBackend('wasm');
       const factory = tf.findBackendFactory('wasm');
       tf.removeBackend('wasm'); tf.registerBackend('wasm', factory); await tf.setBackend('wasm');${proof}`,
    ],
  ])('%s', async (_title, file, program) => {
    const { result, stderr } = await execute('new', file, program);
    expect(result).toEqual(proven);
    expect(stderr).toBe('');
  });

  it('holds after tfjs-layers, imported later, registered its own gradients', async () => {
    const program = esm(`${core}${backend}${tfjs}import '@tensorflow/tfjs-layers';`);
    expect((await execute('new', 'layers.mjs', program)).result).toEqual(proven);
  });

  it('holds after the union package registered its own gradients', async () => {
    const { result } = await execute(
      'new',
      'union.mjs',
      `import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
       import '@tensorflow/tfjs-backend-wasm';
       const tf = await import('@tensorflow/tfjs-core');
       await ensureGradients();
       await import('@tensorflow/tfjs');
       await ensureGradients();
       await tf.setBackend('wasm'); await ensureKernels();${proof}`,
    );
    expect(result).toEqual(proven);
  });
});

describe('two copies of core in one process', () => {
  const load = (name: string, format: 'esm' | 'cjs') => {
    const file = format === 'esm' ? 'tfjs.js' : 'tfjs.cjs';
    return `await import(${JSON.stringify(join(folder, name, 'node_modules/@tfkit/core/dist', file))})`;
  };
  it.each([
    ['old', 'esm', 'new', 'cjs'],
    ['new', 'cjs', 'old', 'esm'],
    ['new', 'esm', 'old', 'cjs'],
    ['old', 'cjs', 'new', 'esm'],
    ['new', 'esm', 'new', 'cjs'],
  ] as const)('%s (%s), then %s (%s): the newest is in force, silently', async (a, formatA, b, formatB) => {
    const program = `
      import * as tf from '@tensorflow/tfjs-core'; import '@tensorflow/tfjs-backend-wasm';
      await tf.setBackend('wasm');
      const first = ${load(a, formatA)}, second = ${load(b, formatB)};
      await first.ensureGradients(); await first.ensureKernels();
      const before = tf.getGradient('Conv2D');
      await second.ensureGradients(); await second.ensureKernels();
      await first.ensureGradients(); await first.ensureKernels();
      const versions = [...tf.engine().tfkitPatches.values()].map(({ version }) => version);
      const replaced = before !== tf.getGradient('Conv2D');
      ${proof.replace('backend: tf.getBackend()', 'versions: [...new Set(versions)], replaced')}`;
    const { result, stderr } = await execute('new', `${a}-${formatA}-${b}-${formatB}.mjs`, program);
    const { backend: _, ...gradients } = proven;
    expect(result).toEqual({ ...gradients, versions: ['0.2.0'], replaced: a === 'old' });
    expect(stderr).toBe('');
  });

  it('recognises the errors of the other copy', async () => {
    const index = (name: string, file: string) =>
      JSON.stringify(join(folder, name, 'node_modules/@tfkit/core/dist', file));
    const { result } = await execute(
      'new',
      'errors.mjs',
      `const a = await import(${index('old', 'index.cjs')}), b = await import(${index('new', 'index.js')});
       const error = new a.ShapeError('x');
       console.log(JSON.stringify([error instanceof b.ShapeError, b.isTfkitError(error, 'ShapeError')]));`,
    );
    expect(result).toEqual([false, true]);
  });
});

describe('two copies of tfjs-core', () => {
  it('are told of, with the command that finds them', async () => {
    const other = join(folder, 'foreign', 'node_modules', '@tensorflow', 'tfjs-core');
    const own = join(repositoryRoot, 'node_modules', '@tensorflow', 'tfjs-core');
    await mkdir(join(other, 'dist'), { recursive: true });
    for (const file of ['package.json', 'dist/tf-core.node.js']) await cp(join(own, file), join(other, file));
    const program = `
      await import('./node_modules/@tensorflow/tfjs-core/dist/tf-core.node.js');
      const { selectBackend } = await import(${JSON.stringify(join(folder, 'new', 'node_modules/@tfkit/core/dist/tfjs.js'))});
      console.log(JSON.stringify((await selectBackend({ prefer: 'cpu' })).name));`;
    const { result, stderr } = await execute('foreign', 'main.mjs', program);
    expect(result).toBe('cpu');
    expect(stderr).toContain('two copies of @tensorflow/tfjs-core are loaded');
    expect(stderr).toContain('npm ls @tensorflow/tfjs-core');
  });
});

describe('selectBackend in Node', () => {
  it('names the npm line that brings each absent backend', async () => {
    const { result } = await execute(
      'new',
      'select.mjs',
      `import { selectBackend } from '@tfkit/core/tfjs';
       console.log(JSON.stringify(await selectBackend()));`,
    );
    const { name, tried } = result as { name: string; tried: Record<string, unknown>[] };
    const absent = (backend: string, packages: string) => ({
      name: backend,
      ok: false,
      reason: `${packages.split(' ').at(-1)} is not installed`,
      install: `npm install ${packages}`,
    });
    expect(name).toBe('wasm');
    expect(tried).toEqual([
      absent('tensorflow-gpu', '@tensorflow/tfjs-node-gpu'),
      absent('tensorflow', '@tensorflow/tfjs-node'),
      absent('webgpu', '@tensorflow/tfjs-backend-webgpu webgpu'),
      { name: 'wasm', ok: true, reason: 'the first in order that works here', install: '' },
    ]);
  });
});

describe('what importing core pulls in', () => {
  it('the main entry: no tfjs at all; the tfjs entry: no backend, kernel or gradient table', async () => {
    const program = (entry: string) => `
      await import('@tfkit/core${entry}');
      const tf = globalThis._tfengine;
      console.log(JSON.stringify({ engine: tf !== undefined, backends: Object.keys(tf?.registryFactory ?? {}),
        gradients: [...(globalThis._tfGlobals?.get('gradRegistry')?.keys() ?? [])],
        kernels: [...(globalThis._tfGlobals?.get('kernelRegistry')?.keys() ?? [])] }));`;

    expect((await execute('new', 'main.mjs', program(''))).result).toEqual({
      engine: false,
      backends: [],
      gradients: [],
      kernels: [],
    });
    expect((await execute('new', 'tfjs.mjs', program('/tfjs'))).result).toEqual({
      engine: true,
      backends: [],
      gradients: [],
      kernels: [],
    });
  });

  it('node-compat puts back what Node 23 removed', async () => {
    const { result } = await execute(
      'new',
      'compat.mjs',
      `import util from 'node:util';
       delete util.isNullOrUndefined;
       await import('@tfkit/core/node-compat');
       console.log(JSON.stringify([null, undefined, 0, ''].map(util.isNullOrUndefined)));`,
    );
    expect(result).toEqual([true, true, false, false]);
  });

  it('ships typings and code for every export', async () => {
    const packed = join(folder, 'new', 'node_modules', '@tfkit', 'core');
    const manifest = JSON.parse(await readFile(join(packed, 'package.json'), 'utf8'));
    const files = await readdir(packed, { recursive: true });
    const targets = JSON.stringify(manifest.exports).match(/\.\/dist[^"]+/g) ?? [];
    expect(targets.length).toBeGreaterThan(40);
    for (const target of targets) expect(files).toContain(target.slice(2));
  });
});
