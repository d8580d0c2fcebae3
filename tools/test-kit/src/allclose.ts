/**
 * Comparing arrays: |actual - expected| <= atol + rtol * |expected| for every element, where NaN matches only NaN and an
 * infinity only itself, and shapes must agree. Needs no vitest, so that golden adapters run outside it.
 */
export interface Tolerance {
  /** Relative tolerance. Default 1e-5. */
  readonly rtol?: number;
  /** Absolute tolerance. Default 1e-6. */
  readonly atol?: number;
}

export type Numbers =
  | ArrayLike<number>
  | number
  | NestedNumbers
  | { shape: readonly number[]; data: ArrayLike<number> };
type NestedNumbers = readonly (number | NestedNumbers)[];

interface Flat {
  shape: readonly number[];
  data: ArrayLike<number>;
}

export function compareAllclose(
  actual: Numbers,
  expected: Numbers,
  tolerance: Tolerance = {},
): string | undefined {
  const { rtol = 1e-5, atol = 1e-6 } = tolerance;
  const a = flatten(actual);
  const e = flatten(expected);
  if (a.shape.join() !== e.shape.join()) return `shape [${a.shape}] differs from the expected [${e.shape}]`;
  let worst = { index: -1, excess: 0 };
  let wrong = 0;
  for (let i = 0; i < e.data.length; i++) {
    const x = a.data[i] as number;
    const y = e.data[i] as number;
    if (Object.is(x, y) || x === y) continue;
    const excess = Math.abs(x - y) / (atol + rtol * Math.abs(y));
    if (excess <= 1 && Number.isFinite(x) && Number.isFinite(y)) continue;
    wrong++;
    if (worst.index < 0 || excess > worst.excess) worst = { index: i, excess };
  }
  if (wrong === 0) return undefined;
  const { index } = worst;
  return (
    `${wrong} of ${e.data.length} elements differ (rtol ${rtol}, atol ${atol}); ` +
    `worst at flat index ${index}: ${a.data[index]} instead of ${e.data[index]}`
  );
}

function flatten(value: Numbers): Flat {
  if (typeof value === 'number') return { shape: [], data: [value] };
  if ('data' in value && 'shape' in value) {
    const size = value.shape.reduce((product, dimension) => product * dimension, 1);
    if (value.data.length !== size) {
      return { shape: [...value.shape, NaN, value.data.length], data: value.data };
    }
    return value;
  }
  if (ArrayBuffer.isView(value))
    return { shape: [(value as unknown as ArrayLike<number>).length], data: value as never };
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return { shape, data: (value as unknown[]).flat(Infinity) as number[] };
}
