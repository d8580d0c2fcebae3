/** What kept images allow after the fact: confidence intervals, comparison of models, the worst images, size strata. */
import { checkInteger, checkNumber, OptionError } from '@tfkit/core';
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import type { ImageCounts } from '../counts/imageCounts';
import { imageClassCounts } from './classCounts';
import { meanDefined } from './policies';
import { type ClassMetric, type ScoreOptions, score } from './score';

/** Any number of a matrix: `(matrix) => meanIou(matrix).value`. */
export type Statistic = (matrix: ConfusionMatrix) => number;

export interface BootstrapOptions {
  /** Resamples. Default 1000. */
  readonly samples?: number;
  /** Default 0.95. */
  readonly confidence?: number;
  /** Default 0. The same seed gives the same interval. */
  readonly seed?: number;
}

/** An estimate, its bootstrap interval and standard error. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
  readonly confidence: number;
  readonly images: number;
}

/**
 * The percentile bootstrap interval of a statistic over images: images are resampled with replacement.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
 *
 * @example
 * const { value, low, high } = bootstrap(matrix, (m) => meanIou(m).value);
 */
export function bootstrap(
  matrix: ConfusionMatrix,
  statistic: Statistic,
  options: BootstrapOptions = {},
): Interval {
  const { samples, confidence, seed } = checkBootstrap('bootstrap', options);
  const images = keptImages('bootstrap', matrix);
  const random = mulberry32(seed);
  const values = Array.from({ length: samples }, () =>
    statistic(matrix.weighted(resample(images, random).map((i) => [images[i]!, 1] as const))),
  );
  return { ...interval(statistic(matrix), values, confidence), images: images.length };
}

export interface PairedComparison extends Interval {
  /** Two-sided p of a random-swap (permutation) test: each image's results change models by a coin. */
  readonly pValue: number;
  /** Share of resamples in which the first model scores higher. */
  readonly probabilityFirstHigher: number;
}

/**
 * The difference first - second of a statistic, of two models on the same images, with its bootstrap interval and a
 * permutation test. Images pair by name.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function comparePaired(
  first: ConfusionMatrix,
  second: ConfusionMatrix,
  statistic: Statistic,
  options: BootstrapOptions = {},
): PairedComparison {
  const { samples, confidence, seed } = checkBootstrap('comparePaired', options);
  const a = keptImages('comparePaired', first);
  const byName = new Map(keptImages('comparePaired', second).map((image) => [image.name, image]));
  const b = a.map(({ name }) => {
    const image = byName.get(name);
    if (!image)
      throw new OptionError(`comparePaired: second must hold the images of first, lacks '${name}'.`);
    return image;
  });
  if (byName.size !== a.length) {
    throw new OptionError(
      `comparePaired: both must hold the same images, got ${a.length} and ${byName.size}.`,
    );
  }
  const random = mulberry32(seed);
  const difference = (x: readonly ImageCounts[], y: readonly ImageCounts[]) =>
    statistic(first.weighted(x.map((i) => [i, 1] as const))) -
    statistic(second.weighted(y.map((i) => [i, 1] as const)));
  const value = difference(a, b);
  let extreme = 0;
  const values = Array.from({ length: samples }, () => {
    const chosen = resample(a, random);
    const swap = a.map(() => random() < 0.5);
    const swapped = difference(
      a.map((image, i) => (swap[i] ? b[i]! : image)),
      b.map((image, i) => (swap[i] ? a[i]! : image)),
    );
    if (Math.abs(swapped) >= Math.abs(value) - 1e-12) extreme++;
    return difference(
      chosen.map((i) => a[i]!),
      chosen.map((i) => b[i]!),
    );
  });
  return {
    ...interval(value, values, confidence),
    images: a.length,
    pValue: (extreme + 1) / (samples + 1),
    probabilityFirstHigher: values.filter((v) => v > 0).length / samples,
  };
}

/** An image with its score. */
export interface RankedImage {
  readonly index: number;
  readonly name: string;
  readonly value: number;
}

/**
 * The images with the lowest (or highest, for rates of error) image-wise score, worst first; undefined ones are left out.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function worstImages(
  matrix: ConfusionMatrix,
  options: Omit<ScoreOptions, 'level'> & { readonly metric?: ClassMetric; readonly count?: number } = {},
): RankedImage[] {
  const { metric = 'iou', count = 10, ...scoring } = options;
  checkInteger(['worstImages', 'count'], count, { min: 1 });
  const sign = metric === 'fpr' || metric === 'fnr' ? -1 : 1;
  return keptImages('worstImages', matrix)
    .map(({ name }, index) => ({ index, name, value: score(matrix.image(index), metric, scoring).value }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => sign * (a.value - b.value))
    .slice(0, count);
}

/** Pairs of image and class of a range of sizes, in pixels, and their score. */
export interface SizeStratum {
  /** (image, class) pairs with more than `above` and at most `upTo` target pixels. */
  readonly above: number;
  readonly upTo: number;
  readonly pairs: number;
  readonly value: number;
}

/** A metric by the size of the class in the image: the mean over (image, class) pairs of each stratum. */
export function scoreBySize(
  matrix: ConfusionMatrix,
  metric: ClassMetric,
  options: Omit<ScoreOptions, 'level' | 'average'> & { readonly bounds?: readonly number[] } = {},
): SizeStratum[] {
  const { bounds = [1024, 9216], ...scoring } = options;
  const edges = [0, ...bounds, Infinity];
  const pairs = imageClassCounts(matrix, scoring, 'scoreBySize').flatMap(({ support }, i) => {
    const { perClass } = score(matrix.image(i), metric, scoring);
    return Array.from(perClass, (value, label) => ({ value, label, pixels: support[label]! }));
  });
  return edges.slice(1).map((upTo, k) => {
    const above = edges[k]!;
    const inside = pairs.filter(
      ({ pixels, label }) =>
        pixels > above && pixels <= upTo && !(scoring.policy === 'without-class-0' && label === 0),
    );
    const { value, used } = meanDefined(inside.map((pair) => pair.value));
    return { above, upTo, pairs: used, value };
  });
}

function checkBootstrap(functionName: string, options: BootstrapOptions) {
  const { samples = 1000, confidence = 0.95, seed = 0 } = options;
  checkInteger([functionName, 'samples'], samples, { min: 1, max: 1e6 });
  checkNumber([functionName, 'confidence'], confidence, { min: 0, max: 1, open: 'both' });
  checkInteger([functionName, 'seed'], seed, { min: 0 });
  return { samples, confidence, seed };
}

function keptImages(functionName: string, matrix: ConfusionMatrix): readonly ImageCounts[] {
  if (matrix.images.length > 0) return matrix.images;
  throw new OptionError(
    `${functionName}: matrix must keep its images, got ${matrix.numImages} images and none kept. Construct it with keepImages: true.`,
  );
}

const resample = (images: readonly unknown[], random: () => number) =>
  images.map(() => Math.floor(random() * images.length));

function interval(value: number, values: readonly number[], confidence: number): Omit<Interval, 'images'> {
  const sorted = values.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
  const at = (share: number) => {
    const position = share * (sorted.length - 1);
    const below = Math.floor(position);
    const low = sorted[below] ?? NaN;
    return low + (position - below) * ((sorted[below + 1] ?? low) - low);
  };
  const { value: mean } = meanDefined(sorted);
  const variance = sorted.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (sorted.length - 1);
  return {
    value,
    low: at((1 - confidence) / 2),
    high: at((1 + confidence) / 2),
    standardError: Math.sqrt(variance),
    confidence,
  };
}

/** Uniform numbers in [0, 1). Tommy Ettinger's mulberry32, public domain. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z = (z + Math.imul(z ^ (z >>> 7), z | 61)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}
