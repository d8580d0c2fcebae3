/** Random signs, for Hutchinson's estimate of a trace: E[e^T A e] = tr A. */
import * as tf from '@tensorflow/tfjs-core';
import { bits, type Key } from '@tfkit/core';

/** Signs float32 of a shape. */
export function randomSigns(key: Key, shape: readonly number[]): tf.Tensor {
  return tf.tensor(
    Float32Array.from(bits(key, shape), (word) => (word & 1 ? 1 : -1)),
    [...shape],
  );
}
