import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '@tfkit/core';
import { checkCommon } from './checks';
import { common, type Margin } from './margin';

export interface CircleOptions {
  /** m, in [0, 1). Default 0.25. */
  readonly margin?: number;
  /** gamma, the scale. Default 256. */
  readonly scale?: number;
}

/**
 * Circle loss with class centres: gamma [1 + m - c_y]+ (c_y - (1 - m)), others gamma [c_j + m]+ (c_j - m), c being the
 * cosines. The weights in brackets are constants to the gradient, as the paper has them.
 *
 * @throws OptionError if the margin is outside [0, 1) or scale <= 0.
 * Source: Sun et al., Circle loss, CVPR 2020, eq. 5-8 (arXiv:2002.10857).
 */
export function circle(options: CircleOptions = {}): Margin {
  checkCommon('circle', options, ['margin']);
  const { margin = 0.25, scale = 256 } = options;
  checkNumber(['circle', 'margin'], margin, { min: 0, max: 1, open: 'max' });
  return {
    ...common,
    name: 'circle',
    scale,
    target: ({ cos, sin }) => {
      const weight = tf.relu(tf.sub(1 + margin, cos));
      return {
        value: tf.mul(weight, tf.sub(cos, 1 - margin)) as tf.Tensor1D,
        slope: tf.neg(tf.mul(weight, sin)) as tf.Tensor1D,
      };
    },
    others: {
      bound: (1 + margin) ** 2,
      value: (cos) => tf.mul(tf.relu(tf.add(cos, margin)), tf.sub(cos, margin)) as tf.Tensor2D,
      slope: (cos) => tf.relu(tf.add(cos, margin)) as tf.Tensor2D,
    },
  };
}
