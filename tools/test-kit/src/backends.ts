/**
 * The backend matrix: the same tests on every backend that is available in this runtime.
 *
 * vitest.config.ts provides the list (see availability.ts): cpu, wasm, tensorflow and webgpu in Node, webgl and webgpu
 * in Chromium. A backend that is absent gives one skipped test per block, with the command that brings it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { afterEach, beforeAll, describe, inject, it } from 'vitest';

export type TestBackend = 'cpu' | 'wasm' | 'tensorflow' | 'webgpu' | 'webgl';

export interface ProvidedBackend {
  readonly name: TestBackend;
  readonly available: boolean;
  readonly install: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    backends: ProvidedBackend[];
    runtime: 'node' | 'browser';
  }
}

export interface MatrixOptions {
  /** Run on these alone. Default: all of this runtime. */
  readonly only?: readonly TestBackend[];
  /** Backends that cannot run the block, each with its reason, which is printed. */
  readonly except?: Partial<Record<TestBackend, string>>;
  /** Call `ensureGradients()` and `ensureKernels()` first. Default true. */
  readonly ensure?: boolean;
}

/** `describe(title, body)` once per backend; inside, the backend is set, and WebGPU errors fail the test they occur in. */
export function describeBackends(
  title: string,
  body: (backend: TestBackend) => void,
  options: MatrixOptions = {},
): void {
  for (const { name, available, install } of inject('backends')) {
    if (options.only && !options.only.includes(name)) continue;
    const reason = available ? options.except?.[name] : `absent, brought by: ${install}`;
    if (reason) {
      it.skip(`${title} [${name}] (skipped: ${reason})`);
      continue;
    }
    describe(`${title} [${name}]`, () => {
      beforeAll(() => useBackend(name, options.ensure ?? true));
      if (name === 'webgpu') afterEach(() => throwWebGPUErrors());
      body(name);
    });
  }
}

/** Loads and sets a backend in this process. */
export async function useBackend(name: TestBackend, ensure = true): Promise<void> {
  await (await importLoaders())[name]();
  if (!(await tf.setBackend(name))) throw new Error(`tf.setBackend('${name}') failed`);
  await tf.ready();
  if (name === 'webgpu') watchWebGPU();
  if (ensure) {
    await ensureGradients();
    await ensureKernels();
  }
}

function importLoaders(): Promise<Record<TestBackend, () => Promise<void>>> {
  return inject('runtime') === 'node'
    ? import('./node-backends').then((module) => module.nodeLoaders)
    : import('./browser-backends').then((module) => module.browserLoaders);
}

const webgpuErrors: string[] = [];
const watched = new WeakSet<object>();

/** A WGSL error does not throw: the device reports it as an event, and the output keeps stale bytes. */
function watchWebGPU(): void {
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  if (watched.has(device)) return;
  watched.add(device);
  device.addEventListener('uncapturederror', (event) => {
    webgpuErrors.push((event as GPUUncapturedErrorEvent).error.message);
  });
}

/** Waits for the queue and throws the WebGPU errors that were reported since the last call. */
export async function throwWebGPUErrors(): Promise<void> {
  const { device } = tf.backend() as unknown as { device?: GPUDevice };
  await device?.queue.onSubmittedWorkDone();
  const errors = webgpuErrors.splice(0);
  if (errors.length > 0) throw new Error(`${errors.length} WebGPU errors, the first: ${errors[0]}`);
}
