import * as tf from '@tensorflow/tfjs-core';
import { soloCollective } from '@tfkit/core';
import { ConfusionMatrix } from '@tfkit/seg-metrics';
import type { Samples } from './sample';

/** Two images of three classes, each kept. */
function matrix(): ConfusionMatrix {
  const counted = new ConfusionMatrix({ numClasses: 3, keepImages: true });
  counted.update(Uint8Array.of(0, 1, 1, 2), Uint8Array.of(0, 1, 2, 2));
  counted.update(Uint8Array.of(0, 0, 1, 2), Uint8Array.of(0, 1, 2, 2));
  return counted;
}

const mask = () => Uint8Array.from({ length: 36 }, (_, i) => Number(i % 6 > 2));
const shape = () => ({ shape: [6, 6] });
/** A 2x3 mask, column by column: two pixels off, three on, one off. */
const rle = () => ({ size: [2, 3], counts: [2, 3, 1] });
const instance = () => ({ imageId: 1, categoryId: 1, mask: rle() });
const png = (color: string, channels: number) => ({
  width: 2,
  height: 2,
  bitDepth: 8,
  channels,
  color,
  data: new Uint8Array(4 * channels),
});

export const segMetrics: Samples = {
  '.#addTable': () => [matrix(), new Float64Array(9).fill(1), { images: 1 }],
  '.#balancedAccuracy': () => [matrix(), {}],
  '.#bootstrap': () => [matrix(), () => 1, { samples: 20, seed: 1 }],
  '.#boundaryBand': () => [mask(), [6, 6], 1],
  '.#boundaryF1': () => [mask(), mask(), shape()],
  '.#boundaryIou': () => [mask(), mask(), shape()],
  '.#boundaryWidth': () => [[6, 6], 0.02],
  '.#classCounts': () => [matrix(), { ignoreClasses: [0] }],
  '.#cohensKappa': () => [matrix(), { weights: 'linear' }],
  '.#comparePaired': () => [matrix(), matrix(), () => 1, { samples: 20, seed: 1 }],
  '.#connectedComponents': () => [mask(), shape()],
  '.#davisBoundaryF1': () => [mask(), mask(), { ...shape(), tolerance: 0.1 }],
  '.#decodeRle': () => [rle()],
  '.#dice': () => [matrix(), { policy: 'nan-skipped' }],
  '.#encodeRle': () => [mask(), [6, 6]],
  '.#frequencyWeightedIou': () => [matrix(), {}],
  '.#generalizedDice': () => [matrix(), { weights: 'square' }],
  '.#iou': () => [matrix(), { policy: 'nan-skipped' }],
  '.#maskAveragePrecision': () => [[{ ...instance(), score: 0.9 }], [instance()], { iouThresholds: [0.5] }],
  '.#matthewsCorrelation': () => [matrix()],
  '.#meanDistance': () => [[{ diagonal: 8, empty: 'none' }], [2], 'nan'],
  '.#meanIou': () => [matrix(), { policy: 'nan-skipped' }],
  '.#meanPixelAccuracy': () => [matrix(), {}],
  '.#mergeAll': () => [matrix(), soloCollective],
  '.#mergeRles': () => [[rle(), rle()], 'union'],
  '.#parseRle': () => [rle()],
  '.#pixelAccuracy': () => [matrix(), {}],
  '.#polygonToRle': () => [[[0, 0, 3, 0, 3, 3]], [4, 4]],
  '.#presetScores': () => [matrix(), 'mmseg'],
  '.#rleArea': () => [rle()],
  '.#rleBox': () => [rle()],
  '.#rleIntersection': () => [rle(), rle()],
  '.#rleIou': () => [rle(), rle(), false],
  '.#rleToString': () => [rle()],
  '.#score': () => [matrix(), 'iou', { policy: 'nan-skipped' }],
  '.#scoreBySize': () => [matrix(), 'iou', { bounds: [1, 3] }],
  '.#trimapCounts': () => [mask(), mask(), { ...shape(), radius: 1, numClasses: 2 }],
  '.#updateLogits': () => [matrix(), new Float32Array(12), Uint8Array.of(0, 1, 2, 2)],
  '.#worstImages': () => [matrix(), 'iou', 1],
  './io#labelsFromPng': () => [png('gray', 1)],
  './io#nnunetSummary': () => [matrix(), { foreground: [1, 2] }],
  './io#panopticIds': () => [png('rgb', 3)],
  './tfjs#updateFromTensors': () => [matrix(), tf.zeros([2, 2, 3]), tf.zeros([2, 2], 'int32')],
};
