/**
 * Cross-validated verification, the LFW protocol (Huang et al., Labeled Faces in the Wild, 2007) as insightface and
 * FaceNet's script run it: the threshold is chosen on all folds but one and measured on that one.
 */
import { checkInteger, checkKnownOptions, checkNumber, OptionError } from '@tfkit/core';
import { checkPairs, type NumberArray } from './checks';

/** Thresholds start + step * k for k = 0 .. count - 1, ascending. */
export interface ThresholdGrid {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

export interface TenFoldOptions {
  /** Contiguous blocks of pairs, the first (pairs mod folds) one pair larger, not shuffled. Default 10. */
  readonly folds?: number;
  /** Candidates for the threshold of accuracy. Default 0, 0.01, ..., 3.99. */
  readonly thresholds?: ThresholdGrid;
  /** False accept rates at which to validate (VAL@FAR). Default none. */
  readonly farTargets?: readonly number[];
  /** Candidates for the thresholds of VAL@FAR. Default 0, 0.001, ..., 3.999. */
  readonly farThresholds?: ThresholdGrid;
}

/** Accuracy, threshold and rates of a ten-fold verification, as means over the folds. */
export interface TenFoldResult {
  /** Mean over folds of the accuracy on the fold, and its population standard deviation: the "99.83 +- 0.17" of papers. */
  readonly accuracy: number;
  readonly accuracyStd: number;
  readonly accuracyPerFold: Float64Array;
  /** The first threshold that is best on the other folds. */
  readonly thresholdPerFold: Float64Array;
  /** Rates at each threshold, mean over the folds of the fold's own rate (0 where a fold has no such pair). */
  readonly tpr: Float64Array;
  readonly fpr: Float64Array;
  /** One for each of `farTargets`. */
  readonly validation: readonly FoldValidation[];
}

/** Rate of acceptance at a rate of false acceptance, mean and deviation over the folds. */
export interface FoldValidation {
  readonly farTarget: number;
  /** Mean over folds of VAL: accepted mates / all mates, and its population standard deviation. */
  readonly val: number;
  readonly valStd: number;
  /** Mean over folds of the FAR met on the fold. */
  readonly far: number;
  readonly valPerFold: Float64Array;
  readonly farPerFold: Float64Array;
  /** The largest threshold whose FAR on the other folds is <= the target; -Infinity (accepts nothing) if none is. */
  readonly thresholdPerFold: Float64Array;
}

/**
 * Accuracy, ROC rates and VAL@FAR by cross-validation over folds of pairs. A pair is accepted if distance < threshold.
 *
 * @param distances squared distance of the unit embeddings, in [0, 4]: `pairScores(embeddings, dimension,
 *   {metric: 'squared-distance'})`. From a cosine: 2 - 2 cos.
 * @param same 1 or true where both sides of the pair are of one identity. Keep the published order: it makes the folds.
 * @throws ShapeError if lengths differ; OptionError if there are fewer pairs than folds; ValueError on NaN.
 */
export function tenFoldVerification(
  distances: NumberArray,
  same: ArrayLike<number | boolean>,
  options: TenFoldOptions = {},
): TenFoldResult {
  const name = 'tenFoldVerification';
  checkKnownOptions(name, options, ['folds', 'thresholds', 'farTargets', 'farThresholds']);
  const {
    folds = 10,
    thresholds = { start: 0, step: 0.01, count: 400 },
    farTargets = [],
    farThresholds = { start: 0, step: 0.001, count: 4000 },
  } = options;
  checkPairs(name, distances, same);
  checkInteger([name, 'folds'], folds, { min: 2 });
  if (distances.length < folds) {
    throw new OptionError(
      `${name}: folds must be at most the number of pairs ${distances.length}, got ${folds}.`,
    );
  }
  for (const far of farTargets) checkNumber([name, 'farTargets'], far, { min: 0, max: 1 });
  const counts = countFolds(distances, same, folds, gridValues(name, 'thresholds', thresholds));
  const fine =
    farTargets.length > 0
      ? countFolds(distances, same, folds, gridValues(name, 'farThresholds', farThresholds))
      : counts;
  return {
    ...accuracies(counts),
    ...meanRates(counts),
    validation: farTargets.map((target) => validate(fine, target)),
  };
}

function gridValues(name: string, argument: string, { start, step, count }: ThresholdGrid): Float64Array {
  checkNumber([name, `${argument}.start`], start);
  checkNumber([name, `${argument}.step`], step, { min: 0, open: 'min' });
  checkInteger([name, `${argument}.count`], count, { min: 1 });
  return Float64Array.from({ length: count }, (_, k) => start + step * k);
}

/** Accepted pairs of each fold at each threshold, and how many there are. */
interface FoldCounts {
  readonly thresholds: Float64Array;
  /** [folds][thresholds]. */
  readonly mates: readonly Float64Array[];
  readonly others: readonly Float64Array[];
  readonly mateTotals: readonly number[];
  readonly otherTotals: readonly number[];
}

function countFolds(
  distances: NumberArray,
  same: ArrayLike<number | boolean>,
  folds: number,
  thresholds: Float64Array,
): FoldCounts {
  const pairs = distances.length;
  const zeros = () => Array.from({ length: folds }, () => new Float64Array(thresholds.length));
  const counts = { mates: zeros(), others: zeros() };
  const totals = { mates: new Array<number>(folds).fill(0), others: new Array<number>(folds).fill(0) };
  for (let fold = 0, pair = 0; fold < folds; fold++) {
    const end = pair + Math.floor(pairs / folds) + (fold < pairs % folds ? 1 : 0);
    for (; pair < end; pair++) {
      const kind = same[pair] ? 'mates' : 'others';
      totals[kind][fold]!++;
      const first = firstAbove(thresholds, distances[pair]!);
      if (first < thresholds.length) counts[kind][fold]![first]!++;
    }
    for (const accepted of [counts.mates[fold]!, counts.others[fold]!]) {
      for (let k = 1; k < accepted.length; k++) accepted[k]! += accepted[k - 1]!;
    }
  }
  return { thresholds, ...counts, mateTotals: totals.mates, otherTotals: totals.others };
}

/** The first index with value < thresholds[index], the array's length if there is none. */
function firstAbove(thresholds: Float64Array, value: number): number {
  let [low, high] = [0, thresholds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < thresholds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

const sum = (values: ArrayLike<number>) => Array.prototype.reduce.call(values, (a, b) => a + b, 0) as number;

/** The sum over folds minus the fold's own. */
function otherFolds(perFold: readonly Float64Array[], fold: number): Float64Array {
  const rest = new Float64Array(perFold[0]!.length);
  perFold.forEach((values, other) => {
    if (other !== fold) for (let k = 0; k < rest.length; k++) rest[k]! += values[k]!;
  });
  return rest;
}

function accuracies({ thresholds, mates, others, mateTotals, otherTotals }: FoldCounts) {
  const perFold = mates.map((_, fold) => {
    const [tp, fp] = [otherFolds(mates, fold), otherFolds(others, fold)];
    let best = 0;
    for (let k = 1; k < tp.length; k++) if (tp[k]! - fp[k]! > tp[best]! - fp[best]!) best = k;
    const right = mates[fold]![best]! + otherTotals[fold]! - others[fold]![best]!;
    return { accuracy: right / (mateTotals[fold]! + otherTotals[fold]!), threshold: thresholds[best]! };
  });
  const accuracyPerFold = Float64Array.from(perFold, ({ accuracy }) => accuracy);
  const { mean, std } = moments(accuracyPerFold);
  return {
    accuracy: mean,
    accuracyStd: std,
    accuracyPerFold,
    thresholdPerFold: Float64Array.from(perFold, ({ threshold }) => threshold),
  };
}

const rate = (count: number, total: number) => (total === 0 ? 0 : count / total);

function meanRates({ thresholds, mates, others, mateTotals, otherTotals }: FoldCounts) {
  const mean = (counts: readonly Float64Array[], totals: readonly number[]) =>
    thresholds.map((_, k) => sum(counts.map((fold, i) => rate(fold[k]!, totals[i]!))) / counts.length);
  return { tpr: mean(mates, mateTotals), fpr: mean(others, otherTotals) };
}

function validate(
  { thresholds, mates, others, mateTotals, otherTotals }: FoldCounts,
  farTarget: number,
): FoldValidation {
  const chosen = mates.map((_, fold) => {
    const accepted = otherFolds(others, fold);
    const total = sum(otherTotals) - otherTotals[fold]!;
    let index = thresholds.length - 1;
    while (index >= 0 && rate(accepted[index]!, total) > farTarget) index--;
    return index;
  });
  const at = (counts: readonly Float64Array[], totals: readonly number[]) =>
    Float64Array.from(chosen, (k, fold) => (k < 0 ? 0 : rate(counts[fold]![k]!, totals[fold]!)));
  const valPerFold = at(mates, mateTotals);
  const farPerFold = at(others, otherTotals);
  const { mean: val, std: valStd } = moments(valPerFold);
  return {
    farTarget,
    val,
    valStd,
    far: moments(farPerFold).mean,
    valPerFold,
    farPerFold,
    thresholdPerFold: Float64Array.from(chosen, (k) => thresholds[k] ?? -Infinity),
  };
}

/** Mean and population standard deviation. */
function moments(values: Float64Array): { mean: number; std: number } {
  const mean = sum(values) / values.length;
  return { mean, std: Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length) };
}
