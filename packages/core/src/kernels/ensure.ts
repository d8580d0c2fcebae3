import * as tf from '@tensorflow/tfjs-core';

/** Fills the kernels that the current backend lacks. Idempotent. */
export async function ensureKernels(): Promise<void> {
  if (tf.getBackend() === 'wasm') (await import('@tfkit/core/kernels/wasm')).registerWasmKernels();
}
