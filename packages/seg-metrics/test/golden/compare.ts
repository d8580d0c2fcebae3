/** Compares as the format says: |x - v| <= abs + rel |v|, NaN and infinities themselves, null unstated, keys equal. */
export function compareGolden(
  actual: unknown,
  expected: unknown,
  tolerance: { abs: number; rel: number },
  path = '',
): string | undefined {
  if (expected === null) return undefined;
  const value = numberOf(expected);
  if (typeof value === 'number') {
    if (typeof actual !== 'number') return `${path} is ${JSON.stringify(actual)}, expected ${expected}`;
    const same = Object.is(actual, value) || actual === value;
    const near = Math.abs(actual - value) <= tolerance.abs + tolerance.rel * Math.abs(value);
    return same || near ? undefined : `${path} is ${actual}, expected ${value}`;
  }
  if (typeof expected === 'string')
    return actual === expected ? undefined : `${path} is ${actual}, expected ${expected}`;
  if (Array.isArray(expected)) {
    const list = ArrayBuffer.isView(actual) ? Array.from(actual as unknown as ArrayLike<number>) : actual;
    if (!Array.isArray(list) || list.length !== expected.length) {
      return `${path} has ${(list as unknown[] | undefined)?.length} elements, expected ${expected.length}`;
    }
    return first(expected.map((item, i) => () => compareGolden(list[i], item, tolerance, `${path}[${i}]`)));
  }
  const wanted = Object.keys(expected as object).sort();
  const got = Object.keys((actual ?? {}) as object).sort();
  if (wanted.join() !== got.join()) return `${path} has keys ${got}, expected ${wanted}`;
  return first(
    wanted.map(
      (key) => () =>
        compareGolden(
          (actual as Record<string, unknown>)[key],
          (expected as Record<string, unknown>)[key],
          tolerance,
          `${path}.${key}`,
        ),
    ),
  );
}

function first(checks: (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const fault = check();
    if (fault) return fault;
  }
  return undefined;
}

const special: Record<string, number> = { NaN, Infinity, '-Infinity': -Infinity };

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value in special ? special[value] : undefined;
}

/** A golden array's values, the special strings as numbers. */
export const numbersOf = (data: readonly unknown[]): number[] =>
  data.map((value) => numberOf(value) as number);
