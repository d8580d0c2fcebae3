/** Range loss (Zhang et al., Range Loss for Deep Face Recognition with Long-Tailed Training Data, ICCV 2017). */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkNumber } from '@tfkit/core';
import type { Labels } from '../engine/labels';
import { squaredDistances } from './gradients';
import { checkEmbeddings, checkLabels, labelTensor } from './inputs';
import { classLeaders, float, indicator, orderMask, pairMasks } from './masks';

export interface RangeOptions {
  /** How many of a class's largest distances count. Default 2. */
  readonly k?: number;
  /** Squared distance that the two closest class means should have. Default 2e4 (the paper's, for its unnormalised features). */
  readonly margin?: number;
  /** Factor of the intra-class part. Default 5e-5. */
  readonly alpha?: number;
  /** Factor of the inter-class part. Default 1e-4. */
  readonly beta?: number;
}

export interface RangeParts {
  /** sum over classes with >= 2 samples of the harmonic mean of the min(k, all) largest squared distances. Scalar. */
  readonly intra: tf.Scalar;
  /** max(0, margin - minCenterDistance). Scalar. */
  readonly inter: tf.Scalar;
  /** Squared distance of the two closest class means of the batch; 1e30 if the batch holds one class. Scalar. */
  readonly minCenterDistance: tf.Scalar;
}

/**
 * The range loss alpha intra + beta inter: shrinks the largest distances within each class, and pushes the two closest
 * class means of the batch apart. Added to a softmax loss.
 *
 * @param embeddings float32 [batch, features], not normalised.
 * @param labels int32 [batch]; only their equality matters. Draw several samples of each class into a batch.
 * @returns float32 scalar.
 * @throws OptionError if an option or a number is out of its range.
 */
export function rangeLoss(embeddings: tf.Tensor2D, labels: Labels, options: RangeOptions = {}): tf.Scalar {
  const { alpha = 5e-5, beta = 1e-4, ...rest } = options;
  checkNumber(['rangeLoss', 'alpha'], alpha, { min: 0 });
  checkNumber(['rangeLoss', 'beta'], beta, { min: 0 });
  return tf.tidy(() => {
    const { intra, inter } = partsOf('rangeLoss', embeddings, labels, rest);
    return tf.add(tf.mul(alpha, intra), tf.mul(beta, inter));
  });
}

/** The parts of the range loss of embeddings [batch, features], two scalars, without their factors. The caller disposes them. */
export function rangeLossParts(
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: Pick<RangeOptions, 'k' | 'margin'> = {},
): RangeParts {
  return tf.tidy(() => ({ ...partsOf('rangeLossParts', embeddings, labels, options) }));
}

function partsOf(
  name: string,
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: Pick<RangeOptions, 'k' | 'margin'>,
): RangeParts {
  checkKnownOptions(name, options, ['k', 'margin', 'alpha', 'beta']);
  const { k = 2, margin = 2e4 } = options;
  checkInteger([name, 'k'], k, { min: 1 });
  checkNumber([name, 'margin'], margin, { min: 0 });
  checkEmbeddings(name, embeddings);
  checkLabels(name, labels, embeddings.shape[0]);
  const { sameClass } = pairMasks(labelTensor(labels));
  const intra = harmonicRanges(squaredDistances(embeddings), sameClass, k);
  const members = float(sameClass);
  const means = tf.matMul(tf.div(members, tf.sum(members, 1, true)) as tf.Tensor2D, embeddings);
  const leaders = classLeaders(sameClass);
  const { before } = orderMask(leaders.size);
  const leaderPairs = tf.logicalAnd(tf.expandDims(leaders, 0), tf.expandDims(leaders, 1));
  const minCenterDistance = smallest(squaredDistances(means), tf.logicalAnd(before, leaderPairs));
  return { intra, inter: tf.relu(tf.sub<tf.Scalar>(margin, minCenterDistance)), minCenterDistance };
}

/** Instead of infinity, which WebGL does not keep. */
const noDistance = 1e30;

/** The smallest element where the mask holds (of equal ones the first), `noDistance` if it nowhere does. */
function smallest(matrix: tf.Tensor2D, mask: tf.Tensor): tf.Scalar {
  const op = tf.customGrad((input, save) => {
    const x = tf.reshape(input as tf.Tensor, [-1]);
    const masked = tf.where(tf.reshape(mask, [-1]), x, tf.fill(x.shape, noDistance));
    const chosen = indicator(tf.argMin(masked, 0), x.size);
    (save as tf.GradSaveFunc)([tf.reshape(tf.mul(chosen, float(tf.any(mask))), matrix.shape)]);
    return {
      value: tf.min(masked),
      gradFunc: (dy: tf.Tensor, [slopes]: tf.Tensor[]) => tf.mul(dy, slopes!),
    };
  });
  return op(matrix) as tf.Scalar;
}

/**
 * sum over classes of k' / sum_s 1 / D_s over the k' = min(k, pairs) largest squared distances D_s of its pairs.
 *
 * Written with w_s = min D / D_s as k' min D / sum w_s, so that coincident samples (D = 0) give 0 with the gradient
 * that is the limit, not 0/0. Everything that belongs to a class is computed in the rows of all its members.
 */
function harmonicRanges(distances: tf.Tensor2D, sameClass: tf.Tensor2D, k: number): tf.Scalar {
  const op = tf.customGrad((input, save) => {
    const steps = largestPairs(input as tf.Tensor2D, sameClass, k);
    const smallestRange = steps
      .map(({ value }) => value)
      .reduce((low, value) => tf.where(tf.greaterEqual(value, 0), tf.minimum(low, value), low));
    const weights = steps.map(({ value }) => rangeWeight(value, smallestRange));
    const total = tf.addN(weights);
    const count = tf.addN(steps.map(({ value }) => float(tf.greaterEqual(value, 0))));
    const divisor = tf.maximum(total, float(tf.equal(total, 0)));
    const means = tf.div(tf.mul(count, smallestRange), divisor);
    const slopes = tf.addN(
      steps.map(({ pair }, s) => {
        const slope = tf.mul(count, tf.square(tf.div(weights[s]!, divisor)));
        return tf.mul(float(pair), tf.expandDims(slope, 1));
      }),
    );
    (save as tf.GradSaveFunc)([slopes]);
    const counted = float(tf.logicalAnd(classLeaders(sameClass), tf.greater(count, 0)));
    return {
      value: tf.sum(tf.mul(counted, means)),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(dy, saved!),
    };
  });
  return op(distances) as tf.Scalar;
}

/** min D / D_s; 1 for the coincident ones among them, 0 where the class has no s-th pair. */
function rangeWeight(value: tf.Tensor, least: tf.Tensor): tf.Tensor {
  const one = tf.onesLike(value);
  const ratio = tf.div(least, tf.where(tf.greater(value, 0), value, one));
  const weight = tf.where(tf.equal(value, 0), one, ratio);
  return tf.mul(float(tf.greaterEqual(value, 0)), weight);
}

interface RankedPair {
  /** [batch]: the class's s-th largest distance in the rows of its members, -1 if it has fewer pairs. */
  readonly value: tf.Tensor;
  /** bool [batch, batch]: the pair (i < j) that has it, one for each class. */
  readonly pair: tf.Tensor;
}

function largestPairs(distances: tf.Tensor2D, sameClass: tf.Tensor2D, k: number): RankedPair[] {
  const batch = distances.shape[0];
  const minusOne = tf.fill(distances.shape, -1);
  const { before } = orderMask(batch);
  const index = tf.reshape(tf.range(0, batch ** 2, 1, 'int32'), distances.shape);
  const none = tf.fill(distances.shape, batch ** 2, 'int32');
  /** The largest (smallest) over a class of a number of each row, in the rows of its members. */
  const overClass = (rows: tf.Tensor, filler: tf.Tensor, reduce: typeof tf.max) =>
    reduce(tf.where(sameClass, tf.tile(tf.expandDims(rows, 0), [batch, 1]), filler), 1);
  let left: tf.Tensor = tf.where(tf.logicalAnd(sameClass, before), distances, minusOne);
  const pairs: RankedPair[] = [];
  for (let s = 0; s < Math.min(k, batch ** 2); s++) {
    const value = overClass(tf.max(left, 1), minusOne, tf.max);
    const holds = tf.logicalAnd(tf.equal(left, tf.expandDims(value, 1)), tf.greaterEqual(left, 0));
    // Of equal ones the first.
    const candidates = tf.where(holds, index, none);
    const first = overClass(tf.min(candidates, 1), none, tf.min);
    const pair = tf.logicalAnd(holds, tf.equal(candidates, tf.expandDims(first, 1)));
    left = tf.where(pair, minusOne, left);
    pairs.push({ value, pair });
  }
  return pairs;
}
