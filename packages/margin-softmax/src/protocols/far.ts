/** True accepts at a wanted false accept rate, under each convention in use, and the threshold to deploy. */
import { checkNumber, checkOneOf } from '@tfkit/core';
import type { NumberArray, ScoreType } from './checks';
import { type RocCurve, rocCurve } from './roc';

/**
 * How a TAR is read from a curve that has no point at the wanted FAR:
 * - 'not-above': the largest TAR with FAR <= target. Conservative: the target is kept.
 * - 'nearest': at the point of smallest |FAR - target| (of equal ones the last), which may exceed the target; with
 *   `dropIntermediate` what insightface's IJB scripts print.
 * - 'interpolated': linear in FAR between the points around the target. No threshold has it.
 */
export type FarConvention = 'not-above' | 'nearest' | 'interpolated';

export interface TarAtFar {
  /** True accept rate (TPR, 1 - FNMR). */
  readonly tar: number;
  /** The FAR that belongs to it: at most the target for 'not-above', the target itself for 'interpolated'. */
  readonly far: number;
  /** The threshold of that point; for 'interpolated' that of the point before it. */
  readonly threshold: number;
}

/**
 * The true accept rate at a false accept rate.
 *
 * @param far the target, in [0, 1]: 1e-4 means that one stranger in 10,000 is let in. A curve with n pairs of
 *   different identity knows nothing below 1 / n.
 * @param options.convention see `FarConvention`. Default 'not-above'.
 * @throws OptionError if an option or a number is out of its range.
 */
export function tarAtFar(
  curve: RocCurve,
  far: number,
  options: { readonly convention?: FarConvention } = {},
): TarAtFar {
  const { convention = 'not-above' } = options;
  checkNumber(['tarAtFar', 'far'], far, { min: 0, max: 1 });
  checkOneOf(['tarAtFar', 'convention'], convention, ['not-above', 'nearest', 'interpolated']);
  const { fpr, tpr, thresholds } = curve;
  const below = lastNotAbove(fpr, far);
  const at = (i: number) => ({ tar: tpr[i]!, far: fpr[i]!, threshold: thresholds[i]! });
  if (convention === 'not-above' || below === fpr.length - 1) return at(below);
  const above = below + 1;
  if (convention === 'nearest') {
    if (far - fpr[below]! < fpr[above]! - far) return at(below);
    return at(lastNotAbove(fpr, fpr[above]!));
  }
  const share = (far - fpr[below]!) / (fpr[above]! - fpr[below]!);
  return {
    tar: tpr[below]! + share * (tpr[above]! - tpr[below]!),
    far,
    threshold: thresholds[below]!,
  };
}

/** The last index of an ascending array whose value is <= limit; the first value is. */
function lastNotAbove(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit) low = middle;
    else high = middle;
  }
  return low;
}

export interface ChosenThreshold extends TarAtFar {
  /** The smallest FAR above 0 that these pairs can show: 1 / pairs of different identity. */
  readonly resolution: number;
}

/**
 * The threshold to deploy for a wanted false accept rate: the most permissive of the scores whose FAR on these pairs
 * is at most `far`. Accept a pair if its score >= threshold (for distances, <=).
 *
 * Below `resolution` the target cannot be measured: then no pair of different identity is accepted. If even the best
 * pair is one of different identity, nothing is: the threshold is Infinity (-Infinity for distances).
 *
 * @param far target in [0, 1].
 * @throws OptionError if an option or a number is out of its range.
 * @example
 * import { chooseThreshold } from '@tfkit/margin-softmax/protocols';
 * const { threshold, tar } = chooseThreshold([0.9, 0.7, 0.4, 0.2], [1, 1, 0, 0], { far: 0 });
 * console.log(threshold, tar); // 0.7 1
 */
export function chooseThreshold(
  scores: NumberArray,
  same: ArrayLike<number | boolean>,
  options: { readonly far: number; readonly scoreType?: ScoreType },
): ChosenThreshold {
  const { far, scoreType } = options;
  checkNumber(['chooseThreshold', 'far'], far, { min: 0, max: 1 });
  const curve = rocCurve(scores, same, scoreType && { scoreType });
  return { ...tarAtFar(curve, far), resolution: 1 / curve.negatives };
}
