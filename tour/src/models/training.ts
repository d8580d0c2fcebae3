/** Training of the segmenter: the loss and one step of it. `npm run bench -- --package core` times the same step. */
import * as tf from '@tensorflow/tfjs-core';
import { type Canvases, canvasSize } from '../data/canvases';
import { type SegmenterVariables, segmentationLogits } from './segmenter';

export type Batch = {
  /** float32 [batch, height, width, 1] in [0, 1]. */
  readonly images: tf.Tensor4D;
  /** int32 [batch, height, width], class ids. */
  readonly targets: tf.Tensor3D;
};

/**
 * Class-weighted softmax cross-entropy, a scalar in nats: sum_i w_(t_i) (logsumexp(z_i) - z_(i, t_i)) / sum_i w_(t_i).
 * The maximum is taken out of the sum of exponentials, so no logit overflows.
 *
 * @param logits float32 [..., classes].
 * @param targets int32 [...], class ids.
 * @param weights float32 [classes], not negative.
 */
export function weightedCrossEntropy(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const classes = logits.shape[logits.shape.length - 1]!;
    const rows = tf.reshape(logits, [-1, classes]);
    const oneHot = tf.oneHot(tf.reshape(targets, [-1]), classes);
    const loss = tf.customGrad((z, save) => {
      const weighted = tf.mul(oneHot, weights);
      const total = tf.sum(weighted);
      const logProbabilities = tf.logSoftmax(z as tf.Tensor);
      (save as tf.GradSaveFunc)([logProbabilities, weighted, total]);
      const value = tf.div(tf.neg(tf.sum(tf.mul(weighted, logProbabilities))), total);
      // Written out: the tape of the line above would pass over the logits several times more.
      const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [logs, weightedTargets, sum] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const rowWeights = tf.sum(weightedTargets, -1, true);
        const difference = tf.sub(tf.mul(tf.exp(logs), rowWeights), weightedTargets);
        return tf.mul(difference, tf.div(dy, sum));
      };
      return { value, gradFunc };
    });
    return loss(rows) as tf.Scalar;
  });
}

/**
 * Weights that balance the classes without letting rare ones dominate: 1 / sqrt(frequency), scaled so that the average
 * over pixels is 1.
 */
export function classWeights(targets: Uint8Array, classes: number): Float32Array {
  const counts = new Float64Array(classes).fill(1);
  for (const target of targets) counts[target]!++;
  const total = counts.reduce((sum, count) => sum + count);
  const raw = counts.map((count) => Math.sqrt(total / count));
  const mean = raw.reduce((sum, weight, index) => sum + weight * counts[index]!, 0) / total;
  return Float32Array.from(raw, (weight) => weight / mean);
}

/** One step of gradient descent; returns the loss before it, a scalar that the caller reads and disposes. */
export function trainStep(
  variables: SegmenterVariables,
  optimizer: tf.Optimizer,
  { images, targets }: Batch,
  weights: tf.Tensor1D,
): tf.Scalar {
  const loss = () => weightedCrossEntropy(segmentationLogits(variables, images), targets, weights);
  return optimizer.minimize(loss, true, Object.values(variables)) as tf.Scalar;
}

/** `count` canvases from `start` on, beginning again at the end. The caller disposes both tensors. */
export function batchOf(canvases: Canvases, start: number, count: number): Batch {
  const size = canvasSize ** 2;
  const images = new Float32Array(count * size);
  const targets = new Int32Array(count * size);
  for (let item = 0; item < count; item++) {
    const from = ((start + item) % canvases.count) * size;
    targets.set(canvases.targets.subarray(from, from + size), item * size);
    for (let pixel = 0; pixel < size; pixel++) {
      images[item * size + pixel] = canvases.images[from + pixel]! / 255;
    }
  }
  return {
    images: tf.tensor4d(images, [count, canvasSize, canvasSize, 1]),
    targets: tf.tensor3d(targets, [count, canvasSize, canvasSize], 'int32'),
  };
}
