/** Kernels that are there, right, and fast, whatever the backend brought. */
import * as tf from '@tensorflow/tfjs-core';
import { applyPatch, replaceKernels } from './patches';

/** What to load for each backend that lacks something. */
const tables: Record<string, () => Promise<() => void>> = {
  cpu: async () => (await import('@tfkit/core/kernels/cpu')).applyCpuKernels,
  wasm: async () => (await import('@tfkit/core/kernels/wasm')).applyWasmKernels,
  tensorflow: async () => (await import('@tfkit/core/kernels/tensorflow')).applyTensorflowKernels,
  webgl: async () => (await import('@tfkit/core/kernels/webgl')).applyWebglKernels,
  webgpu: async () => (await import('@tfkit/core/kernels/webgpu')).applyWebgpuKernels,
};

/**
 * Fills, in tfjs' own registry, the kernels that the current backend lacks and replaces those that are wrong, so that
 * any tfjs model trains there. On wasm: the gradients of `conv2d` and `depthwiseConv2d` to the filter, `einsum`, and
 * `unsortedSegmentSum` (the gradient of `gather`); on webgpu: reversed `cumsum` and `cumprod`; on cpu, webgl and webgpu:
 * `einsum`; on tensorflow: dilated `depthwiseConv2d`. Called before a backend is set, it prepares every backend. Idempotent.
 */
export async function ensureKernels(): Promise<void> {
  const current = tf.getBackend() as string | null;
  for (const backend of current ? [current] : Object.keys(tables)) {
    const apply = await tables[backend]?.();
    if (apply) keepApplied(backend, apply);
  }
}

/**
 * Applies a table now if the backend is set, and whenever it is set again: tfjs calls every kernel's `setupFunc` then.
 * So the backend may be imported later, or removed and registered anew.
 */
export function keepApplied(backend: string, apply: () => void): void {
  const marker: tf.KernelConfig = {
    kernelName: 'TfkitSetup',
    backendName: backend,
    setupFunc: apply,
    kernelFunc: () => {
      throw new Error('TfkitSetup only marks that tfkit prepares this backend; it is no op.');
    },
  };
  applyPatch(`setup/${backend}`, () => replaceKernels([marker]));
  if (tf.getBackend() === backend) apply();
}
