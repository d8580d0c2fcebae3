/** The backend of a long training: TensorFlow where it is, on a GPU if it can. */
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels, selectBackend } from '@tfkit/core/tfjs';
import { tfjsNodeAnchor } from '@tfkit/test-kit/availability';
import { loadNodeBackend } from '@tfkit/test-kit/node-backends';

export const backendNames = ['tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'] as const;

/** Loads and sets the backend, or the best that is here; returns its name. */
export async function loadBackend(name?: (typeof backendNames)[number]): Promise<string> {
  tf.enableProdMode();
  if (name === 'tensorflow-gpu') await selectBackend({ require: name });
  else if (name) await loadNodeBackend(name);
  else {
    const { tried } = await selectBackend({ prefer: ['tensorflow-gpu', 'tensorflow', 'wasm'] });
    const hasTensorflow = tried.some((attempt) => attempt.ok && attempt.name.startsWith('tensorflow'));
    // tfjs-node that `npm run setup:backends` built is not installed, so selectBackend does not see it.
    if (!hasTensorflow) await loadNodeBackend(tfjsNodeAnchor() ? 'tensorflow' : 'wasm');
  }
  await ensureGradients();
  await ensureKernels();
  return tf.getBackend();
}
