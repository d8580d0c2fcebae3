/** Normal distributions. */
import * as tf from '@tensorflow/tfjs-core';
import { randomNormal } from '@tfkit/core/tfjs';
import { parameterOf } from '../bijector';
import { zeros } from '../initializers';
import { sumEvent } from '../shapes';
import type { Distribution } from './distribution';

const halfLogTwoPi = Math.log(2 * Math.PI) / 2;

/** The standard normal: log p(z) = sum(-z^2 / 2 - log(2 pi) / 2). Temperature multiplies the standard deviation. */
export function gaussian(): Distribution {
  return {
    name: 'gaussian',
    logProb: (z) => tf.tidy(() => sumEvent(tf.sub(tf.mul(-0.5, tf.square(z)), halfLogTwoPi))),
    sample: (key, shape, _, temperature) => tf.tidy(() => tf.mul(randomNormal(key, shape), temperature)),
  };
}

/**
 * A normal distribution with learnt mean and log standard deviation for each entry (parameters 'mean', 'logScale'; at
 * first 0). Temperature multiplies the standard deviation.
 */
export function diagonalGaussian(): Distribution {
  const name = 'diagonalGaussian';
  return {
    name,
    init: (_, { shape }) => ({ mean: zeros(shape), logScale: zeros(shape) }),
    logProb: (z, scope) =>
      tf.tidy(() => {
        const logScale = parameterOf(name, scope, 'logScale');
        const unit = tf.mul(tf.sub(z, parameterOf(name, scope, 'mean')), tf.exp(tf.neg(logScale)));
        return sumEvent(tf.sub(tf.sub(tf.mul(-0.5, tf.square(unit)), logScale), halfLogTwoPi));
      }),
    sample: (key, shape, scope, temperature) =>
      tf.tidy(() => {
        const scale = tf.mul(tf.exp(parameterOf(name, scope, 'logScale')), temperature);
        return tf.add(parameterOf(name, scope, 'mean'), tf.mul(scale, randomNormal(key, shape)));
      }),
  };
}
