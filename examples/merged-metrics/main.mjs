/**
 * One mean IoU over the images of all ranks: each counts its own, and the counts are added. The mean of the ranks' scores
 * would be another number, since classes are not spread evenly.
 *
 *   node examples/merged-metrics/main.mjs
 *   npx tfkit-ddp run -n 2 examples/merged-metrics/main.mjs
 *   mpirun -n 2 node examples/merged-metrics/main.mjs
 */
import { foldIn, key, uniform } from '@tfkit/core';
import { initProcessGroup } from '@tfkit/ddp';
import { ConfusionMatrix, meanIou, mergeAll } from '@tfkit/seg-metrics';

const [numImages, numPixels, numClasses] = [9, 64 * 64, 4];
const group = await initProcessGroup();

// Images differ: later ones have more of the last classes, and more mistakes.
const matrix = new ConfusionMatrix({ numClasses });
for (let image = group.rank; image < numImages; image += group.size) {
  const draws = uniform(foldIn(key(5), image), [2 * numPixels]);
  const targets = Uint8Array.from({ length: numPixels }, (_, i) =>
    Math.min(numClasses - 1, Math.floor(draws[i] * (1 + image / 2))),
  );
  const predictions = targets.map((target, i) =>
    draws[numPixels + i] < 0.05 + 0.05 * image ? (target + 1) % numClasses : target,
  );
  matrix.update(predictions, targets);
}

const own = meanIou(matrix).value;
const merged = meanIou(await mergeAll(matrix, group)).value;
const scores = await group.gatherObject(own);
if (group.rank === 0) {
  console.log(
    `ranks: ${group.size}, mean IoU ${merged.toFixed(6)}; by rank ${scores.map((s) => s.toFixed(3)).join(', ')}`,
  );
}
