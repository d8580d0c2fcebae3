import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf } from '@tfkit/core';
import { additiveAngle, type PastPi, pastPiRules } from './additiveAngle';
import { checkCommon } from './checks';
import { common, type GradientRule, type Margin } from './margin';

export interface CurricularFaceOptions {
  /** m, added to the angle, in radians, in [0, pi/2]. Default 0.5. */
  readonly margin?: number;
  /** s. Default 64. */
  readonly scale?: number;
  /** The weight of the batch in the running mean t, in [0, 1]. Default 0.01. */
  readonly momentum?: number;
  /** Default 'fallback', as the authors have it. */
  readonly pastPi?: PastPi;
  /** Default 'exact'. */
  readonly gradient?: GradientRule;
}

/**
 * CurricularFace: s cos(theta_y + m); hard negatives, cos(theta_j) > cos(theta_y + m), count as
 * s cos(theta_j) (t + cos(theta_j)), others as s cos(theta_j). t, the state, is a running mean of cos(theta_y), updated
 * before it is used; t and the choice are constants to the gradient.
 *
 * @throws OptionError if an option is out of its range.
 * Source: Huang et al., CurricularFace, CVPR 2020, eq. 6-9 (arXiv:2004.00288), and the authors' code.
 */
export function curricularFace(options: CurricularFaceOptions = {}): Margin {
  const name = 'curricularFace';
  checkCommon(name, options, ['margin', 'momentum', 'pastPi', 'gradient']);
  const { margin = 0.5, scale = 64, momentum = 0.01, pastPi = 'fallback', gradient = 'exact' } = options;
  checkNumber([name, 'margin'], margin, { min: 0, max: Math.PI / 2 }, 'It is in radians.');
  checkNumber([name, 'momentum'], momentum, { min: 0, max: 1 });
  checkOneOf([name, 'pastPi'], pastPi, pastPiRules);
  return {
    ...common,
    name,
    scale,
    gradient,
    initialState: { t: 0 },
    target: (angle) => additiveAngle(angle, margin, pastPi),
    prepare: {
      gives: 'parameters',
      compute: ({ angle, valid, state }) => {
        const mean = tf.div(tf.sum(tf.mul(angle.cos, valid)), tf.sum(valid));
        const t = tf.add(tf.mul(mean, momentum), tf.mul(state.t!, 1 - momentum));
        state.t!.assign(t);
        const threshold = additiveAngle(angle, margin, 'none').value;
        return tf.stack([threshold, tf.broadcastTo(t, threshold.shape)]);
      },
    },
    others: {
      bound: 2,
      value: (cos, parameters) => {
        const [threshold, t] = parameters!;
        return tf.where(tf.greater(cos, threshold), tf.mul(cos, tf.add(t, cos)), cos) as tf.Tensor2D;
      },
      slope: (cos, parameters) => {
        const [threshold, t] = parameters!;
        const hard = tf.add(t, tf.mul(2, cos));
        return tf.where(tf.greater(cos, threshold), hard, tf.onesLike(hard)) as tf.Tensor2D;
      },
    },
  };
}
