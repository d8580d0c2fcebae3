import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '@tfkit/core';
import { checkCommon } from './checks';
import { common, type Margin } from './margin';
import { cosine, sine } from './trigonometry';

export interface AdaFaceOptions {
  /** m, in [0, pi/2]. Default 0.4. */
  readonly margin?: number;
  /** s. Default 64. */
  readonly scale?: number;
  /** How many deviations of the norm make the full change of margin: h, > 0. Default 0.333. */
  readonly h?: number;
  /** The weight of the batch in the running mean and deviation of the norms, in [0, 1]. Default 0.01. */
  readonly momentum?: number;
  /** Norms are clamped to this range first. Default [0.001, 100]. */
  readonly norms?: readonly [number, number];
  /** Cosines are held within 1 - eps of 0, angles within eps of 0 and pi; also added to the deviation. Default 0.001. */
  readonly eps?: number;
}

/**
 * AdaFace: s (cos(theta_y - m q) - m - m q), others s cos(theta_j), where q = h (|x| - mean) / deviation, clamped to
 * [-1, 1], tells how large the sample's norm (its image quality) is among those seen. Mean and (unbiased) deviation are
 * the state, updated before use; q is a constant to the gradient.
 *
 * A batch needs two samples for a deviation: with one, the running one is kept.
 * @throws OptionError if an option is out of its range.
 * Source: Kim et al., AdaFace, CVPR 2022, eq. 10-14 (arXiv:2204.00964), clamps as in the authors' code.
 */
export function adaFace(options: AdaFaceOptions = {}): Margin {
  const name = 'adaFace';
  checkCommon(name, options, ['margin', 'h', 'momentum', 'norms', 'eps']);
  const { margin = 0.4, scale = 64, h = 0.333, momentum = 0.01, norms = [0.001, 100], eps = 0.001 } = options;
  checkNumber([name, 'margin'], margin, { min: 0, max: Math.PI / 2 });
  checkNumber([name, 'h'], h, { min: 0, open: 'min' });
  checkNumber([name, 'momentum'], momentum, { min: 0, max: 1 });
  checkNumber([name, 'norms[0]'], norms[0], { min: 0, open: 'min' });
  checkNumber([name, 'norms[1]'], norms[1], { min: norms[0], open: 'min' });
  checkNumber([name, 'eps'], eps, { min: 0, max: 0.5, open: 'both' });
  const bound = 1 - eps;
  return {
    ...common,
    name,
    scale,
    initialState: { batchMean: 20, batchStd: 100 },
    target: ({ cos, sin }, scalers) => {
      const inside = tf.lessEqual(tf.abs(cos), bound);
      const c = tf.clipByValue(cos, -bound, bound);
      const s = tf.where(inside, sin, tf.sqrt(tf.sub(1, tf.square(c))));
      const [cosG, sinG] = [cosine(tf.mul(scalers!, margin)), sine(tf.mul(scalers!, margin))];
      // theta' = theta - m q, held in [eps, pi - eps]: outside, its sine is below that of eps.
      const turnedCos = tf.add(tf.mul(c, cosG), tf.mul(s, sinG));
      const turnedSin = tf.sub(tf.mul(s, cosG), tf.mul(c, sinG));
      const held = tf.less(turnedSin, Math.sin(eps));
      const limit = tf.mul(tf.sign(turnedCos), Math.cos(eps));
      const adjusted = tf.where(held, limit, turnedCos);
      const moves = tf.cast(tf.logicalAnd(inside, tf.logicalNot(held)), 'float32');
      return {
        value: tf.sub(adjusted, tf.mul(tf.add(scalers!, 1), margin)) as tf.Tensor1D,
        slope: tf.neg(tf.mul(turnedSin, moves)) as tf.Tensor1D,
      };
    },
    others: {
      bound: 1,
      value: (cos) => tf.clipByValue(cos, -bound, bound),
      slope: (cos) => tf.cast(tf.lessEqual(tf.abs(cos), bound), 'float32') as tf.Tensor2D,
    },
    prepare: {
      gives: 'margins',
      compute: ({ norms: lengths, valid, state }) => {
        const n = tf.clipByValue(lengths, norms[0], norms[1]);
        const count = tf.sum(valid);
        const mean = tf.div(tf.sum(tf.mul(n, valid)), count);
        const squares = tf.sum(tf.mul(tf.square(tf.sub(n, mean)), valid));
        const deviation = tf.where(
          tf.greater(count, 1),
          tf.sqrt(tf.div(squares, tf.maximum(tf.sub(count, 1), 1))),
          state.batchStd!,
        );
        const follow = (running: tf.Variable, now: tf.Tensor) => {
          running.assign(tf.add(tf.mul(now, momentum), tf.mul(running, 1 - momentum)));
        };
        follow(state.batchMean!, mean);
        follow(state.batchStd!, deviation);
        const q = tf.div(tf.sub(n, state.batchMean!), tf.add(state.batchStd!, eps));
        return tf.clipByValue(tf.mul(q, h), -1, 1);
      },
    },
  };
}
