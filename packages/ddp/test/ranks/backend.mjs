/** Loads a tfjs backend in a rank, as the test kit does in tests: what is no devDependency comes from its cache folder. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels, selectBackend } from '@tfkit/core/tfjs';

/** @param paths { tfjsNode: a file that resolves it, dawn: the folder of the npm package webgpu } */
export async function useBackend(name, paths) {
  if (tf.getBackend() === name) return tf;
  tf.env().set('PROD', true);
  if (name === 'tensorflow') {
    await import('@tfkit/core/node-compat');
    createRequire(paths.tfjsNode)('@tensorflow/tfjs-node');
  } else if (name === 'webgpu') {
    const { create, globals } = await import(pathToFileURL(`${paths.dawn}/index.js`).href);
    Object.assign(globalThis, globals);
    const navigator = globalThis.navigator ?? {};
    Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
    Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
    const { webgpu } = await import('@tfkit/core/backends/webgpu');
    await selectBackend({ require: 'webgpu', backends: [webgpu] });
  } else {
    await import(`@tensorflow/tfjs-backend-${name}`);
  }
  if (!(await tf.setBackend(name))) throw new Error(`no backend '${name}'`);
  await ensureGradients();
  await ensureKernels();
  return tf;
}
