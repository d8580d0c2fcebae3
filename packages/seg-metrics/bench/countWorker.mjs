/** One of two threads: counts its half of maps in shared memory, as --jobs does with files. */
import { parentPort, workerData } from 'node:worker_threads';
import { ConfusionMatrix } from '@tfkit/seg-metrics';

const { shared, classes, size } = workerData;
const view = (index) => new Uint8Array(shared, index * size, size);

parentPort.on('message', (maps) => {
  const matrix = new ConfusionMatrix({ numClasses: classes, ignoreIndex: 255 });
  for (const map of maps) matrix.update(view(2 * map + 1), view(2 * map));
  parentPort.postMessage(matrix.toJSON());
});
