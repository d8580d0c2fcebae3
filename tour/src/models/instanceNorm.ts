import * as tf from '@tensorflow/tfjs-core';

const eps = 1e-5;

/**
 * Each channel of each sample to mean 0 and variance 1 over its positions: y = (x - mean) / sqrt(variance + 1e-5).
 *
 * The gradient is written out, since taping the forward pass would take three times as many passes over memory:
 * dx = (dy - mean(dy) - y mean(dy y)) / sqrt(variance + 1e-5).
 *
 * @param x float32 [batch, height, width, channels].
 * @returns float32 of the same shape. The caller disposes it.
 * Source: Ulyanov, Vedaldi, Lempitsky, Instance Normalization, arXiv:1607.08022, without scale and offset.
 */
export function instanceNorm(x: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => normalize(x));
}

const overPositions = (x: tf.Tensor) => tf.mean(x, [1, 2], true);

const normalize = tf.customGrad((x, save) => {
  const centred = tf.sub(x as tf.Tensor4D, overPositions(x as tf.Tensor4D));
  const inverseDeviation = tf.rsqrt(tf.add(overPositions(tf.square(centred)), eps));
  const y: tf.Tensor4D = tf.mul(centred, inverseDeviation);
  (save as tf.GradSaveFunc)([y, inverseDeviation]);
  const gradFunc = (dy: tf.Tensor4D, saved: tf.Tensor[]) => {
    const [normalized, scale] = saved as [tf.Tensor4D, tf.Tensor4D];
    const along = tf.mul(normalized, overPositions(tf.mul(dy, normalized)));
    return tf.mul(tf.sub(tf.sub(dy, overPositions(dy)), along), scale);
  };
  return { value: y, gradFunc };
});
