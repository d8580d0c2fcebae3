/** Losses on the length of embeddings, added to a softmax loss. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkKnownOptions, checkNumber, checkShape } from '@tfkit/core';
import type { Labels } from '../engine/labels';
import { constant, safeNorm, withSlope } from './gradients';
import { checkEmbeddings, checkLabels, checkMatrix, labelTensor } from './inputs';
import { allReductions, checkReduction, type Reduction, reduce } from './reduction';

/** Weight of the ring loss, and what becomes of the losses of the batch. */
export interface RingOptions {
  /** Factor. Default 0.01. */
  readonly lambda?: number;
  readonly reduction?: Reduction;
}

/**
 * The ring loss lambda / 2 (|x_i| - R)^2: every embedding is drawn to one norm R, which is learned.
 *
 * @param embeddings float32 [batch, features]. A zero row has gradient 0.
 * @param radius float32 scalar, usually a variable: initialise it by the mean norm of a first batch, as the authors do.
 * @param options.reduction 'mean' (default), 'sum', 'mean-nonzero' or 'none' [batch].
 * @returns float32, a scalar or [batch].
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree.
 * Source: Zheng, Pal, Savvides, Ring loss, CVPR 2018 (arXiv:1803.00130), eq. 2.
 */
export function ringLoss(embeddings: tf.Tensor2D, radius: tf.Scalar, options: RingOptions = {}): tf.Tensor {
  const { lambda = 0.01, reduction = 'mean' } = options;
  checkKnownOptions('ringLoss', options, ['lambda', 'reduction']);
  checkNumber(['ringLoss', 'lambda'], lambda, { min: 0 });
  checkReduction('ringLoss', reduction, allReductions);
  checkEmbeddings('ringLoss', embeddings);
  checkShape(['ringLoss', 'radius'], radius, []);
  checkDType(['ringLoss', 'radius'], radius, ['float32']);
  return tf.tidy(() => {
    const excess = tf.sub(safeNorm(embeddings), radius);
    return reduce(tf.mul(lambda / 2, tf.square(excess)), reduction);
  });
}

/** Weight, guard and mask of the feature incay loss. */
export interface FeatureIncayOptions {
  /** Factor. Default 1. */
  readonly lambda?: number;
  /** Added to the squared norm; bounds the loss by lambda / eps. Default 1e-7. */
  readonly eps?: number;
  /** float32, int32 or bool [batch]: 1 for the samples that count, from `correctlyClassified`. Default all. */
  readonly correct?: tf.Tensor1D;
  readonly reduction?: Reduction;
}

/**
 * Feature incay, the reciprocal norm loss lambda / (|x_i|^2 + eps): makes the embeddings of correctly classified samples
 * longer, which softmax alone rewards ever less. The opposite of weight decay, hence the name.
 *
 * @param embeddings float32 [batch, features].
 * @param options.reduction 'mean' over the batch (default), 'sum', 'mean-nonzero' or 'none' [batch].
 * @returns float32, a scalar or [batch]; 0 where `correct` is 0.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree.
 * Source: Yuan et al., Feature Incay for Representation Regularization (arXiv:1705.10284).
 */
export function featureIncayLoss(embeddings: tf.Tensor2D, options: FeatureIncayOptions = {}): tf.Tensor {
  const name = 'featureIncayLoss';
  const { lambda = 1, eps = 1e-7, correct, reduction = 'mean' } = options;
  checkKnownOptions(name, options, ['lambda', 'eps', 'correct', 'reduction']);
  checkNumber([name, 'lambda'], lambda, { min: 0 });
  checkNumber([name, 'eps'], eps, { min: 1e-18 }, 'Its square has to be a float32.');
  checkReduction(name, reduction, allReductions);
  checkEmbeddings(name, embeddings);
  if (correct) checkShape([name, 'correct'], correct, [embeddings.shape[0]]);
  return tf.tidy(() => {
    const squares = tf.sum(tf.square(embeddings), 1);
    const reciprocal = withSlope(squares, (u) => {
      const value = tf.div(1, tf.add(u, eps));
      return { value, slope: tf.neg(tf.square(value)) };
    });
    const values = tf.mul(lambda, reciprocal);
    return reduce(correct ? tf.mul(tf.cast(correct, 'float32'), values) : values, reduction);
  });
}

/**
 * Which samples have their largest logit at their label: float32 [batch] of 0 and 1, constant to the gradient. Of equal
 * logits the lowest class is the predicted one.
 *
 * @param logits float32 [batch, numClasses].
 * @throws DTypeError for another dtype; ShapeError if ranks or shapes disagree; ValueError if a value is not as
 * described.
 */
export function correctlyClassified(logits: tf.Tensor2D, labels: Labels): tf.Tensor1D {
  checkMatrix('correctlyClassified', 'logits', logits, '[batch, numClasses]');
  checkLabels('correctlyClassified', labels, logits.shape[0], logits.shape[1]);
  return tf.tidy(() => {
    const ids = labelTensor(labels);
    const isRight = (z: tf.Tensor) => tf.equal(tf.cast(tf.argMax(z, 1), 'int32'), ids);
    return constant(logits, (z) => tf.cast(isRight(z), 'float32')) as tf.Tensor1D;
  });
}
