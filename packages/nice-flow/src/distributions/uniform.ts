/** The uniform distribution on an interval. */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, sizeOf, uniform as uniformNumbers } from '@tfkit/core';
import { checkRange } from '../bijectors/logit';
import type { Distribution } from './distribution';

/**
 * Independent entries, uniform on [low, high]: log p = -log(high - low) each, minus infinity outside (a rounding of 1e-6 of the
 * width is let pass). For flows that map an interval to itself: splines with a bound, on a circle or of bounded data.
 *
 * @param options.range default [-1, 1].
 * @throws OptionError if the range is not two finite numbers with low < high.
 */
export function uniform({
  range = [-1, 1],
}: {
  readonly range?: readonly [low: number, high: number];
} = {}): Distribution {
  checkRange('uniform', range);
  const [low, high] = range;
  const slack = 1e-6 * (high - low);
  return {
    name: 'uniform',
    logProb: (z) =>
      tf.tidy(() => {
        const flat = tf.reshape(z, [z.shape[0]!, -1]);
        const outside = tf.logicalOr(tf.less(flat, low - slack), tf.greater(flat, high + slack));
        const isOutside = tf.any(outside, 1);
        const value = -sizeOf(z.shape.slice(1)) * Math.log(high - low);
        return tf.where(isOutside, tf.fill(isOutside.shape, -Infinity), tf.fill(isOutside.shape, value));
      }),
    sample: (key: Key, shape, _, temperature) => {
      const middle = (low + high) / 2;
      const values = uniformNumbers(key, shape).map(
        (value) => middle + temperature * (high - low) * (value - 0.5),
      );
      return tf.tensor(values, [...shape], 'float32');
    },
  };
}
