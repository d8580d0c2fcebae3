/** How each backend is loaded in Chromium for tests. */
import * as tf from '@tensorflow/tfjs-core';
import { webgpu } from '@tfkit/core/backends/webgpu';

export const browserLoaders = {
  cpu: async () => void (await import('@tensorflow/tfjs-backend-cpu')),
  wasm: async () => {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    // tfjs wants to know all three, and takes the threaded one on a cross-origin isolated page.
    const [{ default: plain }, { default: simd }, { default: threaded }] = await Promise.all([
      import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'),
      import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'),
      import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'),
    ]);
    setWasmPaths({
      'tfjs-backend-wasm.wasm': plain,
      'tfjs-backend-wasm-simd.wasm': simd,
      'tfjs-backend-wasm-threaded-simd.wasm': threaded,
    });
  },
  tensorflow: async () => {
    throw new Error('tensorflow runs in Node only');
  },
  webgl: async () => void (await import('@tensorflow/tfjs-backend-webgl')),
  webgpu: async () => {
    if (!tf.engine().registry.webgpu) await webgpu.load();
  },
};
