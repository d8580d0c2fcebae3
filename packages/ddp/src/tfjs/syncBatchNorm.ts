/** Batch normalisation over the batches of all ranks. */
import * as tf from '@tensorflow/tfjs-core';
import { BackendError, checkDType, checkInteger, checkShape, type SyncCollective } from '@tfkit/core';

/** What is needed of a group. */
export interface SyncGroup {
  readonly size: number;
  readonly sync?: SyncCollective;
}

/** The group whose batches are normalised together, and how. */
export interface SyncBatchNormOptions {
  readonly group: SyncGroup;
  /** The axis of channels. Default the last. */
  readonly axis?: number;
  /** Added to the variance. Default 1e-3, as in tf.layers. */
  readonly epsilon?: number;
}

export interface SyncBatchNormResult {
  /** float32, the shape of x. */
  readonly output: tf.Tensor;
  /** float32 [channels], of all ranks' batches. */
  readonly mean: tf.Tensor1D;
  /** float32 [channels], biased: divided by the number of elements. */
  readonly variance: tf.Tensor1D;
}

/**
 * scale (x - mean) / sqrt(variance + epsilon) + offset, with mean and variance over the batches of all ranks, and its
 * exact gradient: the ranks exchange per-channel statistics forward and two sums a channel backward. Batches may have
 * different sizes. The gradients of scale and offset are this rank's own, as `ddp` reduces them.
 *
 * @param x float32 [batch, ..., channels], or channels at `axis`.
 * @param scale, offset float32 [channels].
 * @returns tensors that the caller disposes.
 * @throws BackendError where tensors cannot be read synchronously (webgpu); ShapeError if channels disagree;
 * DTypeError unless all are float32 or int32.
 * Source: Ioffe and Szegedy, 2015, algorithm 1 (arXiv:1502.03167); means and squared deviations of the ranks are combined
 * in float64 as in Chan, Golub, LeVeque, 1983, since sums of squares cancel.
 */
export function syncBatchNorm(
  x: tf.Tensor,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  { group, axis = -1, epsilon = 1e-3 }: SyncBatchNormOptions,
): SyncBatchNormResult {
  const name = 'syncBatchNorm';
  checkInteger([name, 'options.axis'], axis, { min: -x.shape.length, max: x.shape.length - 1 });
  for (const [argument, tensor] of Object.entries({ x, scale, offset })) {
    checkDType([name, argument], tensor, ['float32', 'int32']);
  }
  const channelAxis = (axis + x.shape.length) % x.shape.length;
  const channels = x.shape[channelAxis]!;
  checkShape([name, 'scale'], scale, [channels]);
  checkShape([name, 'offset'], offset, [channels]);
  if (group.size > 1 && tf.getBackend() === 'webgpu') {
    throw new BackendError(
      `${name}: the backend must read tensors synchronously, got 'webgpu'. Use group normalisation, or the backend tensorflow.`,
    );
  }
  const axes = x.shape.map((_, index) => index).filter((index) => index !== channelAxis);
  const broadcastShape = x.shape.map((size, index) => (index === channelAxis ? size : 1));
  const spread = (tensor: tf.Tensor) => tf.reshape(tensor, broadcastShape);
  let statistics: { mean: tf.Tensor1D; variance: tf.Tensor1D; total: number } | undefined;
  const normalize = tf.customGrad((input, gamma, beta, save) => {
    const [xs, scales, offsets] = [input, gamma, beta] as unknown as tf.Tensor[];
    statistics = globalMoments(xs!, axes, channels, group.sync);
    const { mean, variance, total } = statistics;
    // The engine disposes at once what the op makes beside its output.
    tf.keep(mean);
    tf.keep(variance);
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const normalized = tf.mul(tf.sub(xs!, spread(mean)), spread(inverse));
    const value = tf.add(tf.mul(normalized, spread(scales!)), spread(offsets!));
    (save as unknown as tf.GradSaveFunc)([normalized, inverse, scales!]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [xHat, inverseDeviation, saveScale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const sumDy = tf.sum(dy, axes);
      const sumDyX = tf.sum(tf.mul(dy, xHat), axes);
      const [meanDy, meanDyX] = globalMeans([sumDy, sumDyX], total, group.sync);
      const inner = tf.sub(tf.sub(dy, spread(meanDy!)), tf.mul(xHat, spread(meanDyX!)));
      return [tf.mul(inner, spread(tf.mul(saveScale, inverseDeviation))), sumDyX, sumDy];
    };
    return { value, gradFunc };
  });
  const output = normalize(x, scale, offset) as tf.Tensor;
  const release = (kept: tf.Tensor1D): tf.Tensor1D => {
    const result = tf.clone(kept);
    kept.dispose();
    return result;
  };
  return { output, mean: release(statistics!.mean), variance: release(statistics!.variance) };
}

/** Mean and biased variance over all ranks, and the number of elements a channel. */
function globalMoments(
  x: tf.Tensor,
  axes: number[],
  channels: number,
  sync: SyncCollective | undefined,
): { mean: tf.Tensor1D; variance: tf.Tensor1D; total: number } {
  const local = tf.tidy(() => {
    const { mean, variance } = tf.moments(x, axes);
    return tf.concat([mean, variance]);
  });
  const count = x.size / channels;
  if (!sync) {
    const [mean, variance] = tf.split(local, 2) as [tf.Tensor1D, tf.Tensor1D];
    return { mean, variance, total: count };
  }
  const own = Float64Array.of(count, ...(local.dataSync() as Float32Array));
  local.dispose();
  const all = sync.allGather(own);
  const total = all.reduce((sum, part) => sum + part[0]!, 0);
  const mean = new Float32Array(channels);
  const variance = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const center = all.reduce((sum, part) => sum + part[0]! * part[1 + c]!, 0) / total;
    const squares = all.reduce(
      (sum, part) => sum + part[0]! * (part[1 + channels + c]! + (part[1 + c]! - center) ** 2),
      0,
    );
    mean[c] = center;
    variance[c] = squares / total;
  }
  return { mean: tf.tensor1d(mean), variance: tf.tensor1d(variance), total };
}

/** Sums over all ranks, divided by `total`. */
function globalMeans(sums: tf.Tensor[], total: number, sync: SyncCollective | undefined): tf.Tensor[] {
  if (!sync) return sums.map((sum) => tf.div(sum, total));
  const local = tf.tidy(() => tf.concat(sums).dataSync() as Float32Array);
  const reduced = sync.allReduce(Float64Array.from(local));
  const size = reduced.length / sums.length;
  return sums.map((_, index) =>
    tf.tensor1d(Float32Array.from(reduced.subarray(index * size, (index + 1) * size), (sum) => sum / total)),
  );
}
