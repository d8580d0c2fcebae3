import { checkKnownOptions, checkNumber, checkOneOf } from '@tfkit/core';
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import { type ClassCounts, type CountOptions, classCounts, imageClassCounts } from './classCounts';
import { type AbsentClassPolicy, absentClassPolicies, meanByPolicy, meanDefined } from './policies';
import { sum } from './sum';

/** Weights of the metrics that have some. */
export interface MetricParameters {
  /** F-beta: how much recall counts against precision. Default 1. */
  readonly beta?: number;
  /** Tversky: weight of false positives. Default 0.5. */
  readonly fpWeight?: number;
  /** Tversky: weight of false negatives. Default 0.5. */
  readonly fnWeight?: number;
}

type Formula = (
  tp: number,
  fp: number,
  fn: number,
  tn: number,
  parameters: Required<MetricParameters>,
) => number;

/** One class against the rest; every 0/0 is NaN. */
const formulas = {
  iou: (tp, fp, fn) => tp / (tp + fp + fn),
  dice: (tp, fp, fn) => (2 * tp) / (2 * tp + fp + fn),
  precision: (tp, fp) => tp / (tp + fp),
  recall: (tp, _, fn) => tp / (tp + fn),
  specificity: (_, fp, __, tn) => tn / (tn + fp),
  npv: (_, __, fn, tn) => tn / (tn + fn),
  fpr: (_, fp, __, tn) => fp / (fp + tn),
  fnr: (tp, _, fn) => fn / (fn + tp),
  accuracyOneVsRest: (tp, fp, fn, tn) => (tp + tn) / (tp + fp + fn + tn),
  fbeta: (tp, fp, fn, _, { beta }) =>
    ((1 + beta * beta) * tp) / ((1 + beta * beta) * tp + beta * beta * fn + fp),
  tversky: (tp, fp, fn, _, { fpWeight, fnWeight }) => tp / (tp + fpWeight * fp + fnWeight * fn),
  // The root is taken factor by factor: the product of four counts passes 2^53 at a few megapixels.
  mccOneVsRest: (tp, fp, fn, tn) =>
    (tp * tn - fp * fn) / (Math.sqrt(tp + fp) * Math.sqrt(tp + fn) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn)),
} satisfies Record<string, Formula>;

/** A metric of one class against the rest. */
export type ClassMetric = keyof typeof formulas;

/** The scores of a class that come from its counts, by name. */
export const classMetrics = Object.keys(formulas) as ClassMetric[];

/**
 * How classes become one number: 'macro' = mean by the absent-class policy; 'weighted' = mean weighted by target pixels
 * (0/0 read as 0); 'micro' = the formula on the counts summed over classes.
 */
export type Average = 'macro' | 'weighted' | 'micro';

/**
 * What is averaged: 'dataset' = the summed counts of all images; 'image-means' = each image's number, then the mean of
 * those defined; 'class-means' = each class's mean over the images where it is defined, then the mean of those;
 * 'image-class-pairs' = all defined (image, class) values.
 */
export type Level = 'dataset' | 'image-means' | 'class-means' | 'image-class-pairs';

export interface ScoreOptions extends MetricParameters, CountOptions {
  /** Default 'macro'. */
  readonly average?: Average;
  /** For 'macro' alone. Default 'nan-skipped'. */
  readonly policy?: AbsentClassPolicy;
  /** Default 'dataset'. Others need a matrix with `keepImages`. */
  readonly level?: Level;
}

/** A number that says what it is. */
export interface Score {
  readonly metric: string;
  readonly value: number;
  /** Each class (at level 'class-means': its mean over images; else of the summed counts). NaN where 0/0. */
  readonly perClass: Float64Array;
  readonly classNames: readonly string[];
  readonly average: Average;
  readonly policy: AbsentClassPolicy;
  readonly level: Level;
  /** How many classes entered the mean (at level 'image-class-pairs': how many pairs). */
  readonly classesUsed: number;
  /** How many images had a defined value; all images at level 'dataset'. */
  readonly imagesUsed: number;
}

const weights = ['beta', 'fpWeight', 'fnWeight'] as const;
const known = ['average', 'policy', 'level', ...weights, 'invalidPredictions', 'regions'];

/**
 * A metric of classes against the rest, per class and averaged: iou, dice, precision, recall, specificity, npv, fpr,
 * fnr, accuracyOneVsRest, fbeta, tversky, mccOneVsRest.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * @example
 * const { value, perClass, classesUsed } = score(matrix, 'dice', { policy: 'without-class-0' });
 */
export function score(matrix: ConfusionMatrix, metric: ClassMetric, options: ScoreOptions = {}): Score {
  const { average = 'macro', policy = 'nan-skipped', level = 'dataset' } = options;
  checkKnownOptions('score', options, known);
  checkOneOf(['score', 'metric'], metric, classMetrics);
  checkOneOf(['score', 'average'], average, ['macro', 'weighted', 'micro']);
  checkOneOf(['score', 'policy'], policy, absentClassPolicies);
  checkOneOf(['score', 'level'], level, ['dataset', 'image-means', 'class-means', 'image-class-pairs']);
  const { beta = 1, fpWeight = 0.5, fnWeight = 0.5 } = options;
  const parameters = { beta, fpWeight, fnWeight };
  for (const name of weights) checkNumber(['score', name], parameters[name], { min: 0 });
  const formula = (tp: number, fp: number, fn: number, tn: number) =>
    (formulas[metric] as Formula)(tp, fp, fn, tn, parameters);
  const values = ({ tp, fp, fn, tn }: ClassCounts) =>
    tp.map((hits, i) => formula(hits, fp[i]!, fn[i]!, tn[i]!));
  const averaged = (counts: ClassCounts) => {
    if (average === 'macro') return meanByPolicy(values(counts), policy, counts);
    const { tp, fp, fn, tn, support } = counts;
    const used = tp.length;
    if (average === 'micro') return { value: formula(sum(tp), sum(fp), sum(fn), sum(tn)), used };
    return {
      value: sum(values(counts).map((value, i) => (value || 0) * support[i]!)) / sum(support),
      used: support.filter((pixels) => pixels > 0).length,
    };
  };

  const dataset = classCounts(matrix, options);
  const shared = { metric, classNames: dataset.names, average, policy, level };
  if (level === 'dataset') {
    const { value, used } = averaged(dataset);
    return { ...shared, value, perClass: values(dataset), classesUsed: used, imagesUsed: matrix.numImages };
  }
  const images = imageClassCounts(matrix, options, 'score');
  const perImage = images.map(values);
  if (level === 'image-means') {
    const means = images.map(averaged);
    const { value, used } = meanDefined(means.map((mean) => mean.value));
    const classesUsed = Math.max(0, ...means.map((mean) => mean.used));
    return { ...shared, value, perClass: values(dataset), classesUsed, imagesUsed: used };
  }
  const imagesUsed = perImage.filter((image) => meanDefined(image).used > 0).length;
  const perClass = Float64Array.from(
    dataset.tp,
    (_, i) => meanDefined(perImage.map((image) => image[i]!)).value,
  );
  const { value, used } =
    level === 'class-means'
      ? meanByPolicy(perClass, policy, dataset)
      : meanDefined(perImage.flatMap((image) => [...image.subarray(policy === 'without-class-0' ? 1 : 0)]));
  return { ...shared, value, perClass, classesUsed: used, imagesUsed };
}

/** Intersection over union (Jaccard): tp / (tp + fp + fn). */
export const iou = (matrix: ConfusionMatrix, options?: ScoreOptions): Score => score(matrix, 'iou', options);

/** Dice (F1): 2 tp / (2 tp + fp + fn). */
export const dice = (matrix: ConfusionMatrix, options?: ScoreOptions): Score =>
  score(matrix, 'dice', options);
