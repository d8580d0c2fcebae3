/** Gridding: which positions inside the receptive field a stack of dilated layers reads, and how often. */
import { checkRates } from './receptiveField';

/**
 * The number of paths from each input position of the receptive field to one output, for stride-1 layers with one kernel
 * size: the convolution of the layers' tap indicators. Zeros are holes.
 *
 * @param rates dilation rates, in any order: the map does not depend on it.
 * @param kernelSize taps a layer. Default 3.
 * @returns 1 + (kernelSize - 1) * sum(rates) counts, exact up to 2^53.
 * @throws OptionError if an option or a number is out of its range.
 * @example
 * hitsMap([2, 2, 2]); // 1 0 3 0 6 0 7 0 6 0 3 0 1
 */
export function hitsMap(rates: readonly number[], kernelSize = 3): Float64Array {
  checkRates('hitsMap', rates, kernelSize);
  let hits = Float64Array.of(1);
  for (const rate of rates) {
    const wider = new Float64Array(hits.length + (kernelSize - 1) * rate);
    for (let tap = 0; tap < kernelSize; tap++) {
      for (let i = 0; i < hits.length; i++) wider[i + tap * rate]! += hits[i]!;
    }
    hits = wider;
  }
  return hits;
}

/** A square of values, row-major. */
export interface SquareMap {
  readonly size: number;
  readonly data: Float64Array;
}

/** The number of paths in two dimensions: the outer product of `hitsMap` with itself, to plot gridding. */
export function hitsMap2d(rates: readonly number[], kernelSize = 3): SquareMap {
  const line = hitsMap(rates, kernelSize);
  const size = line.length;
  return {
    size,
    data: Float64Array.from({ length: size * size }, (_, i) => line[Math.floor(i / size)]! * line[i % size]!),
  };
}

export interface Coverage {
  /** Positions from the first to the last that is read. */
  readonly receptiveField: number;
  /** How many of them are read. */
  readonly covered: number;
  /** Those that are not, counted from 0 at the first. */
  readonly holes: readonly number[];
  /** Largest distance between neighbouring positions that are read: 1 without holes. */
  readonly largestGap: number;
  /** covered / receptiveField. */
  readonly fraction: number;
  /** The same in two dimensions: fraction squared. */
  readonly fraction2d: number;
}

/**
 * How completely a stack of dilated layers reads its receptive field, counted position by position.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * @example
 * coverage([1, 2, 9]).holes; // [7, 8, 16, 17]
 */
export function coverage(rates: readonly number[], kernelSize = 3): Coverage {
  checkRates('coverage', rates, kernelSize);
  return coverageOf(hitsMap(rates, kernelSize));
}

/** The coverage of a line of counts (or of flags). */
export function coverageOf(hits: ArrayLike<number>): Coverage {
  const holes: number[] = [];
  let largestGap = 1;
  let last = 0;
  for (let i = 0; i < hits.length; i++) {
    if (hits[i] === 0) {
      holes.push(i);
    } else {
      largestGap = Math.max(largestGap, i - last);
      last = i;
    }
  }
  const covered = hits.length - holes.length;
  const fraction = covered / hits.length;
  return { receptiveField: hits.length, covered, holes, largestGap, fraction, fraction2d: fraction ** 2 };
}

/**
 * True if a stack of dilated layers reads every position of its receptive field: in ascending order, no rate exceeds the
 * receptive field of the smaller ones together (1 to begin with). Exact, and independent of the order of the layers,
 * unlike the HDC rule. The longest such schedule is kernelSize^(i - 1): 1, 3, 9, 27.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * @example
 * coversExactly([1, 2, 5]); // true
 * coversExactly([2, 2, 2]); // false, though the HDC rule passes
 */
export function coversExactly(rates: readonly number[], kernelSize = 3): boolean {
  checkRates('coversExactly', rates, kernelSize);
  let field = 1;
  for (const rate of [...rates].sort((a, b) => a - b)) {
    if (rate > field && kernelSize > 1) return false;
    field += (kernelSize - 1) * rate;
  }
  return true;
}
