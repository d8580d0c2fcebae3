/** Mixtures of normal distributions. */
import * as tf from '@tensorflow/tfjs-core';
import { bits, checkInteger, checkNumber, sizeOf, split } from '@tfkit/core';
import { randomNormal } from '@tfkit/core/tfjs';
import { parameterOf } from '../bijector';
import { gaussianValues, zeros } from '../initializers';
import { oneHot } from '../shapes';
import type { Distribution } from './distribution';

export interface GaussianMixtureOptions {
  /** How many components, at least 1. */
  readonly components: number;
  /** Standard deviation of the components' first means. Default 1. */
  readonly spread?: number;
}

/**
 * A mixture of diagonal normal distributions, all of it learnt: log p(z) = logsumexp_k(log w_k + log N(z; mean_k, scale_k)).
 * Temperature multiplies the components' standard deviations; their means and weights stay.
 *
 * Parameters: 'means' and 'logScales' [components, entries], 'logits' [components] (weights by softmax).
 * @throws OptionError for a bad number of components.
 */
export function gaussianMixture({ components, spread = 1 }: GaussianMixtureOptions): Distribution {
  const name = 'gaussianMixture';
  checkInteger([name, 'components'], components, { min: 1 });
  checkNumber([name, 'spread'], spread, { min: 0 });
  return {
    name,
    init: (key, { shape }) => ({
      means: gaussianValues(key, [components, sizeOf(shape)], spread),
      logScales: zeros([components, sizeOf(shape)]),
      logits: zeros([components]),
    }),
    logProb: (z, scope) =>
      tf.tidy(() => {
        const rows = tf.reshape(z, [z.shape[0]!, 1, -1]);
        const logScales = parameterOf(name, scope, 'logScales');
        const unit = tf.mul(tf.sub(rows, parameterOf(name, scope, 'means')), tf.exp(tf.neg(logScales)));
        const constant = (rows.shape[2]! * Math.log(2 * Math.PI)) / 2;
        const logNormals = tf.sub(
          tf.sub(tf.mul(-0.5, tf.sum(tf.square(unit), 2)), tf.sum(logScales, 1)),
          constant,
        );
        return tf.logSumExp(tf.add(logNormals, tf.logSoftmax(parameterOf(name, scope, 'logits'))), 1);
      }),
    sample: (key, shape, scope, temperature) =>
      tf.tidy(() => {
        const [choiceKey, noiseKey] = split(key);
        const count = shape[0]!;
        // The largest of logits plus Gumbel noise is a draw from their softmax, without reading the weights back.
        const gumbel = Float32Array.from(bits(choiceKey, [count, components]), (word) => {
          return -Math.log(-Math.log((word + 0.5) / 2 ** 32));
        });
        const scores = tf.add(tf.tensor2d(gumbel, [count, components]), parameterOf(name, scope, 'logits'));
        const choice = oneHot(tf.argMax(scores, 1), components);
        const mean = tf.matMul(choice, parameterOf(name, scope, 'means'));
        const scale = tf.exp(tf.matMul(choice, parameterOf(name, scope, 'logScales')));
        const noise = randomNormal(noiseKey, [count, sizeOf(shape.slice(1))]);
        return tf.reshape(tf.add(mean, tf.mul(tf.mul(scale, noise), temperature)), [...shape]);
      }),
  };
}
