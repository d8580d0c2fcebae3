import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf } from '@tfkit/core';
import { additiveAngle, type PastPi, pastPiRules } from './additiveAngle';
import { checkCommon } from './checks';
import { common, type GradientRule, type Margin } from './margin';

export interface MagFaceOptions {
  /** The norms between which the margin grows, [l_a, u_a], 0 < l_a < u_a. Default [10, 110]. */
  readonly norms?: readonly [number, number];
  /** The margins at them, [l_m, u_m], in radians, 0 <= l_m <= u_m <= pi/2. Default [0.45, 0.8]. */
  readonly margins?: readonly [number, number];
  /** lambda_g, the weight of the penalty that rewards large norms, at least 0. Default 35. */
  readonly penalty?: number;
  /** s. Default 64. */
  readonly scale?: number;
  /** Default 'easy', as in the authors' code. */
  readonly pastPi?: PastPi;
  /** Default 'exact'. */
  readonly gradient?: GradientRule;
}

/**
 * MagFace: s cos(theta_y + m(a)), others s cos(theta_j), where a = |x| clamped to the norms and m(a) grows linearly
 * with it; each sample's loss gains lambda_g (a / u_a^2 + 1 / a). Gradients go through |x|.
 *
 * @throws OptionError if an option is out of its range.
 * Source: Meng et al., MagFace, CVPR 2021, eq. 4-6 (arXiv:2103.06627).
 */
export function magFace(options: MagFaceOptions = {}): Margin {
  const name = 'magFace';
  checkCommon(name, options, ['norms', 'margins', 'penalty', 'pastPi', 'gradient']);
  const { norms = [10, 110], margins = [0.45, 0.8], penalty = 35, scale = 64 } = options;
  const { pastPi = 'easy', gradient = 'exact' } = options;
  const [lowNorm, highNorm] = norms;
  const [lowMargin, highMargin] = margins;
  checkNumber([name, 'norms[0]'], lowNorm, { min: 0, open: 'min' });
  checkNumber([name, 'norms[1]'], highNorm, { min: lowNorm, open: 'min' });
  const [radians, grows] = ['It is in radians.', 'Margins grow with the norm.'];
  checkNumber([name, 'margins[0]'], lowMargin, { min: 0, max: Math.PI / 2 }, radians);
  checkNumber([name, 'margins[1]'], highMargin, { min: lowMargin, max: Math.PI / 2 }, grows);
  checkNumber([name, 'penalty'], penalty, { min: 0 });
  checkOneOf([name, 'pastPi'], pastPi, pastPiRules);
  const clamp = (length: tf.Tensor1D) => tf.clipByValue(length, lowNorm, highNorm);
  /** 1 where the norm is not held, else 0. */
  const moves = (length: tf.Tensor1D) =>
    tf.cast(tf.logicalAnd(tf.greaterEqual(length, lowNorm), tf.lessEqual(length, highNorm)), 'float32');
  const growth = (highMargin - lowMargin) / (highNorm - lowNorm);
  return {
    ...common,
    name,
    scale,
    gradient,
    target: (angle, perSample) => additiveAngle(angle, perSample!, pastPi),
    fromNorms: {
      margins: (length) => tf.add(tf.mul(tf.sub(clamp(length), lowNorm), growth), lowMargin) as tf.Tensor1D,
      marginsSlope: (length) => tf.mul(moves(length), growth) as tf.Tensor1D,
      penalty: (length) => {
        const a = clamp(length);
        return tf.mul(tf.add(tf.div(a, highNorm ** 2), tf.div(1, a)), penalty) as tf.Tensor1D;
      },
      penaltySlope: (length) => {
        const slope = tf.sub(1 / highNorm ** 2, tf.div(1, tf.square(clamp(length))));
        return tf.mul(tf.mul(slope, moves(length)), penalty) as tf.Tensor1D;
      },
    },
  };
}
