/**
 * Data whose denoiser is known: a mixture of three round Gaussians in the plane. A model that has learnt it perfectly
 * answers, at x = alpha x0 + sigma epsilon, with the posterior mean of x0: what a prediction of type 'sample' means.
 */
import * as tf from '@tensorflow/tfjs-core';
import { mixture } from './density';

interface Level {
  readonly alpha: number;
  readonly sigma: number;
}

/** E[x0 | x] on the host in float64; x is [n, 2] row-major. */
export function posteriorMean(x: ArrayLike<number>, { alpha, sigma }: Level): Float64Array {
  const { weights, means, deviations } = mixture;
  const variances = deviations.map((deviation) => (alpha * deviation) ** 2 + sigma ** 2);
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += 2) {
    const logs = weights.map((weight, k) => {
      const [dx, dy] = [x[i]! - alpha * means[k]![0], x[i + 1]! - alpha * means[k]![1]];
      return Math.log(weight / variances[k]!) - (dx * dx + dy * dy) / (2 * variances[k]!);
    });
    const top = Math.max(...logs);
    const shares = logs.map((log) => Math.exp(log - top));
    const total = shares.reduce((sum, share) => sum + share, 0);
    for (let axis = 0; axis < 2; axis++) {
      for (let k = 0; k < weights.length; k++) {
        const mean = means[k]![axis]!;
        const gain = (alpha * deviations[k]! ** 2) / variances[k]!;
        out[i + axis]! += (shares[k]! / total) * (mean + gain * (x[i + axis]! - alpha * mean));
      }
    }
  }
  return out;
}

/** The same on tensors of the backend: float32 [n, 2]. The caller disposes it. */
export function posteriorMeanTensor(x: tf.Tensor, { alpha, sigma }: Level): tf.Tensor {
  return tf.tidy(() => {
    const means = tf.tensor2d(mixture.means as never);
    const variances = mixture.deviations.map((deviation) => (alpha * deviation) ** 2 + sigma ** 2);
    const offsets = tf.sub(tf.expandDims(x, 1), tf.mul(means, alpha)); // [n, parts, 2]
    const distances = tf.div(
      tf.sum(tf.square(offsets), 2),
      variances.map((v) => 2 * v),
    );
    const shares = tf.softmax(
      tf.sub(
        mixture.weights.map((weight, k) => Math.log(weight / variances[k]!)),
        distances,
      ),
    );
    const gains = tf.tensor2d(
      mixture.deviations.map((deviation, k) => (alpha * deviation ** 2) / variances[k]!),
      [3, 1],
    );
    return tf.sum(tf.mul(tf.expandDims(shares, 2), tf.add(means, tf.mul(gains, offsets))), 1);
  });
}

/** Points of the data from uniform numbers in [0, 1) and normal ones: `count` of the first, twice as many of the second. */
export function draw(uniforms: ArrayLike<number>, normals: ArrayLike<number>): Float64Array {
  const out = new Float64Array(2 * uniforms.length);
  for (let n = 0; n < uniforms.length; n++) {
    let rest = uniforms[n]!;
    let k = 0;
    while (k < 2 && rest >= mixture.weights[k]!) rest -= mixture.weights[k++]!;
    for (let axis = 0; axis < 2; axis++) {
      out[2 * n + axis] = mixture.means[k]![axis]! + mixture.deviations[k]! * normals[2 * n + axis]!;
    }
  }
  return out;
}
