/** The rule of hybrid dilated convolution, as published. */
import { checkRates } from './receptiveField';

export interface HdcVerdict {
  /** M_1 ... M_n: the largest distance between two nonzero taps of layers i to n. */
  readonly maxDistances: readonly number[];
  /** M_2, or M_1 where there is one layer. */
  readonly secondDistance: number;
  /** M_2 <= kernelSize. Not enough by itself: see `coversExactly`. */
  readonly passes: boolean;
  /** Greatest common divisor of the rates; above 1 there is gridding whatever the rule says. */
  readonly gcd: number;
}

/**
 * What the paper's design rule says of a schedule: M_n = r_n, M_i = max(M_{i+1} - 2 r_i, 2 r_i - M_{i+1}, r_i), wanted
 * M_2 <= kernelSize.
 *
 * The rule is neither necessary nor sufficient. It passes [2, 2, 2], which reads 7 of 13 positions, and fails [1, 2, 10]
 * with 5 taps, which reads all. `coversExactly` decides.
 *
 * @param rates in the order of the layers.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Wang et al.: Understanding Convolution for Semantic Segmentation, WACV 2018, eq. 2 (arXiv:1702.08502).
 * @example
 * hdcRule([1, 2, 5]).secondDistance; // 2
 */
export function hdcRule(rates: readonly number[], kernelSize = 3): HdcVerdict {
  checkRates('hdcRule', rates, kernelSize);
  const distances = [...rates];
  for (let i = rates.length - 2; i >= 0; i--) {
    const next = distances[i + 1]!;
    const rate = rates[i]!;
    distances[i] = Math.max(next - 2 * rate, next - 2 * (next - rate), rate);
  }
  const secondDistance = distances[1] ?? distances[0]!;
  return {
    maxDistances: distances,
    secondDistance,
    passes: secondDistance <= kernelSize,
    gcd: rates.reduce(greatestCommonDivisor),
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
