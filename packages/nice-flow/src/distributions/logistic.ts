/** The logistic distribution. */
import * as tf from '@tensorflow/tfjs-core';
import { bits, checkDType, type Key } from '@tfkit/core';
import { logSigmoid } from '@tfkit/core/tfjs';
import { sumEvent } from '../shapes';
import type { Distribution } from './distribution';

/**
 * The standard logistic (mean 0, scale 1), NICE's base: log p(z) = sum(-softplus(z) - softplus(-z)), which is finite, as
 * its gradient -tanh(z / 2), however far out. Temperature multiplies the scale.
 *
 * Samples are quantiles of 32-bit uniform numbers, computed in float64: within +-22.9, and symmetric.
 */
export function logistic(): Distribution {
  return {
    name: 'logistic',
    logProb: (z) => tf.tidy(() => sumEvent(tf.add(logSigmoid(z), logSigmoid(tf.neg(z))))),
    sample: (key, shape, _, temperature) => {
      const values = logisticValues(key, shape).map((value) => value * temperature);
      return tf.tensor(values, [...shape], 'float32');
    },
  };
}

/** Standard logistic numbers on the host. */
export function logisticValues(key: Key, shape: readonly number[]): Float32Array {
  return Float32Array.from(bits(key, shape), (word) => {
    const u = (word + 0.5) / 2 ** 32;
    return Math.log(u) - Math.log1p(-u);
  });
}

/**
 * The quantile function of the standard logistic: log(u) - log(1 - u), elementwise, for u in (0, 1), of any shape.
 *
 * @throws DTypeError unless u is float32 or int32.
 */
export function logisticQuantile<T extends tf.Tensor>(u: T): T {
  checkDType(['logisticQuantile', 'u'], u, ['float32', 'int32']);
  return tf.tidy(() => tf.sub(tf.log(u), tf.log(tf.sub(1, u))) as T);
}
