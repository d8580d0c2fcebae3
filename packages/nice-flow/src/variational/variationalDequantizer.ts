/** Noise for integers that a flow learns, instead of uniform noise. */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '@tfkit/core';
import { logSigmoid } from '@tfkit/core/tfjs';
import type { Bijector } from '../bijector';
import { gaussian } from '../distributions/gaussian';
import { intervalOf } from '../quantization';
import type { Dequantizer } from './dequantizer';

/**
 * Variational dequantization: noise u = sigmoid(v) in (0, 1), where v comes from a normal number by a flow that is given the integers as
 * context. It learns with the flow; the likelihood that `fit` and `evaluate` tell is then a lower bound, E[log p(x + u) - log q(u | x)].
 *
 * @param bijector on vectors of all entries, conditioned on as many numbers, the integers brought to [-1, 1]: an `affineCoupling` or
 * `splineCoupling` chain with `mlp` nets. Its inverse makes the noise.
 * Source: Ho et al., Flow++, ICML 2019, section 3.1 (arXiv:1902.00275).
 * @example
 * const dequantizer = variationalDequantizer(chain([0, 1].map((i) => affineCoupling({ mask: i ? 'odd' : 'even', net: mlp() }))));
 * const flow = new Flow({ bijector, shape: [8, 8, 1], quantization: { levels: 256 }, dequantizer, key: key(0) });
 */
export function variationalDequantizer(bijector: Bijector): Dequantizer {
  return {
    init(key, { shape }) {
      const size = sizeOf(shape);
      return bijector.init(key, { shape: [size], contextSize: size });
    },
    apply(values, noise, quantization, scope) {
      const { levels, low, width } = intervalOf('variationalDequantizer', quantization);
      const context = tf.sub(tf.mul(tf.reshape(values, noise.shape), 2 / (levels - 1)), 1);
      const { x: v, logDet } = bijector.inverse(noise, { ...scope, context });
      const u = tf.sigmoid(v);
      const logSlope = tf.sum(tf.add(logSigmoid(v), logSigmoid(tf.neg(v))), 1);
      return {
        x: tf.add(tf.mul(tf.add(values, tf.reshape(u, values.shape)), width), low),
        logDensity: tf.sub(tf.sub(gaussian().logProb(noise, scope), logDet), logSlope),
      };
    },
  };
}
