import * as tf from '@tensorflow/tfjs-core';

/** What becomes of the losses of a batch: their mean, their sum, or all of them. */
export type Reduction = 'mean' | 'sum' | 'none';

export const reductions: readonly Reduction[] = ['mean', 'sum', 'none'];

/** Weighted losses, reduced: 'mean' divides by the sum of the weights (0 if that is 0). */
export function reduceLoss(
  losses: tf.Tensor1D,
  weights: tf.Tensor1D | undefined,
  reduction: Reduction,
): tf.Tensor {
  const weighted = weights ? tf.mul(losses, weights) : losses;
  if (reduction === 'none') return weighted;
  if (reduction === 'sum') return tf.sum(weighted);
  if (!weights) return tf.mean(weighted);
  const total = tf.sum(weights);
  return tf.div(tf.sum(weighted), tf.add(total, tf.cast(tf.equal(total, 0), 'float32')));
}
