/** Who shares a class with whom in a batch, as bool matrices [batch, batch]; call inside a tidy. */
import * as tf from '@tensorflow/tfjs-core';

export interface PairMasks {
  /** i and j have one label, i = j included. */
  readonly sameClass: tf.Tensor2D;
  /** i and j have one label, i != j. */
  readonly positives: tf.Tensor2D;
  /** i and j have different labels. */
  readonly negatives: tf.Tensor2D;
}

export function pairMasks(labels: tf.Tensor1D): PairMasks {
  const sameClass = tf.equal(tf.expandDims(labels, 1), tf.expandDims(labels, 0)) as tf.Tensor2D;
  const { before } = orderMask(labels.size);
  const other = tf.logicalOr(before, tf.transpose(before));
  return {
    sameClass,
    positives: tf.logicalAnd(sameClass, other),
    negatives: tf.logicalNot(sameClass),
  };
}

/** `before[i][j]`: i < j. */
export function orderMask(size: number): { before: tf.Tensor2D } {
  const index = tf.range(0, size, 1, 'int32');
  return { before: tf.less(tf.expandDims(index, 1), tf.expandDims(index, 0)) as tf.Tensor2D };
}

/** bool [batch]: the first sample of its class in the batch. */
export function classLeaders(sameClass: tf.Tensor2D): tf.Tensor1D {
  const { before } = orderMask(sameClass.shape[0]);
  return tf.logicalNot(tf.any(tf.logicalAnd(sameClass, before), 0)) as tf.Tensor1D;
}

export const float = (mask: tf.Tensor): tf.Tensor => tf.cast(mask, 'float32');

/** float [..., depth]: 1 at each index. As `tf.oneHot`, which refuses a depth of 1. */
export function indicator(index: tf.Tensor, depth: number): tf.Tensor {
  const positions = tf.range(0, depth, 1, 'int32');
  return float(tf.equal(tf.expandDims(tf.cast(index, 'int32'), -1), positions));
}
