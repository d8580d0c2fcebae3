/** Marginal loss (Deng, Zhou, Zafeiriou, Marginal Loss for Deep Face Recognition, CVPR Workshops 2017). */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import type { Labels } from '../engine/labels';
import { squaredDistances } from './gradients';
import { checkEmbeddings, checkLabels, labelTensor } from './inputs';
import { float, pairMasks } from './masks';

export interface MarginalOptions {
  /** Squared distance of unit embeddings that separates one class from others. Default 1.2. */
  readonly theta?: number;
  /** Half the width of the band around theta that costs. Default 0.3. */
  readonly xi?: number;
}

/**
 * The marginal loss: mean over ordered pairs i != j of max(0, xi - u_ij (theta - |x_i / |x_i| - x_j / |x_j||^2)), u = 1
 * for one class, else -1: pairs of a class below theta - xi and other pairs above theta + xi cost nothing. Added to a
 * softmax loss.
 *
 * @param embeddings float32 [batch, features]; normalised here.
 * @param labels int32 [batch]; only their equality matters.
 * @returns float32 scalar; 0 for a batch of one.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 */
export function marginalLoss(
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: MarginalOptions = {},
): tf.Scalar {
  const { theta = 1.2, xi = 0.3 } = options;
  checkKnownOptions('marginalLoss', options, ['theta', 'xi']);
  checkNumber(['marginalLoss', 'theta'], theta, { min: 0, max: 4 });
  checkNumber(['marginalLoss', 'xi'], xi, { min: 0 });
  checkEmbeddings('marginalLoss', embeddings);
  checkLabels('marginalLoss', labels, embeddings.shape[0]);
  return tf.tidy(() => {
    const masks = pairMasks(labelTensor(labels));
    const [positives, negatives] = [float(masks.positives), float(masks.negatives)];
    const inside = tf.sub(theta, squaredDistances(safeNormalize(embeddings)));
    const losses = tf.relu(tf.sub(xi, tf.mul(tf.sub(positives, negatives), inside)));
    const batch = embeddings.shape[0];
    const counted = tf.mul(tf.add(positives, negatives), losses);
    return tf.div(tf.sum(counted), Math.max(1, batch * (batch - 1))) as tf.Scalar;
  });
}
