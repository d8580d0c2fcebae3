/** Counts of label maps become mIoU and Dice; masks become HD95. No TensorFlow.js. */
import { ConfusionMatrix, dice, hausdorffDistance, meanIou, surfaceDistances } from '@tfkit/seg-metrics';
import { decodeNpy } from '@tfkit/seg-metrics/io';

export async function job(): Promise<string> {
  const matrix = new ConfusionMatrix({ numClasses: 3, ignoreIndex: 255 });
  matrix.update(Uint8Array.of(0, 1, 1, 2), Uint8Array.of(0, 1, 2, 255));
  const { value } = meanIou(matrix);
  const target = new Uint8Array(64).fill(1, 18, 46);
  const prediction = new Uint8Array(64).fill(1, 26, 46);
  const surfaces = surfaceDistances(prediction, target, { shape: [8, 8], spacing: [0.9, 0.9] });
  const distance = hausdorffDistance(surfaces, { percentile: 95 });
  if (Math.abs(value - 0.5) > 1e-12) throw new Error(`seg-metrics: mIoU ${value}, expected 0.5`);
  if (!(dice(matrix).value > 0.5) || !(distance > 0)) throw new Error(`seg-metrics: HD95 ${distance}`);
  if (typeof decodeNpy !== 'function') throw new Error('seg-metrics: no decoders');
  return `mIoU ${value}, HD95 ${distance}`;
}
