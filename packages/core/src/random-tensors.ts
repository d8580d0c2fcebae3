/** Random tensors from keys: drawn on the host and uploaded, so that every backend gets the same numbers. */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, normal, type UniformOptions, uniform } from './random';

/**
 * A float32 tensor of standard normal numbers: `normal(key, shape)` of `@tfkit/core`. The caller disposes it.
 *
 * @throws OptionError or ShapeError if the key or the shape is none.
 */
export function randomNormal(key: Key, shape: readonly number[]): tf.Tensor {
  return tf.tensor(normal(key, shape), [...shape], 'float32');
}

/**
 * A float32 tensor of uniform numbers in [min, max): `uniform(key, shape, options)` of `@tfkit/core`. The caller
 * disposes it.
 *
 * @throws OptionError or ShapeError if the key, the shape or an option is none.
 */
export function randomUniform(key: Key, shape: readonly number[], options?: UniformOptions): tf.Tensor {
  return tf.tensor(uniform(key, shape, options), [...shape], 'float32');
}
