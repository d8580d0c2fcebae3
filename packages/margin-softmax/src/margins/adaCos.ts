import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkOneOf } from '@tfkit/core';
import { common, type Margin } from './margin';
import { orderStatistics } from './order';
import { cosine } from './trigonometry';

export interface AdaCosOptions {
  /** C: the scale starts at sqrt(2) log(C - 1). At least 3. */
  readonly numClasses: number;
  /** 'dynamic': the scale follows the batch. 'fixed': it stays at its start. Default 'dynamic'. */
  readonly form?: 'dynamic' | 'fixed';
  /** The median of an even batch: the mean of the two middle angles (NumPy), or the lower (PyTorch). Default 'mean'. */
  readonly median?: 'mean' | 'lower';
}

/**
 * AdaCos: s cos(theta_j) without a margin or a scale to choose. In the dynamic form each batch sets
 * s = log(B) / cos(min(pi/4, median theta_y)), B being the mean over samples of the sum over other classes of
 * exp(s_previous cos(theta_j)); the state `scale` holds s.
 *
 * @throws OptionError if numClasses < 3 or a word is unknown.
 * Source: Zhang et al., AdaCos, CVPR 2019, eq. 7 and 8 (arXiv:1905.00292). The median is over the angles to the true
 * classes, as in the paper.
 */
export function adaCos(options: AdaCosOptions): Margin {
  const name = 'adaCos';
  checkKnownOptions(name, options, ['numClasses', 'form', 'median']);
  const { numClasses, form = 'dynamic', median = 'mean' } = options;
  checkInteger([name, 'numClasses'], numClasses, { min: 3 });
  checkOneOf([name, 'form'], form, ['dynamic', 'fixed'] as const);
  checkOneOf([name, 'median'], median, ['mean', 'lower'] as const);
  const scale = Math.SQRT2 * Math.log(numClasses - 1);
  const fixed: Margin = { ...common, name, scale };
  if (form === 'fixed') return fixed;
  return {
    ...fixed,
    initialState: { scale },
    prepare: {
      gives: 'scale',
      compute: ({ angle, valid, state, logSumExpOfOthers }) => {
        const count = tf.sum(valid);
        const sums = tf.exp(logSumExpOfOthers(state.scale!));
        const average = tf.div(tf.sum(tf.mul(sums, valid)), count);
        const lower = tf.floor(tf.div(tf.sub(count, 1), 2));
        const upper = median === 'mean' ? tf.floor(tf.div(count, 2)) : lower;
        const [a, b] = orderStatistics(angle.theta(), valid, [lower, upper]);
        const middle = tf.div(tf.add(a!, b!), 2);
        const next = tf.div(tf.log(average), cosine(tf.minimum(middle, Math.PI / 4)));
        state.scale!.assign(next);
        return next;
      },
    },
  };
}
