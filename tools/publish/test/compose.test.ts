/**
 * All packages in one project: installed together, type checked, composed in one program as ESM and as CJS, and every
 * package's main job on each version of Node and each backend that is here.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNodes, tfjsNodeAnchor } from '@tfkit/test-kit/availability';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Consumer, jobNames, needsOf } from '../src/consumer';
import { type Registry, startRegistry } from '../src/registry';

let folder: string;
let registry: Registry;
let consumer: Consumer;
const jobs = jobNames();

/** Loads a backend as a program does, and then does all jobs in one process. */
const program = `
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
const [backend, anchor, ...jobs] = process.argv.slice(2);
if (backend === 'tensorflow') {
  await import('@tfkit/core/node-compat');
  tf.env().set('PROD', true);
  createRequire(anchor)('@tensorflow/tfjs-node');
  tf.env().set('PROD', false);
} else {
  await import('@tensorflow/tfjs-backend-' + backend);
}
if (!(await tf.setBackend(backend))) throw new Error(backend + ' could not be set');
const before = process.version.slice(1).split('.')[0];
for (const name of jobs) {
  const { job } = await import('./esm/' + name + '.mjs');
  await job();
}
console.log(JSON.stringify({ node: before, backend: tf.getBackend(), done: jobs.length }));
process.exit(0);
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfkit-compose-'));
  registry = await startRegistry(join(folder, 'tarballs'));
  consumer = new Consumer(join(folder, 'all'), registry.url);
  await consumer.install([...new Set([...jobs.flatMap(needsOf), '@tensorflow/tfjs-backend-wasm'])]);
  await writeFile(join(consumer.folder, 'jobs.mjs'), program);
  for (const kind of ['esm', 'cjs'] as const) {
    for (const job of jobs) consumer.write(job, kind);
  }
  await consumer.compile('node16');
}, 180_000);

afterAll(async () => {
  await registry?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe('all packages in one project', () => {
  it.each(['esm', 'cjs'])('compose in one program (%s)', async (kind) => {
    const file = join(consumer.folder, kind, `main-all.${kind === 'esm' ? 'mjs' : 'cjs'}`);
    expect(await consumer.execute(file)).toMatch(/^loss .* accuracy/);
  });

  it('share one copy of core and of tfjs-core', () => {
    const names = [...consumer.installed().keys()];
    for (const name of ['@tfkit/core', '@tensorflow/tfjs-core']) {
      expect(names.filter((each) => each === name)).toHaveLength(1);
    }
  });
});

describe('every main job', () => {
  const anchor = tfjsNodeAnchor();
  const backends = [
    { backend: 'cpu', absent: undefined },
    { backend: 'wasm', absent: undefined },
    { backend: 'tensorflow', absent: anchor ? undefined : 'absent, npm run setup:backends -- tensorflow' },
  ];
  for (const { major, path, install } of findNodes()) {
    for (const { backend, absent } of backends) {
      const reason = path ? absent : `Node ${major} absent, brought by: ${install}`;
      const title = `on Node ${major}, ${backend}`;
      it.skipIf(reason)(reason ? `${title} (skipped: ${reason})` : title, async () => {
        const printed = await consumer.execute(join(consumer.folder, 'jobs.mjs'), path, [
          backend,
          anchor ?? '',
          ...jobs,
        ]);
        expect(JSON.parse(printed)).toEqual({ node: String(major), backend, done: jobs.length });
      });
    }
  }
});
