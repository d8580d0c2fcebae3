/**
 * Scores predicted masks against targets, two folders of label maps with the same file names:
 *
 *   node evaluate-masks/main.js [predictions targets]
 *
 * One confusion matrix counts all pixels; every score is read from it. Pixels that the target marks 255 do not count.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bootstrap,
  ConfusionMatrix,
  dice,
  hausdorffDistance,
  meanIou,
  pixelAccuracy,
  surfaceDistances,
  worstImages,
} from '@tfkit/seg-metrics';
import { readLabelMap } from '@tfkit/seg-metrics/io';

const here = import.meta.dirname;
const [predictions = join(here, 'predictions'), targets = join(here, 'targets')] = process.argv.slice(2);
const classes = ['background', 'disc', 'square'];

const matrix = new ConfusionMatrix({ numClasses: classes.length, ignoreIndex: 255, keepImages: true });
const read = async (folder, name) => readLabelMap(await readFile(join(folder, name)));
const distances = [];
for (const name of (await readdir(targets)).sort()) {
  const [prediction, target] = [await read(predictions, name), await read(targets, name)];
  matrix.update(prediction.data, target.data, { names: [name] });

  // HD95 of the discs: masks of one class, distances in pixels (or in millimetres, with a spacing).
  const mask = ({ data }) => Uint8Array.from(data, (id) => Number(id === 1));
  const surfaces = surfaceDistances(mask(prediction), mask(target), { shape: target.shape });
  distances.push(`${name} ${hausdorffDistance(surfaces, { percentile: 95 }).toFixed(2)}`);
}

const { value, perClass } = meanIou(matrix);
const { low, high } = bootstrap(matrix, (sample) => meanIou(sample).value, { seed: 1 });
console.log(`mIoU ${value.toFixed(4)} (95% interval over images ${low.toFixed(4)} to ${high.toFixed(4)})`);
for (const [id, name] of classes.entries()) console.log(`  IoU of ${name}: ${perClass[id].toFixed(4)}`);
console.log(`pixel accuracy ${pixelAccuracy(matrix).toFixed(4)}, mean Dice ${dice(matrix).value.toFixed(4)}`);
console.log(`HD95 of discs, in pixels: ${distances.join(', ')}`);
console.log(`worst image: ${worstImages(matrix, { count: 1 })[0].name}`);
