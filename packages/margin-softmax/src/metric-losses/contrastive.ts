/** Contrastive loss: pairs of one identity are pulled together, others pushed apart up to a margin. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber, checkOneOf, checkSameShape } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import type { Labels } from '../engine/labels';
import { safeNorm, safeSqrt, squaredDistances } from './gradients';
import { checkEmbeddings, checkLabels, checkMatrix, labelTensor } from './inputs';
import { float, pairMasks } from './masks';
import { type Reduction, reduce, reduceMasked } from './reduction';

export interface ContrastiveForm {
  /**
   * Of the distance d, 'squared-hinge' (DeepID2, Hadsell et al.): 1/2 max(0, d - positiveMargin)^2 for the same identity,
   * 1/2 max(0, negativeMargin - d)^2 for others; 'linear-hinge' (pytorch-metric-learning): without square and half.
   * Default 'squared-hinge'.
   */
  readonly form?: 'squared-hinge' | 'linear-hinge';
  /** Distance below which a pair of one identity costs nothing. Default 0. */
  readonly positiveMargin?: number;
  /** Distance above which a pair of two identities costs nothing. Default 1. */
  readonly negativeMargin?: number;
  /** Divide embeddings by their norm first. Default false, as DeepID2. */
  readonly normalize?: boolean;
}

/** The form of the contrastive loss, and what becomes of the losses of the pairs. */
export interface ContrastiveOptions extends ContrastiveForm {
  readonly reduction?: Reduction;
}

/** The per-part forms add the same-identity part's mean and the other part's, each over its own pairs. */
export type ContrastiveReduction =
  | 'mean'
  | 'sum'
  | 'mean-nonzero'
  | 'mean-per-part'
  | 'mean-nonzero-per-part';

/** The form of the contrastive loss over all pairs of a batch. */
export interface BatchContrastiveOptions extends ContrastiveForm {
  readonly reduction?: ContrastiveReduction;
}

const formOptions = ['form', 'positiveMargin', 'negativeMargin', 'normalize', 'reduction'];

/**
 * The contrastive loss of given pairs: row i of `first` against row i of `second`.
 *
 * @param first float32 [pairs, features].
 * @param second float32 [pairs, features].
 * @param same int32 [pairs] (or integers on the host): 1 if both rows are of one identity, else 0.
 * @param options.reduction 'mean' (default), 'sum', 'mean-nonzero' or 'none' [pairs].
 * @returns float32, a scalar or [pairs]. At distance 0 the gradient is 0.
 * @throws ShapeError, DTypeError, OptionError.
 * Source: Sun et al., Deep Learning Face Representation by Joint Identification-Verification, NIPS 2014
 * (arXiv:1406.4773), eq. 2, of the Euclidean distance; Hadsell, Chopra, LeCun, CVPR 2006.
 */
export function contrastiveLoss(
  first: tf.Tensor2D,
  second: tf.Tensor2D,
  same: Labels,
  options: ContrastiveOptions = {},
): tf.Tensor {
  const name = 'contrastiveLoss';
  checkMatrix(name, 'first', first, '[pairs, features]');
  checkMatrix(name, 'second', second, '[pairs, features]');
  checkSameShape([name, 'second'], second, 'first', first);
  checkLabels(name, same, first.shape[0], 2, 'same');
  const form = checkForm(name, options);
  const { reduction = 'mean' } = options;
  checkOneOf([name, 'reduction'], reduction, ['mean', 'sum', 'mean-nonzero', 'none']);
  return tf.tidy(() => {
    const [a, b] = form.normalize ? [safeNormalize(first), safeNormalize(second)] : [first, second];
    const distance = safeNorm(tf.sub(a, b));
    const isSame = float(labelTensor(same));
    const values = tf.add(
      tf.mul(isSame, pull(distance, form)),
      tf.mul(tf.sub(1, isSame), push(distance, form)),
    );
    return reduce(values, reduction);
  });
}

/**
 * The contrastive loss of all ordered pairs i != j of a batch.
 *
 * @param embeddings float32 [batch, features].
 * @param labels int32 [batch]; only their equality matters.
 * @param options.reduction default 'mean', over all pairs; pytorch-metric-learning's default is 'mean-nonzero-per-part'.
 * @returns float32 scalar; 0 if there are no pairs.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 */
export function batchContrastiveLoss(
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: BatchContrastiveOptions = {},
): tf.Scalar {
  const name = 'batchContrastiveLoss';
  checkEmbeddings(name, embeddings);
  checkLabels(name, labels, embeddings.shape[0]);
  const form = checkForm(name, options);
  const { reduction = 'mean' } = options;
  checkOneOf([name, 'reduction'], reduction, [
    'mean',
    'sum',
    'mean-nonzero',
    'mean-per-part',
    'mean-nonzero-per-part',
  ]);
  return tf.tidy(() => {
    const masks = pairMasks(labelTensor(labels));
    const [positives, negatives] = [float(masks.positives), float(masks.negatives)];
    const distance = safeSqrt(squaredDistances(form.normalize ? safeNormalize(embeddings) : embeddings));
    const pulled = tf.mul(positives, pull(distance, form));
    const pushed = tf.mul(negatives, push(distance, form));
    if (reduction === 'mean-per-part' || reduction === 'mean-nonzero-per-part') {
      const part = reduction === 'mean-per-part' ? 'mean' : 'mean-nonzero';
      return tf.add(reduceMasked(pulled, positives, part), reduceMasked(pushed, negatives, part));
    }
    return reduceMasked(tf.add(pulled, pushed), tf.add(positives, negatives), reduction);
  }) as tf.Scalar;
}

function checkForm(name: string, options: ContrastiveForm): Required<ContrastiveForm> {
  checkKnownOptions(name, options, formOptions);
  const { form = 'squared-hinge', positiveMargin = 0, negativeMargin = 1, normalize = false } = options;
  checkOneOf([name, 'form'], form, ['squared-hinge', 'linear-hinge']);
  checkNumber([name, 'positiveMargin'], positiveMargin, { min: 0 });
  checkNumber([name, 'negativeMargin'], negativeMargin, { min: 0 });
  return { form, positiveMargin, negativeMargin, normalize };
}

const pull = (distance: tf.Tensor, { form, positiveMargin }: Required<ContrastiveForm>) =>
  hinge(tf.sub(distance, positiveMargin), form);

const push = (distance: tf.Tensor, { form, negativeMargin }: Required<ContrastiveForm>) =>
  hinge(tf.sub(negativeMargin, distance), form);

function hinge(excess: tf.Tensor, form: 'squared-hinge' | 'linear-hinge'): tf.Tensor {
  const positive = tf.relu(excess);
  return form === 'linear-hinge' ? positive : tf.mul(0.5, tf.square(positive));
}
