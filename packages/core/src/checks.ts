/**
 * Checks for the public edge of a function. Each throws one error of the form
 * `<function>: <argument> must <rule>, got <value>. <hint>` and reads shapes, dtypes and numbers only, never a tensor's
 * values. The text is built only when a check fails.
 */
import { DTypeError, OptionError, ShapeError } from './errors';
import { formatShape, sameShape } from './shape';

/** What a check needs of a tensor; typed arrays with a shape beside them fit too. */
export interface Shaped {
  readonly shape: readonly number[];
  readonly dtype?: string;
}

/** Where a value came from: the exported function's name and the argument's. */
export type Place = readonly [functionName: string, argument: string];

const because = (hint?: string) => (hint ? ` ${hint}` : '');

/**
 * The rank must be `rank` (or one of them); `axes` names them for the message: `[batch, features]`.
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export function checkRank(
  place: Place,
  value: Shaped,
  rank: number | readonly number[],
  axes?: string,
): void {
  const ranks = typeof rank === 'number' ? [rank] : rank;
  if (ranks.includes(value.shape.length)) return;
  const rule = `have rank ${ranks.join(' or ')}${axes ? ` ${axes}` : ''}`;
  throw new ShapeError(
    `${place[0]}: ${place[1]} must ${rule}, got rank ${value.shape.length} ${formatShape(value.shape)}.`,
  );
}

/**
 * The shape must equal `expected`; null stands for any size.
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export function checkShape(
  place: Place,
  value: Shaped,
  expected: readonly (number | null)[],
  hint?: string,
): void {
  const { shape } = value;
  const fits =
    shape.length === expected.length && expected.every((size, axis) => size === null || size === shape[axis]);
  if (fits) return;
  const wanted = `[${expected.map((size) => size ?? '*').join(', ')}]`;
  throw new ShapeError(
    `${place[0]}: ${place[1]} must have shape ${wanted}, got ${formatShape(shape)}.${because(hint)}`,
  );
}

/**
 * Two values must have the same shape.
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export function checkSameShape(place: Place, value: Shaped, otherName: string, other: Shaped): void {
  if (sameShape(value.shape, other.shape)) return;
  throw new ShapeError(
    `${place[0]}: ${place[1]} must have the shape of ${otherName} ${formatShape(other.shape)}, got ${formatShape(value.shape)}.`,
  );
}

/**
 * The dtype must be one of `dtypes`.
 *
 * @throws DTypeError for another dtype.
 */
export function checkDType(
  place: Place,
  value: { dtype: string },
  dtypes: readonly string[],
  hint?: string,
): void {
  if (dtypes.includes(value.dtype)) return;
  throw new DTypeError(
    `${place[0]}: ${place[1]} must be ${dtypes.join(' or ')}, got ${value.dtype}.${because(hint)}`,
  );
}

/** Bounds of a number. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Which ends are excluded. Default 'none'. */
  readonly open?: 'none' | 'min' | 'max' | 'both';
}

/**
 * A finite number within a range: `{min: 0, open: 'min'}` means > 0. NaN and infinities never pass.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function checkNumber(
  place: Place,
  value: unknown,
  range: Range = {},
  hint?: string,
): asserts value is number {
  const { min = -Infinity, max = Infinity, open = 'none' } = range;
  const openMin = open === 'min' || open === 'both';
  const openMax = open === 'max' || open === 'both';
  if (
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (openMin ? value > min : value >= min) &&
    (openMax ? value < max : value <= max)
  ) {
    return;
  }
  throw new OptionError(
    `${place[0]}: ${place[1]} must be a number${rangeText(min, max, openMin, openMax)}, got ${formatValue(value)}.${because(hint)}`,
  );
}

/**
 * A whole number in [min, max].
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function checkInteger(
  place: Place,
  value: unknown,
  range: { readonly min?: number; readonly max?: number } = {},
  hint?: string,
): asserts value is number {
  const { min = -Infinity, max = Infinity } = range;
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new OptionError(
    `${place[0]}: ${place[1]} must be an integer${rangeText(min, max, false, false)}, got ${formatValue(value)}.${because(hint)}`,
  );
}

/**
 * One of a closed list of words (or numbers).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function checkOneOf<T extends string | number>(
  place: Place,
  value: unknown,
  allowed: readonly T[],
  hint?: string,
): asserts value is T {
  if ((allowed as readonly unknown[]).includes(value)) return;
  throw new OptionError(
    `${place[0]}: ${place[1]} must be one of ${allowed.map((word) => formatValue(word)).join(', ')}, got ${formatValue(value)}.${because(hint)}`,
  );
}

/**
 * An options object must have no keys but `known`: a misspelt option is an error, not a default.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function checkKnownOptions(functionName: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new OptionError(`${functionName}: options must be among ${known.join(', ')}, got '${key}'.`);
  }
}

function rangeText(min: number, max: number, openMin: boolean, openMax: boolean): string {
  if (min === -Infinity && max === Infinity) return '';
  if (max === Infinity) return openMin ? ` > ${min}` : ` >= ${min}`;
  if (min === -Infinity) return openMax ? ` < ${max}` : ` <= ${max}`;
  return ` in ${openMin ? '(' : '['}${min}, ${max}${openMax ? ')' : ']'}`;
}

/** A value as messages print it: strings quoted, long arrays cut, objects by their constructor. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) {
    const head = value.slice(0, 8).map(formatValue).join(', ');
    return value.length > 8 ? `[${head}, ... ${value.length} in all]` : `[${head}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const name = value.constructor?.name;
    return name && name !== 'Object' ? `a ${name}` : 'an object';
  }
  return String(value);
}
