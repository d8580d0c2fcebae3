/** The wasm kernels in Chromium: on a page, and in a Worker that Vite has bundled. Threads: wasm-bundle.test.ts. */
import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { moduleFor, type WasmBackend } from '../src/kernels/wasm/instance';
import { checkKernels } from './wasmCheck';

it('run on a page without cross-origin isolation', async () => {
  expect(globalThis.crossOriginIsolated).toBe(false);
  await useBackend('wasm' as never);
  expect(moduleFor(tf.backend() as unknown as WasmBackend)?.threads).toBe(1);
  expect(await checkKernels()).toEqual({ ours: true, worst: expect.closeTo(0, 4) });
});

it('run in a Worker', async () => {
  const worker = new Worker(new URL('./wasmWorker.ts', import.meta.url), { type: 'module' });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(answer).toEqual({ ours: true, worst: expect.closeTo(0, 4) });
});
