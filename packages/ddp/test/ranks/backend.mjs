/** Loads a tfjs backend in a rank, as the test kit does in tests: tfjs-node comes from the cache of `setup:backends`. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';

export async function useBackend(name, anchor) {
  tf.env().set('PROD', true);
  if (name === 'tensorflow') {
    await import('@tfkit/core/node-compat');
    createRequire(anchor)('@tensorflow/tfjs-node');
  } else {
    await import(`@tensorflow/tfjs-backend-${name}`);
  }
  if (!(await tf.setBackend(name))) throw new Error(`no backend '${name}'`);
  await ensureGradients();
  await ensureKernels();
  return tf;
}
