/**
 * Keys of the counter-based generator: what a seed becomes, and how one key gives others. The words equal those of
 * JAX 0.10.2 with `jax_threefry_partitionable=True`.
 */
import { checkInteger, formatValue } from '../checks';
import { OptionError } from '../errors';
import { threefry2x32 } from './threefry';

/**
 * A key: two words in [0, 2^32), as `jax.random.key_data` gives them. Frozen, and plain JSON: `[0, 42]`.
 *
 * A key is used once: drawing twice with one key gives the same numbers twice. `split` it first.
 */
export type Key = readonly [high: number, low: number];

/** How many numbers one call gives at most: a counter is the element's index, and JAX's first word stays 0. */
export const maxCount = 2 ** 32 - 1;

/**
 * The key of a seed: its 64 bits in two words.
 *
 * @param seed an integer in [-2^63, 2^64): a safe integer, or a bigint. Negative ones are taken in two's complement.
 * Seeds in [0, 2^32) give the key of `jax.random.key(seed)`; others that of JAX with `jax_enable_x64`, since its
 * default drops the upper 32 bits, so that 5 and 2^32 + 5 give one key there and two here.
 * @throws OptionError if the seed is no integer or outside the range.
 * @example
 * const [forWeights, forNoise] = split(key(42));
 * const noise = normal(forNoise, [2, 3]);
 */
export function key(seed: number | bigint): Key {
  const isInteger = typeof seed === 'bigint' || Number.isSafeInteger(seed);
  if (!isInteger || seed < -(2n ** 63n) || seed >= 2n ** 64n) {
    throw new OptionError(
      `key: seed must be a safe integer, or a bigint in [-2^63, 2^64), got ${formatValue(seed)}.`,
    );
  }
  const bits = BigInt.asUintN(64, BigInt(seed));
  return freeze(Number(bits >> 32n), Number(bits & 0xffffffffn));
}

/**
 * `count` new keys, independent of one another and of what the old one draws. The old one is not to be used again.
 *
 * @param count a positive integer. Default 2.
 * @throws OptionError if the key is none, or the count is not a positive integer.
 */
export function split(key: Key, count?: 2): [Key, Key];
export function split(key: Key, count: 3): [Key, Key, Key];
export function split(key: Key, count: number): Key[];
export function split(key: Key, count = 2): Key[] {
  checkKey('split', key);
  checkInteger(['split', 'count'], count, { min: 1, max: maxCount });
  return hash(key, 0, count);
}

/**
 * The key for one of many numbered uses: a training step, a process rank, a layer.
 *
 * @param data the number, an integer in [0, 2^32).
 * @throws OptionError if the key is none, or the number is not in range.
 */
export function foldIn(key: Key, data: number): Key {
  checkKey('foldIn', key);
  checkInteger(['foldIn', 'data'], data, { min: 0, max: 2 ** 32 - 1 });
  return hash(key, data, 1)[0] as Key;
}

/** The hashes of `count` counters from `start` on, as keys. */
function hash(key: Key, start: number, count: number): Key[] {
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  threefry2x32(key, start, high, low);
  return Array.from(high, (word, index) => freeze(word, low[index] as number));
}

/** A key must be two words, whether it comes from `key`, from JSON, or as a Uint32Array from a file. */
export function checkKey(functionName: string, value: Key): void {
  const words = value as ArrayLike<number> | null | undefined;
  if (typeof words === 'object' && words?.length === 2 && isWord(words[0]) && isWord(words[1])) return;
  const text = ArrayBuffer.isView(words) ? `a ${words.constructor.name}` : formatValue(words);
  throw new OptionError(
    `${functionName}: key must be two integers in [0, 2^32), got ${text}. Make one with key(seed).`,
  );
}

const isWord = (value: unknown) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;

const freeze = (high: number, low: number): Key => Object.freeze([high, low] as const);
