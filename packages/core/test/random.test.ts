import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bernoulli,
  bits,
  foldIn,
  type Key,
  key,
  normal,
  permutation,
  randint,
  split,
  uniform,
} from '../src/random';
import { gaussianOf } from '../src/random/gaussian';

/** Made by tools/golden/core/random_table.py with JAX 0.10.2. */
const golden = JSON.parse(readFileSync(new URL('golden/random.json', import.meta.url), 'utf8'));

type Words = number[] | { count: number; sha256: string };

/** The array in the table's form: its 32-bit words, or above 64 elements their hash. */
function words(array: Float32Array | Uint32Array | Int32Array | Uint8Array): Words {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (array.length > 64) {
    return { count: array.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
  return [...(array instanceof Float32Array ? new Uint32Array(bytes.buffer) : array)];
}

const flatKeys = (keys: readonly Key[]) => Uint32Array.from(keys.flat());

describe('random numbers are those of JAX, to the bit', () => {
  it.each<{ seed: string; key: Key }>([...golden.seeds, ...golden.seedsWithX64])('key($seed)', (row) => {
    expect(key(BigInt(row.seed))).toEqual(row.key);
    if (Number.isSafeInteger(Number(row.seed))) expect(key(Number(row.seed))).toEqual(row.key);
  });

  it.each<{ seed: number; count: number; keys: Words }>(golden.splits)('split(key($seed), $count)', (row) => {
    expect(words(flatKeys(split(key(row.seed), row.count)))).toEqual(row.keys);
  });

  it.each<{ seed: number; data: number; key: Key }>(golden.foldIns)('foldIn(key($seed), $data)', (row) => {
    expect(foldIn(key(row.seed), row.data)).toEqual(row.key);
  });

  it('a chain of splits and folds', () => {
    const third = split(key(3), 4)[2] as Key;
    expect(foldIn(split(foldIn(third, 9))[1], 1)).toEqual(golden.chain);
  });

  it.each<{ seed: number; shape: number[]; words: Words }>(golden.bits)(
    'bits of key($seed), $shape',
    (row) => {
      expect(words(bits(key(row.seed), row.shape))).toEqual(row.words);
      const count = row.shape.reduce((a, b) => a * b, 1);
      expect(bits(key(row.seed), count)).toEqual(bits(key(row.seed), row.shape));
    },
  );

  it.each<{ seed: number; min: number; max: number; shape: number[]; words: Words }>(golden.uniform)(
    'uniform in [$min, $max), $shape',
    ({ seed, min, max, shape, ...row }) => {
      expect(words(uniform(key(seed), shape, { min, max }))).toEqual(row.words);
    },
  );

  it.each<{ seed: number; min: number; max: number; shape: number[]; words: Words }>(golden.randint)(
    'randint in [$min, $max), $shape',
    ({ seed, min, max, shape, ...row }) => {
      expect(words(randint(key(seed), shape, min, max))).toEqual(row.words);
    },
  );

  it.each<{ seed: number; probability: number; shape: number[]; words: Words }>(golden.bernoulli)(
    'bernoulli($probability)',
    ({ seed, probability, shape, ...row }) => {
      expect(words(bernoulli(key(seed), shape, probability))).toEqual(row.words);
    },
  );

  it.each<{ seed: number; count: number; words: Words }>(golden.permutation)('permutation($count)', (row) => {
    expect(words(permutation(key(row.seed), row.count))).toEqual(row.words);
  });
});

describe('normal', () => {
  /** The largest distance in units in the last place; both arrays hold the bits of float32 numbers. */
  function worstUlps(actual: Float32Array, expected: readonly number[]): number {
    const ordered = (word: number) => (word < 0 ? -(word & 0x7fffffff) : word);
    const actualWords = new Int32Array(actual.buffer);
    return Math.max(...expected.map((word, i) => Math.abs(ordered(actualWords[i]!) - ordered(word | 0))));
  }

  it('is within 4 ulp of JAX for drawn numbers', () => {
    for (const { seed, shape, words: expected } of golden.normal) {
      expect(worstUlps(normal(key(seed), shape), expected), `seed ${seed}`).toBeLessThanOrEqual(4);
    }
  });

  it('is within 4 ulp of JAX in both tails, at the seams and in between', () => {
    const { index, words: expected } = golden.normalOfIndex as { index: number[]; words: number[] };
    expect(worstUlps(Float32Array.from(index, gaussianOf), expected)).toBeLessThanOrEqual(4);
    expect(gaussianOf(0)).toBeLessThan(-5.4);
    expect(gaussianOf(2 ** 23 - 1)).toBeGreaterThan(5.2);
  });

  it('has the moments of the standard normal distribution', () => {
    const numbers = normal(key(1), 2 ** 18);
    const moment = (power: number) => numbers.reduce((sum, x) => sum + x ** power, 0) / numbers.length;
    // Four standard errors: sqrt(Var(x^k) / n) with variances 1, 2, 15, 96.
    const error = (variance: number) => 4 * Math.sqrt(variance / numbers.length);
    expect(Math.abs(moment(1))).toBeLessThan(error(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(error(2));
    expect(Math.abs(moment(3))).toBeLessThan(error(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(error(96));
  });
});

describe('keys', () => {
  it('are frozen and survive JSON; words from a file serve as well', () => {
    const made = foldIn(key(12345678901234567890n), 3);
    expect(Object.isFrozen(made)).toBe(true);
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    expect(bits(JSON.parse(JSON.stringify(made)), 5)).toEqual(bits(made, 5));
    expect(bits(Uint32Array.from(made) as unknown as Key, 5)).toEqual(bits(made, 5));
  });

  it('give numbers that depend on the index alone, not on the length', () => {
    expect(normal(key(5), 10).subarray(0, 7)).toEqual(normal(key(5), 7));
  });

  it.each([1.5, NaN, Infinity, 2 ** 53, -(2 ** 53), 2n ** 64n, -(2n ** 63n) - 1n, '1', null, undefined])(
    'refuses %s as a seed',
    (seed) => {
      expect(() => key(seed as number)).toThrow(/^key: seed must be a safe integer, or a bigint in .*, got /);
    },
  );

  it.each([
    [[1]],
    [[1, 2, 3]],
    [[-1, 0]],
    [[0, 2 ** 32]],
    [[0.5, 0]],
    [null],
    [42],
    ['ab'],
    [new Float32Array(3)],
  ])('refuses %o as a key', (value) => {
    const bad = value as unknown as Key;
    const message = /^\w+: key must be two integers in \[0, 2\^32\), got .* Make one with key\(seed\)\.$/;
    for (const call of [
      () => split(bad),
      () => foldIn(bad, 0),
      () => bits(bad, 1),
      () => uniform(bad, 1),
      () => normal(bad, 1),
      () => randint(bad, 1, 0, 2),
      () => bernoulli(bad, 1),
      () => permutation(bad, 1),
    ]) {
      expect(call).toThrow(message);
    }
  });
});

describe('bad arguments', () => {
  it.each([[[-1]], [[1.5]], [[2 ** 16, 2 ** 16]], [-1], [NaN], [2 ** 32], ['3'], [null], [[NaN, 0]]])(
    'shape %o is one ShapeError',
    (shape) => {
      expect(() => normal(key(0), shape as number[])).toThrow(
        /^normal: shape must be non-negative integers with a product below 2\^32, got /,
      );
    },
  );

  it('options outside their range', () => {
    const k = key(0);
    expect(() => uniform(k, 1, { min: 2, max: 1 })).toThrow('uniform: max must be a number >= 2, got 1.');
    expect(() => uniform(k, 1, { min: -3e38, max: 3e38 })).toThrow(
      'uniform: max - min must be a finite float32',
    );
    expect(() => uniform(k, 1, { maxval: 2 } as object)).toThrow(
      "uniform: options must be among min, max, got 'maxval'.",
    );
    expect(() => randint(k, 1, 3, 3)).toThrow('randint: max must be an integer in [4, 2147483648], got 3.');
    expect(() => randint(k, 1, 0.5, 3)).toThrow('randint: min must be an integer');
    expect(() => bernoulli(k, 1, 1.1)).toThrow('bernoulli: probability must be a number in [0, 1], got 1.1.');
    expect(() => split(k, 0)).toThrow('split: count must be an integer in [1, 4294967295], got 0.');
    expect(() => foldIn(k, -1)).toThrow('foldIn: data must be an integer in [0, 4294967295], got -1.');
    expect(() => permutation(k, -1)).toThrow('permutation: count must be an integer');
  });
});
