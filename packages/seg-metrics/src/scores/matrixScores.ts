/**
 * Scores of the whole matrix. PA, MPA, MIoU and FWIoU as in Garcia-Garcia et al., A Review on Deep Learning Techniques
 * Applied to Semantic Segmentation (arXiv:1704.06857), section 4.2.
 */
import { checkOneOf } from '@tfkit/core';
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import { type ClassCounts, type CountOptions, classCounts } from './classCounts';
import { type Score, type ScoreOptions, score } from './score';
import { sum } from './sum';

/** MIoU: the mean of the classes' IoU. One minus it is a loss; says how many classes entered. */
export const meanIou = (matrix: ConfusionMatrix, options?: ScoreOptions): Score =>
  score(matrix, 'iou', options);

/** MPA: the mean of the classes' recall. */
export const meanPixelAccuracy = (matrix: ConfusionMatrix, options?: ScoreOptions): Score =>
  score(matrix, 'recall', options);

/** Balanced accuracy: the mean recall of the classes that the target has (scikit-learn's). */
export const balancedAccuracy = (matrix: ConfusionMatrix, options?: ScoreOptions): Score =>
  score(matrix, 'recall', { policy: 'classes-in-target', ...options });

/** FWIoU: IoU weighted by the share of target pixels of each class. */
export const frequencyWeightedIou = (matrix: ConfusionMatrix, options?: ScoreOptions): Score =>
  score(matrix, 'iou', { ...options, average: 'weighted' });

/** PA: the share of pixels whose class is right, in [0, 1]; NaN if no pixel counts. */
export function pixelAccuracy(matrix: ConfusionMatrix, options?: CountOptions): number {
  const { tp, total } = classCounts(matrix, { ...options, regions: undefined });
  return sum(tp) / total;
}

/** How the classes of generalized Dice are weighted: 1 / support^2, 1 / support, or alike. */
export type GeneralizedDiceWeights = 'square' | 'simple' | 'uniform';

/**
 * Generalized Dice: 2 sum w tp / sum w (support + predicted). Classes that the target lacks take the largest weight of
 * the others (MONAI's rule), or 0 if there is none. torchmetrics takes that class's largest weight in the batch.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * Source: Sudre et al., Generalised Dice overlap, DLMIA 2017 (arXiv:1707.03237).
 */
export function generalizedDice(
  matrix: ConfusionMatrix,
  options: CountOptions & { readonly weights?: GeneralizedDiceWeights } = {},
): number {
  const { weights = 'square', ...counting } = options;
  checkOneOf(['generalizedDice', 'weights'], weights, ['square', 'simple', 'uniform']);
  return generalizedDiceOf(classCounts(matrix, counting), weights);
}

export function generalizedDiceOf(counts: ClassCounts, weights: GeneralizedDiceWeights): number {
  const { tp, support, predicted } = counts;
  const power = { square: 2, simple: 1, uniform: 0 }[weights];
  const raw = support.map((pixels) => (pixels === 0 && power > 0 ? Infinity : pixels ** -power));
  const largest = Math.max(0, ...raw.filter(Number.isFinite));
  const w = raw.map((weight) => (weight === Infinity ? largest : weight));
  return (
    sum(tp.map((hits, i) => 2 * w[i]! * hits)) / sum(tp.map((_, i) => w[i]! * (support[i]! + predicted[i]!)))
  );
}

/**
 * Cohen's kappa, on pixels predicted as a class: 1 - observed / expected disagreement; NaN if none is expected.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function cohensKappa(
  matrix: ConfusionMatrix,
  options: { readonly weights?: 'none' | 'linear' | 'quadratic' } = {},
): number {
  const { weights = 'none' } = options;
  checkOneOf(['cohensKappa', 'weights'], weights, ['none', 'linear', 'quadratic']);
  const { cells, row, column, total, n } = margins(matrix);
  const weight = (i: number, j: number) =>
    i === j ? 0 : weights === 'none' ? 1 : Math.abs(i - j) ** (weights === 'linear' ? 1 : 2);
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      observed += weight(i, j) * cells[i * n + j]!;
      expected += (weight(i, j) * row[i]! * column[j]!) / total;
    }
  }
  return expected > 0 ? 1 - observed / expected : NaN;
}

/** Matthews correlation of all classes (Gorodkin's R_K), on pixels predicted as a class; NaN if a side has one class. */
export function matthewsCorrelation(matrix: ConfusionMatrix): number {
  // As shares of the total: squares of counts pass 2^53 at 95 megapixels.
  const { cells, row, column, total, n } = margins(matrix);
  let trace = 0;
  let product = 0;
  let rows = 1;
  let columns = 1;
  for (let i = 0; i < n; i++) {
    trace += cells[i * n + i]! / total;
    product += (row[i]! / total) * (column[i]! / total);
    rows -= (row[i]! / total) ** 2;
    columns -= (column[i]! / total) ** 2;
  }
  const single = row.includes(total) || column.includes(total);
  return single ? NaN : (trace - product) / Math.sqrt(rows * columns);
}

function margins(matrix: ConfusionMatrix) {
  const { support, predicted, total } = classCounts(matrix, { invalidPredictions: 'dropped' });
  return { cells: matrix.counts, row: support, column: predicted, total, n: matrix.numClasses };
}
