/** The backends that the page brings: which work in this browser, and setting one. */

import plainWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simdWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threadedWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import * as tf from '@tensorflow/tfjs-core';
import { cpu } from '@tfkit/core/backends/cpu';
import { wasm } from '@tfkit/core/backends/wasm';
import { webgl } from '@tfkit/core/backends/webgl';
import { webgpu } from '@tfkit/core/backends/webgpu';
import { ensureGradients, ensureKernels, selectBackend } from '@tfkit/core/tfjs';
import { type Backend, type BackendState, backendNames } from './protocol';

/** The wasm backend with its binaries from this page's own assets. */
const bundledWasm = {
  ...wasm,
  load: async () => {
    if (tf.findBackendFactory('wasm')) return;
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths({
      'tfjs-backend-wasm.wasm': plainWasm,
      'tfjs-backend-wasm-simd.wasm': simdWasm,
      'tfjs-backend-wasm-threaded-simd.wasm': threadedWasm,
    });
    await wasm.load();
  },
};

const backends = [webgpu, webgl, bundledWasm, cpu];

/** Sets this backend, or the best that is no software renderer; resolves to its name. */
export async function useBackend(require: Backend | undefined): Promise<Backend> {
  const { name } = await selectBackend({ require, backends });
  await ensureGradients();
  await ensureKernels();
  return name as Backend;
}

const probes: Record<Backend, () => Promise<string>> = {
  webgpu: async () => {
    if (!navigator.gpu) throw new Error('this browser has no navigator.gpu in a worker');
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error('no graphics adapter was found');
    const { vendor, architecture, description } = adapter.info;
    return [vendor, architecture, description].filter(Boolean).join(' ') || 'adapter without a name';
  },
  webgl: async () => {
    const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
    if (!gl) throw new Error('no WebGL 2 context could be had in a worker');
    const info = gl.getExtension('WEBGL_debug_renderer_info');
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  },
  wasm: async () => {
    if (typeof WebAssembly === 'undefined') throw new Error('this browser has no WebAssembly');
    return 'on the processor, with SIMD where it has it';
  },
  cpu: async () => 'plain JavaScript, the slowest',
};

/** Every backend of the page, with why it is absent where it is. */
export function probeBackends(): Promise<BackendState[]> {
  return Promise.all(
    backendNames.map(async (name) => {
      try {
        return { name, available: true, detail: await probes[name]() };
      } catch (error) {
        return { name, available: false, detail: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}
