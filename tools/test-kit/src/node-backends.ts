/** How each backend is loaded in Node for tests: from node_modules, or from the cache folder of `setup:backends`. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { swiftShaderDriver, tfjsNodeAnchor, webgpuModuleFolder } from './availability';

export const nodeBackends = ['cpu', 'wasm', 'tensorflow', 'webgpu'] as const;

/** Loads one of `nodeBackends` and sets it, outside of vitest. */
export async function loadNodeBackend(name: (typeof nodeBackends)[number]): Promise<void> {
  await nodeLoaders[name]();
  if (!(await tf.setBackend(name))) throw new Error(`the backend '${name}' could not be initialised`);
  await tf.ready();
}

export const nodeLoaders = {
  cpu: async () => void (await import('@tensorflow/tfjs-backend-cpu')),
  wasm: async () => void (await import('@tensorflow/tfjs-backend-wasm')),
  tensorflow: loadTensorFlow,
  webgpu: async () => {
    if (tf.findBackendFactory('webgpu')) return;
    const { webgpuLoader } = await import('@tfkit/core/backends/loader');
    await webgpuLoader(() => import('@tensorflow/tfjs-backend-webgpu'), installWebGPU).load();
  },
  webgl: async () => {
    throw new Error('webgl runs in a browser only');
  },
};

/** Loads tfjs-node, which registers the backend 'tensorflow' with the tfjs-core that is loaded already. */
export async function loadTensorFlow(): Promise<void> {
  const anchor = tfjsNodeAnchor();
  if (!anchor) throw new Error('tfjs-node is absent: npm run setup:backends -- tensorflow');
  await import('@tfkit/core/node-compat');
  // tfjs-node brings its own copies of tfjs' packages, whose kernels of the cpu backend are registered already: no news.
  tf.env().set('PROD', true);
  try {
    createRequire(anchor)('@tensorflow/tfjs-node');
  } finally {
    tf.env().set('PROD', false);
  }
}

/** Puts Dawn's WebGPU on `navigator.gpu`, on Chromium's SwiftShader driver unless VK_ICD_FILENAMES names another. */
export async function installWebGPU(): Promise<void> {
  const folder = webgpuModuleFolder();
  if (!folder) throw new Error('the npm package webgpu is absent: npm run setup:backends -- webgpu');
  const driver = swiftShaderDriver();
  if (driver) process.env.VK_ICD_FILENAMES = driver;
  const { create, globals } = await import(pathToFileURL(join(folder, 'index.js')).href);
  Object.assign(globalThis, globals);
  const navigator = globalThis.navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
}
