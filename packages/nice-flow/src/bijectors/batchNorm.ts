/** Batch normalisation as a layer of a flow. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '@tfkit/core';
import { type Bijector, defineBijector, parameterOf, type Scope } from '../bijector';
import { filled, zeros } from '../initializers';
import { channelAxes, lastOf, positionsOf } from '../shapes';

export interface BatchNormOptions {
  /** How much of the moving statistics a training step keeps, in [0, 1). Default 0.9. */
  readonly momentum?: number;
  /** Added to the variance, positive. Default 1e-5. */
  readonly eps?: number;
}

/**
 * z = (x - mean) / sqrt(variance + eps) * exp(logGamma) + beta for each entry of the last axis; log-determinant height *
 * width * sum(logGamma - log(variance + eps) / 2).
 *
 * In mode 'training' mean and (population) variance are those of the batch, gradients flow through them, and the moving
 * ones come back as `updates`; in 'initialization' these become the batch's. The inverse always uses the moving ones: those
 * of a batch cannot be told from its z.
 *
 * Parameters: 'logGamma', 'beta'; not trained: 'movingMean', 'movingVariance' (which starts at 1).
 *
 * @throws OptionError if an option or a number is out of its range.
 * Source: Dinh, Sohl-Dickstein, Bengio, RealNVP, 2017, section 3.7 and appendix E (arXiv:1605.08803).
 */
export function batchNorm({ momentum = 0.9, eps = 1e-5 }: BatchNormOptions = {}): Bijector {
  const name = 'batchNorm';
  checkNumber([name, 'momentum'], momentum, { min: 0, max: 1, open: 'max' });
  checkNumber([name, 'eps'], eps, { min: 0, open: 'min' });
  const learnt = (scope: Scope) => ({
    logGamma: parameterOf(name, scope, 'logGamma'),
    beta: parameterOf(name, scope, 'beta'),
  });
  const moving = (scope: Scope) => ({
    mean: parameterOf(name, scope, 'movingMean'),
    variance: parameterOf(name, scope, 'movingVariance'),
  });
  const logDetOf = (x: tf.Tensor, logGamma: tf.Tensor, variance: tf.Tensor) =>
    tf.mul(tf.sum(tf.sub(logGamma, tf.mul(0.5, tf.log(tf.add(variance, eps))))), positionsOf(x));
  return defineBijector({
    name,
    init(_, { shape }) {
      const size = [lastOf(shape)];
      return {
        logGamma: zeros(size),
        beta: zeros(size),
        movingMean: zeros(size, false),
        movingVariance: filled(size, 1, false),
      };
    },
    forward(x, scope) {
      const { logGamma, beta } = learnt(scope);
      const { mode = 'evaluation' } = scope;
      const { mean, variance } = mode === 'evaluation' ? moving(scope) : tf.moments(x, channelAxes(x));
      const scale = tf.mul(tf.rsqrt(tf.add(variance, eps)), tf.exp(logGamma));
      const result = {
        z: tf.add(tf.mul(tf.sub(x, mean), scale), beta),
        logDet: logDetOf(x, logGamma, variance),
      };
      if (mode === 'evaluation') return result;
      const keep = mode === 'training' ? momentum : 0;
      const old = moving(scope);
      const blend = (before: tf.Tensor, now: tf.Tensor) =>
        tf.add(tf.mul(before, keep), tf.mul(now, 1 - keep));
      return {
        ...result,
        updates: {
          movingMean: blend(old.mean, mean),
          movingVariance: blend(old.variance, variance),
        },
      };
    },
    inverse(z, scope) {
      const { logGamma, beta } = learnt(scope);
      const { mean, variance } = moving(scope);
      const scale = tf.mul(tf.sqrt(tf.add(variance, eps)), tf.exp(tf.neg(logGamma)));
      return {
        x: tf.add(tf.mul(tf.sub(z, beta), scale), mean),
        logDet: tf.neg(logDetOf(z, logGamma, variance)),
      };
    },
  });
}
