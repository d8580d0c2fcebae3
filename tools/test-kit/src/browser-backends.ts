/** How each backend is loaded in Chromium for tests. */
import * as tf from '@tensorflow/tfjs-core';
import { webgpu } from '@tfkit/core/backends/webgpu';

export const browserLoaders = {
  cpu: async () => void (await import('@tensorflow/tfjs-backend-cpu')),
  wasm: async () => {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const { default: address } = await import(
      '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
    );
    setWasmPaths({ 'tfjs-backend-wasm-simd.wasm': address });
  },
  tensorflow: async () => {
    throw new Error('tensorflow runs in Node only');
  },
  webgl: async () => void (await import('@tensorflow/tfjs-backend-webgl')),
  webgpu: async () => {
    if (!tf.engine().registry.webgpu) await webgpu.load();
  },
};
