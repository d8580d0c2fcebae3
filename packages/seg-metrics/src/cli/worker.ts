/** A worker thread of --jobs: evaluates the pairs it is sent. */
import { parentPort, workerData } from 'node:worker_threads';
import { evaluateImage } from './evaluateImage';
import type { Pair } from './pairs';

parentPort?.on('message', async (pair: Pair) => {
  try {
    parentPort?.postMessage({ result: await evaluateImage(pair, workerData) });
  } catch (error) {
    parentPort?.postMessage({ error: (error as Error).message });
  }
});
