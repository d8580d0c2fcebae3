/** Nets that see angles. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '@tfkit/core';
import type { Net } from '../nets/net';

/**
 * A net that is given the cosine and the sine of pi x / bound instead of x, on its last axis: the two ends of the interval are the
 * same point to it.
 *
 * @param options.bound half the circumference, positive. Default Math.PI.
 * @throws OptionError if the bound is no number above 0.
 */
export function periodic(net: Net, { bound = Math.PI }: { readonly bound?: number } = {}): Net {
  checkNumber(['periodic', 'bound'], bound, { min: 0, open: 'min' });
  return {
    init(key, { inputShape, ...request }) {
      const shape = [...inputShape.slice(0, -1), 2 * inputShape[inputShape.length - 1]!];
      return net.init(key, { ...request, inputShape: shape });
    },
    apply(x, scope, outputs) {
      const angle = tf.mul(x, Math.PI / bound);
      return net.apply(tf.concat([tf.cos(angle), tf.sin(angle)], -1), scope, outputs);
    },
  };
}
