/** First values of parameters. */
import { type Key, normal, sizeOf } from '@tfkit/core';
import type { InitialValue } from './bijector';

export function zeros(shape: readonly number[], trainable = true): InitialValue {
  return { shape, data: new Float32Array(sizeOf(shape)), trainable };
}

export function filled(shape: readonly number[], value: number, trainable = true): InitialValue {
  return { shape, data: new Float32Array(sizeOf(shape)).fill(value), trainable };
}

/** Normal numbers with this standard deviation. */
export function gaussianValues(key: Key, shape: readonly number[], deviation: number): InitialValue {
  return { shape, data: normal(key, shape).map((value) => value * deviation) };
}

/** A random rotation (QR of a Gaussian matrix), row-major [size, size], in float64. */
export function randomRotation(key: Key, size: number): Float64Array {
  const q = Float64Array.from(normal(key, [size, size]));
  for (let row = 0; row < size; row++) {
    // Twice: the second pass removes what rounding left of the first.
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other++) {
        let dot = 0;
        for (let i = 0; i < size; i++) dot += q[row * size + i]! * q[other * size + i]!;
        for (let i = 0; i < size; i++) q[row * size + i]! -= dot * q[other * size + i]!;
      }
    }
    let norm = 0;
    for (let i = 0; i < size; i++) norm += q[row * size + i]! ** 2;
    for (let i = 0; i < size; i++) q[row * size + i]! /= Math.sqrt(norm);
  }
  return q;
}
