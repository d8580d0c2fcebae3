/**
 * Arrays of random numbers from a key, on the host, so that they are the same on every backend. Element `i` depends on
 * the key and on `i` alone. Each function names the call of JAX 0.10.2 (CPU, `jax_threefry_partitionable=True`) that it
 * equals.
 */
import { checkInteger, checkKnownOptions, checkNumber, formatValue } from '../checks';
import { OptionError, ShapeError } from '../errors';
import { sizeOf } from '../shape';
import { gaussianOf } from './gaussian';
import { checkKey, type Key, maxCount, split } from './keys';
import { threefry2x32 } from './threefry';

/** A shape, or a number of elements. Results are flat, in row-major order. */
export type ShapeOrCount = number | readonly number[];

/** How many hashes are done at a time: the second words stay in the first-level cache. */
const chunk = 2048;

/** `bits >>> 9` scaled to [0, 1): the 23 bits that a float32 in [1, 2) has. */
const unit = 2 ** -23;

/**
 * 32 random bits per element.
 *
 * @returns Uint32Array, equal to `jax.random.bits(key, shape)`.
 * @throws OptionError or ShapeError if the key or the shape is none.
 */
export function bits(key: Key, shape: ShapeOrCount): Uint32Array {
  return bitsOf('bits', key, shape);
}

export interface UniformOptions {
  /** The lower end, included. Default 0. */
  readonly min?: number;
  /** The upper end, excluded but for rounding: a wide range may round up to it. Default 1. */
  readonly max?: number;
}

/**
 * Uniform numbers in [min, max), in steps of (max - min) / 2^23.
 *
 * @returns Float32Array, equal to `jax.random.uniform(key, shape, minval=min, maxval=max)` to the bit. (Numbers below
 * 1.2e-38 excepted, which JAX rounds to 0.)
 * @throws OptionError if min > max, or if min, max or max - min is not a finite float32.
 */
export function uniform(key: Key, shape: ShapeOrCount, options: UniformOptions = {}): Float32Array {
  checkKnownOptions('uniform', options, ['min', 'max']);
  const { min = 0, max = 1 } = options;
  checkNumber(['uniform', 'min'], min);
  checkNumber(['uniform', 'max'], max, { min });
  const low = Math.fround(min);
  const range = Math.fround(Math.fround(max) - low);
  if (!Number.isFinite(range)) {
    throw new OptionError(`uniform: max - min must be a finite float32, got ${max - min}.`);
  }
  const words = bitsOf('uniform', key, shape);
  const out = new Float32Array(words.buffer);
  if (low === 0) for (let i = 0; i < out.length; i++) out[i] = (words[i]! >>> 9) * unit * range;
  else for (let i = 0; i < out.length; i++) out[i] = addRounded((words[i]! >>> 9) * unit * range, low);
  return out;
}

/**
 * `a + b` rounded once to float32, for float64 `a` and `b`: what the fused multiply-add that JAX compiles to gives.
 *
 * The float64 sum is itself rounded, which matters where it lies midway between two float32 numbers: then the sign of
 * its error (Knuth's two-sum) tells which of them is nearer.
 */
function addRounded(a: number, b: number): number {
  const sum = a + b;
  const rounded = Math.fround(sum);
  const rest = sum - rounded;
  if (rest === 0) return rounded;
  const other = rounded + 2 * rest;
  if (Math.fround(other) !== other) return rounded;
  const bPart = sum - a;
  const error = a - (sum - bPart) + (b - bPart);
  return Math.sign(error) === Math.sign(rest) ? other : rounded;
}

/**
 * Standard normal numbers: sqrt(2) * erfinv(u) of 2^23 uniform u in (-1, 1), hence within +-5.42.
 *
 * @returns Float32Array, within 4 units in the last place of `jax.random.normal(key, shape)` for every u.
 * @throws OptionError or ShapeError if the key or the shape is none.
 */
export function normal(key: Key, shape: ShapeOrCount): Float32Array {
  const words = bitsOf('normal', key, shape);
  const out = new Float32Array(words.buffer);
  for (let i = 0; i < out.length; i++) out[i] = gaussianOf(words[i]! >>> 9);
  return out;
}

/**
 * Whole numbers in [min, max).
 *
 * @param min, max integers, -2^31 <= min < max <= 2^31.
 * @returns Int32Array, equal to `jax.random.randint(key, shape, min, max)`.
 * @throws OptionError if min or max is out of range.
 */
export function randint(key: Key, shape: ShapeOrCount, min: number, max: number): Int32Array {
  checkKey('randint', key);
  checkInteger(['randint', 'min'], min, { min: -(2 ** 31), max: 2 ** 31 - 1 });
  checkInteger(['randint', 'max'], max, { min: min + 1, max: 2 ** 31 });
  const [highKey, lowKey] = split(key);
  const high = bitsOf('randint', highKey, shape);
  const low = bitsOf('randint', lowKey, shape);
  // 64 random bits modulo the span, in 32-bit steps. JAX lets the products and sums wrap at 2^32.
  const span = max - min;
  const square = (2 ** 16 % span) ** 2;
  const factor = (square % 2 ** 32) % span;
  const out = new Int32Array(high.buffer);
  for (let i = 0; i < out.length; i++) {
    const product = Math.imul(high[i]! % span, factor) >>> 0;
    out[i] = min + (((product + (low[i]! % span)) >>> 0) % span);
  }
  return out;
}

/**
 * 1 with the given probability, else 0.
 *
 * @param probability in [0, 1]. Default 0.5.
 * @returns Uint8Array, equal to `jax.random.bernoulli(key, probability, shape)`.
 * @throws OptionError if the probability is out of range.
 */
export function bernoulli(key: Key, shape: ShapeOrCount, probability = 0.5): Uint8Array {
  checkNumber(['bernoulli', 'probability'], probability, { min: 0, max: 1 });
  const limit = Math.fround(probability);
  return Uint8Array.from(bitsOf('bernoulli', key, shape), (word) => ((word >>> 9) * unit < limit ? 1 : 0));
}

/**
 * The numbers 0 to count - 1 in random order.
 *
 * @returns Uint32Array, equal to `jax.random.permutation(key, count)`.
 * @throws OptionError if the key or the count is none.
 */
export function permutation(key: Key, count: number): Uint32Array {
  checkKey('permutation', key);
  checkInteger(['permutation', 'count'], count, { min: 0, max: maxCount });
  let order = iota(count);
  // Sorted by random words, again and again with new ones until two elements hardly ever tie in all of them.
  const rounds = Math.ceil((3 * Math.log(Math.max(1, count))) / Math.log(2 ** 32 - 1));
  let current = key;
  for (let round = 0; round < rounds; round++) {
    const [next, drawn] = split(current);
    order = sortBy(bitsOf('permutation', drawn, count), order);
    current = next;
  }
  return order;
}

function iota(count: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i++) out[i] = i;
  return out;
}

/** `values` in ascending order of `words`, ties in their old order: a radix sort by 16 bits, twice. */
function sortBy(words: Uint32Array, values: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  let order = iota(words.length);
  for (const shift of [0, 16]) {
    const starts = new Uint32Array(2 ** 16 + 1);
    for (const word of words) starts[((word >>> shift) & 0xffff) + 1]!++;
    for (let digit = 0; digit < 2 ** 16; digit++) starts[digit + 1]! += starts[digit]!;
    const sorted = new Uint32Array(order.length);
    for (const index of order) sorted[starts[(words[index]! >>> shift) & 0xffff]!++] = index;
    order = sorted;
  }
  return order.map((index) => values[index]!);
}

function bitsOf(functionName: string, key: Key, shape: ShapeOrCount): Uint32Array<ArrayBuffer> {
  checkKey(functionName, key);
  const out = new Uint32Array(countOf(functionName, shape));
  const second = new Uint32Array(Math.min(out.length, chunk));
  for (let start = 0; start < out.length; start += chunk) {
    const first = out.subarray(start, start + chunk);
    threefry2x32(key, start, first, second);
    for (let i = 0; i < first.length; i++) first[i]! ^= second[i]!;
  }
  return out;
}

function countOf(functionName: string, shape: ShapeOrCount): number {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  const valid = Array.isArray(sizes) && sizes.every((size) => Number.isSafeInteger(size) && size >= 0);
  const count = valid ? sizeOf(sizes) : NaN;
  if (count <= maxCount) return count;
  throw new ShapeError(
    `${functionName}: shape must be non-negative integers with a product below 2^32, got ${formatValue(shape)}.`,
  );
}
