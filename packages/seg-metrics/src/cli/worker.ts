/** A worker thread of --jobs: evaluates the items it is sent. */
import { parentPort, workerData } from 'node:worker_threads';
import { attempt, type WorkerData } from './evaluateAll';

const { task, settings } = workerData as WorkerData;

parentPort?.on('message', async (item) => parentPort?.postMessage(await attempt(task, item, settings)));
