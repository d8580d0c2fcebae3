import type * as tf from '@tensorflow/tfjs-core';
import type { Margin } from '../margins/margin';

export interface MarginLossOptions {
  readonly reduction?: 'mean' | 'sum' | 'none';
}

/**
 * The loss of a batch under a margin: `marginLoss(embeddings, weights, labels, arcFace())`.
 *
 * @param embeddings float32 [batch, features].
 * @param weights float32 [numClasses, features], one row per class centre.
 * @param labels int32 [batch].
 */
export declare function marginLoss(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: tf.Tensor1D | Int32Array | readonly number[],
  margin: Margin,
  options?: MarginLossOptions,
): tf.Tensor;
