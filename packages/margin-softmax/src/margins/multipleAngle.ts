/** The multiplicative angular margins: psi(theta) = (-1)^k cos(m theta) - 2k, the falling continuation of cos(m theta). */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkNumber } from '@tfkit/core';
import { checkCommon } from './checks';
import { type Angle, common, type Margin, type TargetValue } from './margin';
import { cosine, sine } from './trigonometry';

export interface MultipleAngleOptions {
  /** m, an integer in 1..5. Default 4. */
  readonly margin?: number;
  /**
   * The weight of the plain cosine, (lambda cos(theta) + psi(theta)) / (1 + lambda), at least 0. Training starts with
   * a large one and lets it fall: see `annealedLambda`. Default 5, where the authors end.
   */
  readonly lambda?: number;
  /** Multiplies the logits further. Default 1. */
  readonly scale?: number;
}

/**
 * L-Softmax: |w_y| |x| (lambda cos(theta_y) + psi(theta_y)) / (1 + lambda), others w_j x. Nothing is normalised.
 *
 * @throws OptionError if the margin is no integer in 1..5, or lambda < 0.
 * Source: Liu et al., Large-margin softmax loss, ICML 2016, eq. 6 and 8 (arXiv:1612.02295).
 */
export function lSoftmax(options: MultipleAngleOptions = {}): Margin {
  return multipleAngle('lSoftmax', 'none', options);
}

/**
 * A-Softmax (SphereFace): |x| (lambda cos(theta_y) + psi(theta_y)) / (1 + lambda), others |x| cos(theta_j): class
 * centres are normalised, embeddings are not.
 *
 * @throws OptionError if the margin is no integer in 1..5, or lambda < 0.
 * Source: Liu et al., SphereFace, CVPR 2017, eq. 7 (arXiv:1704.08063); lambda as in its appendix.
 */
export function aSoftmax(options: MultipleAngleOptions = {}): Margin {
  return multipleAngle('aSoftmax', 'weights', options);
}

function multipleAngle(name: string, normalize: 'none' | 'weights', options: MultipleAngleOptions): Margin {
  checkCommon(name, options, ['margin', 'lambda']);
  const { margin = 4, lambda = 5, scale = 1 } = options;
  checkInteger([name, 'margin'], margin, { min: 1, max: 5 });
  checkNumber([name, 'lambda'], lambda, { min: 0 });
  return {
    ...common,
    name,
    normalize,
    scale,
    target: (angle) => {
      const psi = integerPsi(angle, margin);
      const mix = (plain: tf.Tensor, adjusted: tf.Tensor) =>
        tf.div(tf.add(tf.mul(plain, lambda), adjusted), 1 + lambda) as tf.Tensor1D;
      return { value: mix(angle.cos, psi.value), slope: mix(tf.neg(angle.sin), psi.slope) };
    },
  };
}

/** psi for integer m: cos(m theta) and sin(m theta) by the angle-sum formulas, k by the boundaries' cosines. */
function integerPsi({ cos, sin }: Angle, m: number): TargetValue {
  let [c, s] = [cos, sin];
  for (let i = 1; i < m; i++) {
    [c, s] = [
      tf.sub(tf.mul(c, cos), tf.mul(s, sin)) as tf.Tensor1D,
      tf.add(tf.mul(s, cos), tf.mul(c, sin)) as tf.Tensor1D,
    ];
  }
  // k = floor(m theta / pi) counts the boundaries j pi / m that theta has passed.
  let k: tf.Tensor = tf.zerosLike(cos);
  for (let j = 1; j < m; j++) {
    k = tf.add(k, tf.cast(tf.lessEqual(cos, Math.cos((j * Math.PI) / m)), 'float32'));
  }
  return psi(c, s, k, m);
}

/** psi for real m, through the angle. */
export function realPsi(angle: Angle, m: number): TargetValue {
  const multiple = tf.mul(angle.theta(), m);
  const k = tf.floor(tf.div(multiple, Math.PI));
  return psi(cosine(multiple), sine(multiple), k, m);
}

/** (-1)^k cos - 2k and its slope by theta, -m (-1)^k sin. */
function psi(cosM: tf.Tensor, sinM: tf.Tensor, k: tf.Tensor, m: number): TargetValue {
  const half = tf.mul(k, 0.5);
  const odd = tf.mul(2, tf.sub(half, tf.floor(half)));
  const sign = tf.sub(1, tf.mul(2, odd));
  return {
    value: tf.sub(tf.mul(sign, cosM), tf.mul(2, k)) as tf.Tensor1D,
    slope: tf.mul(tf.mul(sign, sinM), -m) as tf.Tensor1D,
  };
}

export interface AnnealedLambdaOptions {
  /** Default 1000. */
  readonly base?: number;
  /** Default 0.12. */
  readonly gamma?: number;
  /** Default 1. */
  readonly power?: number;
  /** Default 5. */
  readonly min?: number;
}

/**
 * lambda of L-Softmax and A-Softmax at an iteration: max(min, base (1 + gamma iteration)^-power).
 *
 * @throws OptionError if iteration < 0 or an option is negative.
 * Source: the training settings of SphereFace's authors (Liu et al., CVPR 2017).
 *
 * @example
 * const loss = marginLoss(x, weights, labels, aSoftmax({ margin: 4, lambda: annealedLambda(step) }));
 */
export function annealedLambda(iteration: number, options: AnnealedLambdaOptions = {}): number {
  const name = 'annealedLambda';
  checkKnownOptions(name, options, ['base', 'gamma', 'power', 'min']);
  const { base = 1000, gamma = 0.12, power = 1, min = 5 } = options;
  checkNumber([name, 'iteration'], iteration, { min: 0 });
  for (const [key, value] of Object.entries({ base, gamma, power, min })) {
    checkNumber([name, key], value, { min: 0 });
  }
  return Math.max(min, base * (1 + gamma * iteration) ** -power);
}
