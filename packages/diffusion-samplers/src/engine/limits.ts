/** Clipping of x0 on the host. */
import type { Limit } from '../prediction';
import type { FloatArray } from './machine';

/** Clips each of `items` equal parts of `x` into `out`. */
export function limitItems(out: FloatArray, x: FloatArray, limit: Limit, items: number): void {
  const size = x.length / items;
  const clips = limit.kind === 'clip';
  for (let item = 0; item < items; item++) {
    const part = x.subarray(item * size, (item + 1) * size);
    const range = clips ? limit.range : thresholdOf(part, limit.ratio, limit.max);
    const scale = clips ? 1 : 1 / range;
    for (let i = 0; i < size; i++) {
      // A NaN stays a NaN.
      const value = part[i]!;
      out[item * size + i] = Math.min(Math.max(value, -range), range) * scale;
    }
  }
}

/** The quantile of |x|, between order statistics linearly, clamped to [1, max]. */
export function thresholdOf(x: ArrayLike<number>, ratio: number, max: number): number {
  const sorted = Float64Array.from(x, Math.abs).sort();
  const at = ratio * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  const quantile = sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
  return Math.min(Math.max(quantile, 1), max);
}
