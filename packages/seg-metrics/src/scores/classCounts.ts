/** True and false positives and negatives of each class, or of regions of several labels, from a confusion matrix. */
import { OptionError } from '@tfkit/core';
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import type { ImageCounts } from '../counts/imageCounts';
import { sum } from './sum';

/** 'false-negative': pixels predicted as no class count as missed. 'dropped': they are left out. */
export type InvalidPredictions = 'false-negative' | 'dropped';

/** Overlapping groups of labels, each scored as one: `{ WT: [1, 2, 3], TC: [2, 3], ET: [3] }`. */
export type Regions = Readonly<Record<string, readonly number[]>>;

/** Pixel counts, one entry a class (or region). */
export interface ClassCounts {
  readonly names: readonly string[];
  readonly tp: Float64Array;
  readonly fp: Float64Array;
  readonly fn: Float64Array;
  readonly tn: Float64Array;
  /** Target pixels of the class: tp + fn. */
  readonly support: Float64Array;
  /** Predicted pixels of the class: tp + fp. */
  readonly predicted: Float64Array;
  /** All pixels that count. */
  readonly total: number;
}

export interface CountOptions {
  /** Default 'false-negative'. */
  readonly invalidPredictions?: InvalidPredictions;
  /** Score these groups of labels instead of the classes. */
  readonly regions?: Regions;
}

/**
 * The counts of each class of a matrix; with `regions`, of each region.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function classCounts(matrix: ConfusionMatrix, options: CountOptions = {}): ClassCounts {
  const { invalidPredictions, regions } = options;
  const n = matrix.numClasses;
  const cells = matrix.counts;
  const row = invalidPredictions === 'dropped' ? new Float64Array(n) : matrix.invalidPredictions;
  const column = new Float64Array(n);
  for (let t = 0; t < n; t++) {
    for (let p = 0; p < n; p++) {
      row[t]! += cells[t * n + p]!;
      column[p]! += cells[t * n + p]!;
    }
  }
  const sumOf = (values: Float64Array) => (labels: readonly number[]) => sum(labels.map((l) => values[l]!));
  const groups = regions
    ? Object.values(regions).map((labels) => [...new Set(labels)])
    : Array.from(row, (_, i) => [i]);
  for (const label of groups.flat()) {
    if (!(label in row)) {
      throw new OptionError(`classCounts: regions must hold labels in [0, ${n - 1}], got ${label}.`);
    }
  }
  const total = sum(row);
  const tp = Float64Array.from(groups, (labels) =>
    sum(labels.flatMap((t) => labels.map((p) => cells[t * n + p]!))),
  );
  const support = Float64Array.from(groups, sumOf(row));
  const predicted = Float64Array.from(groups, sumOf(column));
  const fn = support.map((pixels, i) => pixels - tp[i]!);
  const fp = predicted.map((pixels, i) => pixels - tp[i]!);
  return {
    names: regions ? Object.keys(regions) : matrix.classNames,
    tp,
    fp,
    fn,
    tn: tp.map((hits, i) => total - hits - fn[i]! - fp[i]!),
    support,
    predicted,
    total,
  };
}

/** The counts of each kept image. */
export function imageClassCounts(
  matrix: ConfusionMatrix,
  options: CountOptions,
  functionName: string,
): ClassCounts[] {
  if (matrix.images.length === 0 && matrix.numImages > 0) {
    throw new OptionError(
      `${functionName}: matrix must keep its images, got none. Construct it with keepImages: true.`,
    );
  }
  return matrix.images.map((image: ImageCounts) => classCounts(matrix.weighted([[image, 1]]), options));
}
