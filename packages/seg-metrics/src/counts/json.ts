/** The portable form of a confusion matrix: versioned, sparse, whole numbers; adds across machines and languages. */
import type { ConfusionMatrix } from './confusionMatrix';
import { type ImageCounts, sparseCounts } from './imageCounts';
import type { PairCounts } from './pairCounts';

export const format = 'tfkit-confusion-matrix';
export const version = 1;

/** [flat cell, pixels, flat cell, pixels, ...] */
type Pairs = number[];

interface CountsJson {
  readonly counts: Pairs;
  readonly invalidPredictions: Pairs;
  readonly ignoredPixels: number;
  readonly invalidTargets: number;
}

/** A confusion matrix as plain JSON, which `parseConfusionMatrix` reads. */
export interface ConfusionMatrixJson extends CountsJson {
  readonly format: typeof format;
  readonly version: typeof version;
  readonly numClasses: number;
  readonly ignoreIndex: readonly number[];
  readonly outOfRange: 'count' | 'error';
  readonly classNames: readonly string[];
  readonly numImages: number;
  readonly images?: readonly (CountsJson & { readonly name: string })[];
}

export function toJson(matrix: ConfusionMatrix, totals: PairCounts): ConfusionMatrixJson {
  const { numClasses, ignoreIndex, outOfRange, classNames, numImages } = matrix;
  return {
    ...{ format, version, numClasses, ignoreIndex, outOfRange, classNames, numImages },
    ...countsJson(sparseCounts(totals, '')),
    ...(matrix.keepImages && {
      images: matrix.images.map((image) => ({ name: image.name, ...countsJson(image) })),
    }),
  };
}

const countsJson = (image: ImageCounts) => ({
  counts: interleave(image.cells, image.pixels),
  invalidPredictions: interleave(image.invalidClasses, image.invalidPixels),
  ignoredPixels: image.ignored,
  invalidTargets: image.invalidTargets,
});

function interleave(keys: Uint32Array, values: Float64Array): Pairs {
  const pairs: Pairs = [];
  for (let i = 0; i < keys.length; i++) pairs.push(keys[i]!, values[i]!);
  return pairs;
}
