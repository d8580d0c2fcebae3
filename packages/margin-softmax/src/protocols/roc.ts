/**
 * The ROC curve of a 1:1 verification and the numbers read from it. Ties: pairs of equal score are accepted together,
 * so the curve has one point for each distinct score; nothing depends on the order of the pairs.
 */
import { checkKnownOptions, checkOneOf, ValueError } from '@tfkit/core';
import { checkPairs, type NumberArray, type ScoreType } from './checks';

export interface RocOptions {
  /** What scores are. 'similarity' accepts score >= threshold, 'distance' accepts score <= threshold. Default 'similarity'. */
  readonly scoreType?: ScoreType;
  /**
   * Leaves out points that lie on the line between their neighbours, as scikit-learn's `roc_curve` does by default.
   * The area stays; what is read from single points (TAR at a FAR) may change. Default false.
   */
  readonly dropIntermediate?: boolean;
}

/** Point 0 accepts nothing (0, 0); then one point for each distinct score, the most alike first; the last accepts all. */
export interface RocCurve {
  /** False accept rate (FMR): accepted pairs of different identity / all of them. */
  readonly fpr: Float64Array;
  /** True accept rate (1 - FNMR): accepted pairs of the same identity / all of them. */
  readonly tpr: Float64Array;
  /** Infinity at point 0 (-Infinity for distances), then the scores. */
  readonly thresholds: Float64Array;
  /** Accepted pairs at each point. */
  readonly falsePositives: Float64Array;
  readonly truePositives: Float64Array;
  /** Pairs of the same identity, of different identity. */
  readonly positives: number;
  readonly negatives: number;
  readonly scoreType: ScoreType;
}

/**
 * The ROC curve: false and true accept rates at every threshold that changes them.
 *
 * @param scores one a pair.
 * @param same 1 or true where both sides of the pair are of one identity.
 * @throws ShapeError if lengths differ or are 0; ValueError if a score is NaN or either kind of pair is missing.
 * @example
 * import { areaUnderCurve, rocCurve } from '@tfkit/margin-softmax/protocols';
 * console.log(areaUnderCurve(rocCurve([0.9, 0.8, 0.3, 0.1], [1, 1, 0, 0]))); // 1
 */
export function rocCurve(
  scores: NumberArray,
  same: ArrayLike<number | boolean>,
  options: RocOptions = {},
): RocCurve {
  checkKnownOptions('rocCurve', options, ['scoreType', 'dropIntermediate']);
  const { scoreType = 'similarity', dropIntermediate = false } = options;
  checkOneOf(['rocCurve', 'scoreType'], scoreType, ['similarity', 'distance']);
  checkPairs('rocCurve', scores, same);
  const { mates, others } = sortedScores('rocCurve', scores, same, scoreType);
  const count = distinctValues(mates, others);
  const thresholds = new Float64Array(count + 1);
  const truePositives = new Float64Array(count + 1);
  const falsePositives = new Float64Array(count + 1);
  thresholds[0] = Infinity;
  let [m, o] = [mates.length - 1, others.length - 1];
  for (let point = 1; point <= count; point++) {
    const threshold = m < 0 ? others[o]! : o < 0 ? mates[m]! : Math.max(mates[m]!, others[o]!);
    while (m >= 0 && mates[m]! >= threshold) m--;
    while (o >= 0 && others[o]! >= threshold) o--;
    thresholds[point] = threshold;
    truePositives[point] = mates.length - 1 - m;
    falsePositives[point] = others.length - 1 - o;
  }
  const counts = { thresholds, truePositives, falsePositives };
  const kept = dropIntermediate ? withoutCollinear(counts) : counts;
  return {
    ...kept,
    thresholds: scoreType === 'distance' ? kept.thresholds.map((value) => -value) : kept.thresholds,
    fpr: kept.falsePositives.map((value) => value / others.length),
    tpr: kept.truePositives.map((value) => value / mates.length),
    positives: mates.length,
    negatives: others.length,
    scoreType,
  };
}

/** Scores of mates and of others, each ascending in similarity (distances are negated). */
function sortedScores(
  name: string,
  scores: NumberArray,
  same: ArrayLike<number | boolean>,
  scoreType: ScoreType,
): { mates: Float64Array; others: Float64Array } {
  let positives = 0;
  for (let i = 0; i < same.length; i++) positives += Number(same[i]);
  if (positives === 0 || positives === same.length) {
    const missing = positives === 0 ? 'same' : 'different';
    throw new ValueError(`${name}: same must have pairs of both kinds, got none of ${missing} identity.`);
  }
  const mates = new Float64Array(positives);
  const others = new Float64Array(same.length - positives);
  const sign = scoreType === 'distance' ? -1 : 1;
  for (let i = 0, m = 0, o = 0; i < same.length; i++) {
    if (same[i]) mates[m++] = sign * scores[i]!;
    else others[o++] = sign * scores[i]!;
  }
  return { mates: mates.sort(), others: others.sort() };
}

/** How many different values two ascending arrays hold together. -0 and 0 are one. */
function distinctValues(a: Float64Array, b: Float64Array): number {
  let count = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length; count++) {
    const value = i === a.length ? b[j]! : j === b.length ? a[i]! : Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! <= value) i++;
    while (j < b.length && b[j]! <= value) j++;
  }
  return count;
}

interface Counts {
  readonly thresholds: Float64Array;
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
}

/** Without the points whose second differences of both counts are 0; the ends and point 0 stay. */
function withoutCollinear({ thresholds, truePositives, falsePositives }: Counts): Counts {
  const bends = (counts: Float64Array, i: number) => counts[i + 1]! - 2 * counts[i]! + counts[i - 1]! !== 0;
  const last = thresholds.length - 1;
  const keep = (_: number, i: number) =>
    i <= 1 || i === last || bends(falsePositives, i) || bends(truePositives, i);
  return {
    thresholds: thresholds.filter(keep),
    truePositives: truePositives.filter(keep),
    falsePositives: falsePositives.filter(keep),
  };
}

/** The area under the ROC curve by trapezoids: the chance that a mated pair scores higher than another (ties half). */
export function areaUnderCurve(curve: RocCurve): number {
  const { falsePositives: fp, truePositives: tp, positives, negatives } = curve;
  let twice = 0;
  for (let i = 1; i < fp.length; i++) twice += (fp[i]! - fp[i - 1]!) * (tp[i]! + tp[i - 1]!);
  return twice / 2 / (positives * negatives);
}

/** The best accuracy over all thresholds of the curve, and the first threshold that has it. Optimistic: it is chosen on the pairs that it is measured on. */
export function bestAccuracy(curve: RocCurve): { accuracy: number; threshold: number } {
  const { falsePositives, truePositives, positives, negatives, thresholds } = curve;
  let best = 0;
  const right = (i: number) => truePositives[i]! + negatives - falsePositives[i]!;
  for (let i = 1; i < thresholds.length; i++) if (right(i) > right(best)) best = i;
  return { accuracy: right(best) / (positives + negatives), threshold: thresholds[best]! };
}

export interface EerOptions {
  /**
   * 'interpolated': where the line between the last point with FAR < FRR and the next crosses FAR = FRR.
   * 'nearest-point': (FAR + FRR) / 2 at the first point of the curve with the smallest |FAR - FRR|. Default 'interpolated'.
   */
  readonly convention?: 'interpolated' | 'nearest-point';
}

/**
 * The equal error rate, where false accepts and false rejects (FRR = 1 - TAR) are equally frequent, and its threshold:
 * that of the curve's point nearest to it (the first of equal ones).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function equalErrorRate(
  curve: RocCurve,
  options: EerOptions = {},
): { eer: number; threshold: number } {
  const { convention = 'interpolated' } = options;
  checkOneOf(['equalErrorRate', 'convention'], convention, ['interpolated', 'nearest-point']);
  const { fpr, tpr, thresholds } = curve;
  const gap = (i: number) => 1 - tpr[i]! - fpr[i]!;
  let nearest = 0;
  for (let i = 1; i < fpr.length; i++) if (Math.abs(gap(i)) < Math.abs(gap(nearest))) nearest = i;
  const threshold = thresholds[nearest]!;
  if (convention === 'nearest-point') {
    return { eer: (fpr[nearest]! + 1 - tpr[nearest]!) / 2, threshold };
  }
  // The gap falls from 1 at point 0 to -1 at the end.
  let after = 1;
  while (gap(after) > 0) after++;
  const share = gap(after - 1) / (gap(after - 1) - gap(after));
  return { eer: fpr[after - 1]! + share * (fpr[after]! - fpr[after - 1]!), threshold };
}
