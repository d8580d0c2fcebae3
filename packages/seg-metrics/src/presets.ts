/**
 * The numbers of other programs, under their names and by their conventions, from one matrix. Checked against those
 * programs' own results; float32 programs agree to float32.
 */
import { checkOneOf } from '@tfkit/core';
import type { ConfusionMatrix } from './counts/confusionMatrix';
import { type ClassCounts, classCounts, imageClassCounts, type Regions } from './scores/classCounts';
import { cohensKappa, generalizedDiceOf, matthewsCorrelation } from './scores/matrixScores';
import { meanByPolicy, meanDefined } from './scores/policies';
import { type ClassMetric, score } from './scores/score';
import { sum } from './scores/sum';

/** The names of the presets. */
export const presetNames = ['mmseg', 'torchmetrics', 'monai', 'nnunet', 'cityscapes'] as const;
/** The programs whose conventions are known. */
export type Preset = (typeof presetNames)[number];

/** Numbers, and lists of one number a class (NaN where the program gives none). */
export type PresetScores = Readonly<Record<string, number | readonly number[]>>;

/**
 * The numbers that a program reports. 'monai' and 'nnunet' need `keepImages`, and so do torchmetrics' `segmentation.*`,
 * which are left out without it.
 *
 * @param options.regions for 'cityscapes': categories; for 'nnunet': regions.
 * @throws OptionError if an option or a number is out of its range.
 */
export function presetScores(
  matrix: ConfusionMatrix,
  preset: Preset,
  options: { readonly regions?: Regions } = {},
): PresetScores {
  checkOneOf(['presetScores', 'preset'], preset, presetNames);
  return { mmseg, torchmetrics, monai, nnunet, cityscapes }[preset](matrix, options.regions);
}

const list = (values: Iterable<number>) => Array.from(values);
const mean = (values: Iterable<number>) => meanDefined(values).value;
const orZero = (value: number) => (Number.isNaN(value) ? 0 : value);

/** mmseg IoUMetric: dataset counts, 0/0 skipped; Fscore is NaN where precision and recall are 0, Dice is 0 there. */
function mmseg(matrix: ConfusionMatrix): PresetScores {
  const of = (metric: ClassMetric) => list(score(matrix, metric).perClass);
  const [IoU, Acc, Dice, Precision] = [of('iou'), of('recall'), of('dice'), of('precision')];
  const Fscore = Precision.map((p, i) => (2 * p * Acc[i]!) / (p + Acc[i]!));
  const { tp, total } = classCounts(matrix);
  return {
    aAcc: sum(tp) / total,
    ...{ mIoU: mean(IoU), mAcc: mean(Acc), mDice: mean(Dice), mFscore: mean(Fscore) },
    ...{ mPrecision: mean(Precision), mRecall: mean(Acc) },
    ...{ IoU, Acc, Dice, Fscore, Precision, Recall: Acc },
  };
}

/** torchmetrics 1.9: 0/0 is 0 per class; macro over classes with any pixel; an ignored class leaves Jaccard's mean. */
function torchmetrics(matrix: ConfusionMatrix): PresetScores {
  const counts = classCounts(matrix, { invalidPredictions: 'dropped' });
  // torchmetrics' micro form compares predictions with targets alone, so that one that is no class is a false positive.
  const all = classCounts(matrix);
  const hits = sum(all.tp);
  const wrong = all.total - hits;
  const trueNegatives = matrix.numClasses * all.total - 2 * wrong - hits;
  const result: Record<string, number | number[]> = {
    cohen_kappa: cohensKappa(matrix),
    matthews_corrcoef: torchmetricsMcc(matrix, counts),
  };
  const named = { accuracy: 'recall', f1_score: 'dice', precision: 'precision', recall: 'recall' } as const;
  for (const [name, metric] of Object.entries({ ...named, specificity: 'specificity' } as const)) {
    const options = { invalidPredictions: 'dropped' } as const;
    const { perClass } = score(matrix, metric, options);
    result[`${name}/none`] = list(perClass.map(orZero));
    result[`${name}/macro`] = orZero(meanByPolicy(perClass, 'classes-in-target-or-prediction', counts).value);
    result[`${name}/micro`] = orZero(
      metric === 'specificity' ? trueNegatives / (trueNegatives + wrong) : hits / all.total,
    );
    result[`${name}/weighted`] = weighted(perClass, counts.support, counts);
  }
  return { ...result, ...torchmetricsJaccard(matrix, counts), ...torchmetricsSegmentation(matrix) };
}

function weighted(
  perClass: Float64Array,
  weights: Float64Array,
  { support, predicted }: ClassCounts,
): number {
  const w = weights.map((weight, i) => (support[i]! + predicted[i]! > 0 ? weight : 0));
  return orZero(sum(perClass.map((value, i) => orZero(value) * w[i]!)) / sum(w));
}

function torchmetricsMcc(matrix: ConfusionMatrix, { tp, total }: ClassCounts): number {
  const mcc = matthewsCorrelation(matrix);
  if (matrix.numClasses !== 2 || total === 0) return orZero(mcc);
  const right = sum(tp);
  return right === total ? 1 : right === 0 ? -1 : orZero(mcc);
}

function torchmetricsJaccard(matrix: ConfusionMatrix, counts: ClassCounts): PresetScores {
  const { tp, support, predicted } = counts;
  const union = tp.map((hits, i) => support[i]! + predicted[i]! - hits);
  const perClass = tp.map((hits, i) => orZero(hits / union[i]!));
  const isIgnored = (i: number) => matrix.ignoreIndex.includes(i);
  const present = perClass.filter((_, i) => support[i]! + predicted[i]! > 0 && !isIgnored(i));
  return {
    'jaccard_index/none': list(perClass),
    'jaccard_index/macro': sum(present) / present.length,
    'jaccard_index/micro': orZero(sum(tp) / sum(union.map((u, i) => (isIgnored(i) ? 0 : u)))),
    'jaccard_index/weighted': sum(perClass.map((value, i) => value * support[i]!)) / sum(support),
  };
}

/** torchmetrics.segmentation: image-wise, and defined only where nothing is ignored or out of range. */
function torchmetricsSegmentation(matrix: ConfusionMatrix): PresetScores {
  if (matrix.images.length === 0 || matrix.ignoreIndex.length > 0) return {};
  const images = imageClassCounts(matrix, {}, 'presetScores');
  const dice = (metric: 'dice' | 'iou', level: 'dataset' | 'image-means' | 'image-class-pairs') =>
    score(matrix, metric, { level }).value;
  const micro = (level: 'dataset' | 'image-means') =>
    score(matrix, 'dice', { level, average: 'micro' }).value;
  return {
    'segmentation.DiceScore/global/macro': dice('dice', 'dataset'),
    'segmentation.DiceScore/global/micro': micro('dataset'),
    'segmentation.DiceScore/samplewise/macro': dice('dice', 'image-means'),
    'segmentation.DiceScore/samplewise/micro': micro('image-means'),
    'segmentation.MeanIoU': dice('iou', 'image-means'),
    'segmentation.GeneralizedDiceScore/linear': images.map((c) => generalizedDiceOf(c, 'uniform')),
  };
}

/** MONAI: image-wise; a class is undefined in an image whose TARGET lacks it (ignore_empty), so false positives there vanish. */
function monai(matrix: ConfusionMatrix): PresetScores {
  const images = imageClassCounts(matrix, {}, 'presetScores');
  const result: Record<string, number | number[]> = {};
  for (const [name, formula] of Object.entries({
    DiceMetric: (tp: number, fp: number, fn: number) => (2 * tp) / (2 * tp + fp + fn),
    MeanIoU: (tp: number, fp: number, fn: number) => tp / (tp + fp + fn),
  })) {
    for (const background of [true, false]) {
      const rows = images.map(({ tp, fp, fn, support }) =>
        list(tp)
          .map((hits, i) => (support[i]! > 0 ? formula(hits, fp[i]!, fn[i]!) : NaN))
          .slice(background ? 0 : 1),
      );
      // MONAI's do_metric_reduction: what is defined nowhere becomes 0.
      const classMeans = (rows[0] ?? []).map((_, i) => orZero(mean(rows.map((row) => row[i]!))));
      const key = `${name}/include_background=${background ? 'True' : 'False'}`;
      result[`${key}/mean`] = orZero(mean(rows.map(mean)));
      result[`${key}/mean_batch`] = classMeans;
    }
  }
  return result;
}

/** nnU-Net v2: image-wise, 0/0 skipped; the foreground mean is over labels of their means over cases. */
function nnunet(matrix: ConfusionMatrix, regions?: Regions): PresetScores {
  const of = (metric: ClassMetric) => {
    const { perClass } = score(matrix, metric, { level: 'class-means', regions });
    return list(regions ? perClass : perClass.subarray(1));
  };
  const [Dice, IoU] = [of('dice'), of('iou')];
  return { Dice, IoU, 'foreground_mean/Dice': mean(Dice), 'foreground_mean/IoU': mean(IoU) };
}

/** cityscapesScripts: dataset counts; predictions of ignored ids are false negatives; 0/0 skipped. */
function cityscapes(matrix: ConfusionMatrix, categories?: Regions): PresetScores {
  const classes = score(matrix, 'iou');
  const result = { 'IoU Class': list(classes.perClass), averageScoreClasses: classes.value };
  if (!categories) return result;
  const grouped = score(matrix, 'iou', { regions: categories });
  return { ...result, 'IoU Category': list(grouped.perClass), averageScoreCategories: grouped.value };
}
