/**
 * The case format, and its comparison: an op computes the entries of `expected` by name (plain numbers, or flat
 * arrays in row-major order), `compareCase` holds them against `tolerance`.
 */

export type GoldenValue = number | ArrayLike<number> | { readonly [name: string]: number };

// biome-ignore lint/suspicious/noExplicitAny: the format's values are of any kind
type Loose = any;

export interface GoldenArray {
  readonly shape: number[];
  readonly dtype: 'float64' | 'int32';
  readonly data: (number | string)[];
}

export interface GoldenCaseDocument {
  readonly name: string;
  readonly config: Loose;
  readonly inputs: Readonly<Record<string, Loose>>;
  readonly expected: Readonly<Record<string, Loose>>;
  readonly tolerance: Loose;
}

/** Computes every key of `expected` that it is asked for; gradients are named `grad_<input>`. */
export type GoldenOp = (
  goldenCase: GoldenCaseDocument,
  backend: string,
) => Promise<Record<string, GoldenValue>>;

/** A number as the format writes it: "Infinity", "-Infinity" and "NaN" are strings. */
export const numberOf = (value: number | string): number => Number(value);

/** The data of an array entry or the value of a plain number. */
export function flat(entry: GoldenArray | (number | string)[] | number | string): Float64Array {
  if (typeof entry === 'number' || typeof entry === 'string') return Float64Array.of(numberOf(entry));
  const data = Array.isArray(entry) ? (entry as Loose[]).flat(Infinity) : entry.data;
  return Float64Array.from(data as (number | string)[], numberOf);
}

/** What differs between computed and expected entries, or undefined. */
export function compareCase(
  { expected, tolerance, config }: GoldenCaseDocument,
  actual: Record<string, GoldenValue>,
): string | undefined {
  const exact: string[] = tolerance.exact ?? [];
  const checked: string[] = [];
  for (const [name, entry] of Object.entries(expected)) {
    checked.push(name);
    const computed = actual[name];
    if (computed === undefined) return `${name} was not computed`;
    let fault: string | undefined;
    if (name === 'state') fault = compareState(entry, computed, tolerance.values.state);
    else if (exact.includes(name)) fault = compareFlat(computed, flat(entry), 1e-9, 0);
    else if (name.startsWith('grad_'))
      fault = compareGradient(name.slice(5), computed, entry, tolerance.gradients, config);
    else {
      const { abs, rel } = toleranceOf(name, expected, tolerance);
      fault = compareFlat(computed, flat(entry), abs, rel);
    }
    if (fault) return `${name}: ${fault}`;
  }
  if (config.gradients === 'finite') {
    for (const [name, computed] of Object.entries(actual)) {
      if (!name.startsWith('grad_') || checked.includes(name)) continue;
      if (!Array.from(asArray(computed)).every(Number.isFinite)) return `${name} is not finite`;
    }
  }
  return undefined;
}

function toleranceOf(name: string, expected: Loose, tolerance: Loose): { abs: number; rel: number } {
  const named = tolerance.values?.[name];
  if (named) return named;
  if (name === 'logits') return tolerance.logits;
  if (name === 'loss_sum') {
    const { abs, rel } = tolerance.loss;
    return { abs: abs * (expected.loss_none ? flat(expected.loss_none).length : 1), rel };
  }
  if (name === 'loss' || name.startsWith('loss_')) return tolerance.loss;
  throw new Error(`no tolerance is stated for '${name}'`);
}

const asArray = (value: GoldenValue): ArrayLike<number> =>
  typeof value === 'number' ? [value] : (value as ArrayLike<number>);

function compareState(expected: Loose, actual: GoldenValue, { abs, rel }: { abs: number; rel: number }) {
  for (const [name, value] of Object.entries(expected as Record<string, number>)) {
    const fault = compareFlat((actual as Record<string, number>)[name]!, flat(value), abs, rel);
    if (fault) return `${name}: ${fault}`;
  }
  return undefined;
}

function compareFlat(actual: GoldenValue, expected: Float64Array, abs: number, rel: number) {
  const values = asArray(actual);
  if (values.length !== expected.length) return `${values.length} values instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [values[i]!, expected[i]!];
    if (Object.is(a, e) || a === e || Math.abs(a - e) <= abs + rel * Math.abs(e)) continue;
    return `element ${i} is ${a} instead of ${e} (abs ${abs}, rel ${rel})`;
  }
  return undefined;
}

function compareGradient(input: string, actual: GoldenValue, entry: Loose, tolerance: Loose, config: Loose) {
  const expected = flat(entry);
  const values = asArray(actual);
  if (values.length !== expected.length) return `${values.length} values instead of ${expected.length}`;
  const rows = typeof entry === 'number' || entry.shape.length < 2 ? 1 : entry.shape[0];
  const width = expected.length / rows;
  const finiteOnly: number[] = [
    ...(tolerance.finite_only_rows?.[input] ?? []),
    ...(config.undefined_gradient_rows?.[input] ?? []),
  ];
  for (let row = 0; row < rows; row++) {
    const wanted = expected.subarray(row * width, (row + 1) * width);
    const got = Array.from({ length: width }, (_, i) => values[row * width + i]!);
    if (!got.every(Number.isFinite)) return `row ${row} is not finite`;
    if (finiteOnly.includes(row)) continue;
    const override = tolerance.row_overrides?.[input]?.find((entry: Loose) => entry.row === row);
    const relative = override?.rel_to_max_row ?? tolerance.rel_to_max_row;
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
    if (worst > relative * largest + tolerance.abs) {
      return `row ${row} is off by ${worst}, the row's largest value is ${largest} (allowed ${relative})`;
    }
  }
  return undefined;
}
