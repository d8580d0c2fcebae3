/** Circle loss on the pairs of a batch (Sun et al., CVPR 2020). Its form on class weights is a margin of the main entry. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import type { Labels } from '../engine/labels';
import { checkEmbeddings, checkLabels, labelTensor } from './inputs';
import { float, type PairMasks, pairMasks } from './masks';
import { allReductions, checkReduction, type Reduction, reduce } from './reduction';

/** Relaxation and scale of the pairwise circle loss (Sun et al., arXiv:2002.10857). */
export interface CirclePairOptions {
  /** Relaxation m, in cosine. Default 0.4 (pytorch-metric-learning's; the paper has 0.25 for faces). */
  readonly margin?: number;
  /** Scale gamma. Default 80. */
  readonly gamma?: number;
  readonly reduction?: Reduction;
}

/**
 * The circle loss of a batch: for each anchor softplus(LSE over positives of -gamma [1 + m - s]+ (s - (1 - m)) + LSE over
 * negatives of gamma [s + m]+ (s - m)), s the cosines; the bracketed weights are constant to the gradient.
 *
 * @param embeddings float32 [batch, features]; normalised here.
 * @param labels int32 [batch]; only their equality matters. An anchor without positives or negatives has loss 0.
 * @param options.reduction 'mean' over the anchors (default), 'sum', 'mean-nonzero' or 'none' [batch].
 * @returns float32, a scalar or [batch].
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 * Source: arXiv:2002.10857, eq. 6 and 8.
 */
export function circlePairLoss(
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: CirclePairOptions = {},
): tf.Tensor {
  const name = 'circlePairLoss';
  const { margin = 0.4, gamma = 80, reduction = 'mean' } = options;
  checkKnownOptions(name, options, ['margin', 'gamma', 'reduction']);
  checkNumber([name, 'margin'], margin, { min: -1, max: 1 });
  checkNumber([name, 'gamma'], gamma, { min: 0, open: 'min' });
  checkReduction(name, reduction, allReductions);
  checkEmbeddings(name, embeddings);
  checkLabels(name, labels, embeddings.shape[0]);
  return tf.tidy(() => {
    const masks = pairMasks(labelTensor(labels));
    const unit = safeNormalize(embeddings);
    const cosines: tf.Tensor2D = tf.matMul(unit, unit, false, true);
    return reduce(circleOf(cosines, masks, margin, gamma), reduction);
  });
}

function circleOf(
  cosines: tf.Tensor2D,
  { positives, negatives }: PairMasks,
  margin: number,
  gamma: number,
): tf.Tensor {
  const op = tf.customGrad((input, save) => {
    const s = input as tf.Tensor2D;
    const pull = tf.mul(-gamma, tf.relu(tf.sub(1 + margin, s)));
    const push = tf.mul(gamma, tf.relu(tf.add(s, margin)));
    const near = maskedSoftmax(tf.mul(pull, tf.sub(s, 1 - margin)), positives);
    const far = maskedSoftmax(tf.mul(push, tf.sub(s, margin)), negatives);
    const total = tf.add(near.logSum, far.logSum);
    const both = float(tf.logicalAnd(tf.any(positives, 1), tf.any(negatives, 1)));
    const slopes = tf.add(tf.mul(near.share, pull), tf.mul(far.share, push));
    (save as tf.GradSaveFunc)([tf.mul(slopes, tf.expandDims(tf.mul(both, tf.sigmoid(total)), 1))]);
    const value = tf.add(tf.relu(total), tf.log1p(tf.exp(tf.neg(tf.abs(total)))));
    return {
      value: tf.mul(both, value),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(tf.expandDims(dy, 1), saved!),
    };
  });
  return op(cosines);
}

/** log sum exp and softmax of each row over its masked entries; 0 where a row has none. */
function maskedSoftmax(z: tf.Tensor, mask: tf.Tensor2D): { logSum: tf.Tensor; share: tf.Tensor } {
  const weight = float(mask);
  const lowest = tf.sub(tf.min(z, 1, true), 1);
  const largest = tf.max(tf.where(mask, z, tf.tile(lowest, [1, z.shape[1]!])), 1, true);
  const powers = tf.mul(weight, tf.exp(tf.minimum(tf.sub(z, largest), 0)));
  const sum = tf.sum(powers, 1, true);
  const some = float(tf.greater(sum, 0));
  const safe = tf.add(sum, tf.sub(1, some));
  return {
    logSum: tf.squeeze(tf.mul(some, tf.add(largest, tf.log(safe))), [1]),
    share: tf.div(powers, safe),
  };
}
