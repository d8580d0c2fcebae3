/** Reading tensors, seeded inputs and the leak check. */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

export interface Values {
  shape: number[];
  dtype: string;
  data: Float32Array | Int32Array | Uint8Array;
}

/** A tensor's shape, dtype and values, for `toBeAllclose`. Does not dispose it. */
export async function valuesOf(tensor: tf.Tensor): Promise<Values> {
  return { shape: tensor.shape, dtype: tensor.dtype, data: await tensor.data() };
}

/** Uniform numbers in [low, high) from a 32-bit seed (mulberry32): the same on every machine and backend. */
export function seededUniform(seed: number, count: number, low = -1, high = 1): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return low + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  });
}

/** Standard normal numbers from a seed (Box-Muller on `seededUniform`). */
export function seededNormal(seed: number, count: number): Float64Array {
  const uniforms = seededUniform(seed, 2 * count, 0, 1);
  return Float64Array.from(
    { length: count },
    (_, i) => Math.sqrt(-2 * Math.log(1 - uniforms[2 * i]!)) * Math.cos(2 * Math.PI * uniforms[2 * i + 1]!),
  );
}

/** A float32 tensor of seeded uniform numbers. */
export function seededTensor(seed: number, shape: number[], low = -1, high = 1): tf.Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return tf.tensor(Float32Array.from(seededUniform(seed, size, low, high)), shape, 'float32');
}

/**
 * Runs `body` and asserts that it leaves `kept` tensors behind (those it returns), no more, also when it throws: then
 * the error is thrown on after the check.
 */
export async function expectNoLeak<T>(body: () => T | Promise<T>, kept = 0): Promise<T> {
  const before = tf.memory().numTensors;
  let leaked: number;
  try {
    const result = await body();
    leaked = tf.memory().numTensors - before;
    expect(leaked - kept, 'tensors leaked').toBe(0);
    return result;
  } catch (error) {
    leaked = tf.memory().numTensors - before;
    if (leaked > 0 && !(error instanceof Error && error.name === 'AssertionError')) {
      throw new Error(`${leaked} tensors leaked by a call that threw: ${error}`);
    }
    throw error;
  }
}
