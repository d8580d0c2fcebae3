/** The same check in a Worker, where no vitest is. */
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { browserLoaders } from '../../../tools/test-kit/src/browser-backends';
import { checkKernels } from './wasmCheck';

await browserLoaders.wasm();
await tf.setBackend('wasm');
await ensureGradients();
await ensureKernels();
postMessage(await checkKernels());
