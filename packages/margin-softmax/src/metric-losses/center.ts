/** Center loss (Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016). */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkKnownOptions, checkNumber, checkOneOf, checkShape } from '@tfkit/core';
import { defineOp } from '@tfkit/core/tfjs';
import type { Labels } from '../engine/labels';
import { checkEmbeddings, checkLabels, checkMatrix, labelTensor } from './inputs';
import { allReductions, checkReduction, type Reduction, reduce } from './reduction';

/** What becomes of the losses of the batch. */
export interface CenterLossOptions {
  readonly reduction?: Reduction;
}

/**
 * The center loss 1/2 |x_i - c_(y_i)|^2. Add it to a softmax loss with a small factor (paper: 0.003).
 *
 * The paper moves the centres by `updateCenters`, outside the gradient; they have a gradient too, for who would rather
 * train them with the optimizer.
 *
 * @param embeddings float32 [batch, features].
 * @param centers float32 [numClasses, features].
 * @param labels int32 [batch], class ids in [0, numClasses). Out of range in a tensor: undefined, see your backend's gather.
 * @param options.reduction 'mean' (default; the paper sums), 'sum', 'mean-nonzero' or 'none' [batch].
 * @returns float32, a scalar or [batch].
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 */
export function centerLoss(
  embeddings: tf.Tensor2D,
  centers: tf.Tensor2D,
  labels: Labels,
  options: CenterLossOptions = {},
): tf.Tensor {
  const { reduction = 'mean' } = options;
  checkKnownOptions('centerLoss', options, ['reduction']);
  checkReduction('centerLoss', reduction, allReductions);
  checkCenters('centerLoss', embeddings, centers, labels);
  return tf.tidy(() =>
    reduce(distances({ embeddings, centers, labels: labelTensor(labels) }, {}), reduction),
  );
}

type CenterInputs = { embeddings: tf.Tensor; centers: tf.Tensor; labels: tf.Tensor };

const distances = /* @__PURE__ */ defineOp<CenterInputs, Record<string, never>, tf.Tensor>({
  name: 'MarginSoftmaxCenterLoss',
  forward: (inputs) => tf.mul(0.5, tf.sum(tf.square(toCenter(inputs)), 1)),
  gradient: (dy, { inputs }) => {
    const pull = () => tf.mul(tf.expandDims(dy, 1), toCenter(inputs));
    const classes = inputs.centers.shape[0]!;
    return {
      embeddings: pull,
      centers: () => tf.neg(tf.unsortedSegmentSum(pull(), inputs.labels as tf.Tensor1D, classes)),
    };
  },
});

/** x_i - c_(y_i). */
const toCenter = ({ embeddings, centers, labels }: CenterInputs): tf.Tensor =>
  tf.sub(embeddings, tf.gather(centers, labels as tf.Tensor1D));

export interface UpdateCentersOptions {
  /** Learning rate of the centres, in [0, 1]. Default 0.5. */
  readonly alpha?: number;
  /** What the sum of differences is divided by: 'one-plus-count' 1 + n_j (the paper), 'count' n_j. Default 'one-plus-count'. */
  readonly rule?: 'one-plus-count' | 'count';
}

/**
 * The centres after a batch, eq. 4 of the paper: c_j - alpha sum_(y_i = j) (c_j - x_i) / (1 + n_j), n_j the samples of
 * class j. Classes without a sample keep their centre.
 *
 * @param embeddings float32 [batch, features]; no gradient flows.
 * @param centers float32 [numClasses, features]; not changed.
 * @param labels int32 [batch], class ids in [0, numClasses).
 * @returns float32 [numClasses, features]. The caller disposes it.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 * @example
 * const updated = updateCenters(embeddings, centers, labels);
 * centers.assign(updated); // centers: tf.Variable
 * updated.dispose();
 */
export function updateCenters(
  embeddings: tf.Tensor2D,
  centers: tf.Tensor2D,
  labels: Labels,
  options: UpdateCentersOptions = {},
): tf.Tensor2D {
  const { alpha = 0.5, rule = 'one-plus-count' } = options;
  checkKnownOptions('updateCenters', options, ['alpha', 'rule']);
  checkNumber(['updateCenters', 'alpha'], alpha, { min: 0, max: 1 });
  checkOneOf(['updateCenters', 'rule'], rule, ['one-plus-count', 'count']);
  checkCenters('updateCenters', embeddings, centers, labels);
  return tf.tidy(() => {
    const ids = labelTensor(labels);
    const classes = centers.shape[0];
    const sums = tf.unsortedSegmentSum(toCenter({ embeddings, centers, labels: ids }), ids, classes);
    const counts = tf.unsortedSegmentSum(tf.ones([ids.size]), ids, classes);
    const divisor = rule === 'count' ? tf.maximum(counts, 1) : tf.add(counts, 1);
    return tf.add(centers, tf.mul(alpha, tf.div(sums, tf.expandDims(divisor, 1)))) as tf.Tensor2D;
  });
}

function checkCenters(name: string, embeddings: tf.Tensor, centers: tf.Tensor, labels: Labels): void {
  checkEmbeddings(name, embeddings);
  checkMatrix(name, 'centers', centers, '[numClasses, features]');
  checkShape([name, 'centers'], centers, [null, embeddings.shape[1]!]);
  checkDType([name, 'centers'], centers, ['float32']);
  checkLabels(name, labels, embeddings.shape[0]!, centers.shape[0]);
}
