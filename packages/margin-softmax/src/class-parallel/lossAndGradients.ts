import type * as tf from '@tensorflow/tfjs-core';
import { type Collective, type Key, soloCollective } from '@tfkit/core';
import { tidyAsync } from '@tfkit/core/tfjs';
import type { Margin, MarginState } from '../margins/margin';
import { checkParallelInputs } from './checks';
import { localBackward, localForward, localProblem, lossParts } from './local';
import { gatherBatch, prepareOverRanks, reduceForward, reduceGradients } from './reductions';
import { checkSampledClasses, classShard } from './sampling';

export interface LossAndGradientsOptions {
  /** The ranks among which the classes are divided. Default: this process alone. */
  readonly collective?: Collective;
  /** All classes, of all ranks. Default: the rows of `weights`, as in a group of one. */
  readonly numClasses?: number;
  /**
   * Partial FC: the classes of this rank that take part, as ids local to its shard, ascending: `sampleClasses(...)`.
   * Default: all.
   */
  readonly sampledClasses?: Int32Array;
  /** Samples with this label count nothing. Default: none. */
  readonly ignoreLabel?: number;
  /** epsilon in [0, 1), over the classes that take part. Default 0. */
  readonly labelSmoothing?: number;
  /** The running numbers of a method that has some: `createState(margin)`; equal on all ranks, and updated alike. */
  readonly state?: MarginState;
  /** For elasticFace, the same on all ranks. */
  readonly key?: Key;
  /** float32, a scalar: the bias of `sphereFace2`. */
  readonly bias?: tf.Tensor;
  /** Classes worked on at a time. Default: by backend and shapes. */
  readonly chunk?: number;
}

export interface SparseGradient {
  /** Rows of `weights` that `rows` are the gradients of; all others have none. Ascending. */
  readonly ids: Int32Array;
  /** float32 [ids, features]. */
  readonly rows: tf.Tensor2D;
}

export interface LossAndGradients {
  /** The mean over the whole batch of all ranks. */
  readonly loss: number;
  /** The losses of this rank's samples. */
  readonly losses: Float32Array;
  /** float32 [batch, features]: of `loss`, by this rank's embeddings. */
  readonly embeddings: tf.Tensor2D;
  /** Of `loss`, by this rank's class centres. */
  readonly weights: SparseGradient;
  /** Of `loss`, by `options.bias`, summed over the ranks. */
  readonly bias: tf.Scalar | undefined;
  /** The number of classes that took part, over all ranks. */
  readonly numSampled: number;
  /** Frees all tensors. */
  dispose(): void;
}

/**
 * The loss of `marginLoss` and its gradients with the class centres divided over the ranks of a process group, and, if
 * wished, only a sample of them taking part (Partial FC). Each rank brings its own samples and its shard of the
 * centres; embeddings and labels are gathered, each rank computes the logits of its classes, and three numbers a sample
 * are reduced: the maximum and the sum of the softmax, and the true class's logit. Every rank makes the same calls.
 *
 * The gradients are those of the mean over the whole batch, already summed over ranks where they have to be; a
 * data-parallel backbone that averages its gradients over k ranks gets `embeddings` times k.
 *
 * @param embeddings float32 [batch, features], this rank's; batches may differ in size.
 * @param weights float32 [classes of the shard, features]: `classShard(numClasses, rank, size)`.
 * @param labels global class ids of this rank's samples.
 * @param margin any method but one with sub-centers or normalised by 'none' with a bias per class.
 * @returns loss and gradients; call `dispose()`.
 * @throws ShapeError for wrong ranks, sizes or an empty batch; ValueError for labels out of range or sampled classes that
 *   repeat, are out of order, or lack a sample's class; OptionError otherwise.
 * Source: An et al., Partial FC, ICCVW 2021 and CVPR 2022 (arXiv:2203.15565).
 *
 * @example
 * const shard = classShard(numClasses, collective.rank, collective.size);
 * const result = await lossAndGradients(embeddings, weights, labels, cosFace(), { collective, numClasses });
 * optimizer.apply(weights, result.weights);
 */
export async function lossAndGradients(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  margin: Margin,
  options: LossAndGradientsOptions = {},
): Promise<LossAndGradients> {
  const name = 'lossAndGradients';
  checkParallelInputs(name, embeddings, weights, labels, margin, options);
  const { collective = soloCollective, numClasses = weights.shape[0], sampledClasses } = options;
  const shard = classShard(numClasses, collective.rank, collective.size);
  return tidyAsync(async (own) => {
    const batch = await gatherBatch(embeddings, labels, collective, own);
    if (sampledClasses) checkSampledClasses(name, sampledClasses, batch.labels, shard);
    const local = localProblem(batch, weights, shard, margin, options, own);
    const inputs = await prepareOverRanks(name, local, margin, options, collective, own);
    const forward = localForward(local, inputs, margin, own);
    const reduced = await reduceForward(forward, local, collective);
    const parts = lossParts(reduced, local, inputs, margin, options, own);
    const backward = localBackward(local, inputs, margin, { forward, reduced, parts }, own);
    return reduceGradients(
      { embeddings, labels, margin, batch, backward, parts, local, reduced },
      options,
      collective,
    );
  });
}
