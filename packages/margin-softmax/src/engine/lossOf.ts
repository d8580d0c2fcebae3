/** From the two halves of the logits to the loss of each sample. */
import * as tf from '@tensorflow/tfjs-core';
import { softplus } from '@tfkit/core/tfjs';
import type { Margin } from '../margins/margin';

/** z_y: scale times the adjusted cosine (times |x| where embeddings are not normalised), plus the bias. */
export function targetLogits(
  margin: Margin,
  target: tf.Tensor,
  scale: tf.Tensor,
  norms: tf.Tensor1D,
  bias: tf.Tensor | undefined,
  targetRows: tf.Tensor1D,
): tf.Tensor1D {
  const scaled = tf.mul(target, scale);
  const long = margin.target && margin.normalize !== 'both' ? tf.mul(scaled, norms) : scaled;
  if (!bias) return long as tf.Tensor1D;
  return tf.add(long, bias.rank === 0 ? bias : tf.gather(bias as tf.Tensor1D, targetRows)) as tf.Tensor1D;
}

export interface SmoothingInputs {
  readonly labelSmoothing: number;
  /** The sum of the other classes' logits. */
  readonly sum: tf.Tensor1D;
  readonly numClasses: number;
}

/**
 * Cross-entropy as softplus(log-sum-exp of the others - z_y), whose slopes are the others' share q and -q: nothing
 * cancels when p_y = 1 - q is near 1. Smoothing adds epsilon (z_y - mean of all z).
 */
export function lossOf(
  margin: Margin,
  others: tf.Tensor1D,
  target: tf.Tensor1D,
  { labelSmoothing, sum, numClasses }: SmoothingInputs,
): tf.Tensor1D {
  if (margin.loss === 'binary') {
    const balance = margin.balance!;
    const own = tf.mul(softplus(tf.neg(target)), balance / margin.scale);
    return tf.add(own, tf.mul(others, (1 - balance) / margin.scale)) as tf.Tensor1D;
  }
  const loss = softplus(tf.sub(others, target)) as tf.Tensor1D;
  if (labelSmoothing === 0) return loss;
  const mean = tf.div(tf.add(target, sum), numClasses);
  return tf.add(loss, tf.mul(tf.sub(target, mean), labelSmoothing)) as tf.Tensor1D;
}
