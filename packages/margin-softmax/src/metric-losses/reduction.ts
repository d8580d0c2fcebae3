/** From one value a sample (pair, triplet, anchor) to the loss. */
import * as tf from '@tensorflow/tfjs-core';
import { checkOneOf } from '@tfkit/core';
import { constant } from './gradients';

/**
 * - 'mean', 'sum': over all samples (pairs, triplets, anchors);
 * - 'mean-nonzero': the sum / how many are > 0 (0 if none), pytorch-metric-learning's AvgNonZeroReducer;
 * - 'none': one value each.
 */
export type Reduction = 'mean' | 'sum' | 'mean-nonzero' | 'none';

export function checkReduction(name: string, reduction: unknown, allowed: readonly Reduction[]): void {
  checkOneOf([name, 'reduction'], reduction, allowed);
}

export const allReductions: readonly Reduction[] = ['mean', 'sum', 'mean-nonzero', 'none'];
export const scalarReductions: readonly Reduction[] = ['mean', 'sum', 'mean-nonzero'];

/** Reduces values that all count. */
export function reduce(values: tf.Tensor, reduction: Reduction): tf.Tensor {
  if (reduction === 'none') return values;
  if (reduction === 'sum') return tf.sum(values);
  if (reduction === 'mean') return tf.mean(values);
  return tf.div(tf.sum(values), constant(values, countNonzero));
}

/** Reduces those values whose mask (float, same shape) is 1; the others are 0 already. */
export function reduceMasked(values: tf.Tensor, mask: tf.Tensor, reduction: Reduction): tf.Tensor {
  if (reduction !== 'mean') return reduce(values, reduction);
  return tf.div(tf.sum(values), tf.maximum(tf.sum(mask), 1));
}

const countNonzero = (values: tf.Tensor): tf.Tensor =>
  tf.maximum(tf.sum(tf.cast(tf.greater(values, 0), 'float32')), 1);
