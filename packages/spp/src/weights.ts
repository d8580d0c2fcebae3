/** Matrices of weights along one axis: what is linear and separable is one of these for the rows and one for the columns. */
import * as tf from '@tensorflow/tfjs-core';
import { binOf } from './bins';
import { type HostRegions, isHostRegions, type TensorRegions, tensorBins } from './edges';

/** Averages of n adaptive bins over `size` cells, [n, size]. */
export function averageWeights(n: number, size: number): Float32Array {
  const weights = new Float32Array(n * size);
  for (let i = 0; i < n; i++) {
    const { start, end } = binOf(i, size, n);
    weights.fill(1 / (end - start), i * size + start, i * size + end);
  }
  return weights;
}

/**
 * Bilinear interpolation of `from` values to `to`, [to, from]. Half-pixel centres: value i lies at (i + 0.5) from / to -
 * 0.5, cut to the ends; aligned corners: at i (from - 1) / (to - 1).
 */
export function resizeWeights(to: number, from: number, alignCorners: boolean): Float32Array {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = alignCorners ? (to > 1 ? (i * (from - 1)) / (to - 1) : 0) : ((i + 0.5) * from) / to - 0.5;
    const position = Math.max(0, Math.min(from - 1, centre));
    const low = Math.min(Math.floor(position), Math.max(0, from - 2));
    const fraction = position - low;
    weights[i * from + low]! += 1 - fraction;
    if (fraction > 0) weights[i * from + low + 1]! += fraction;
  }
  return weights;
}

/** Averages of n bins of each region along one axis, float32 [regions, n, size]; an empty bin has none. */
export function regionWeights(
  regions: HostRegions | TensorRegions,
  axis: number,
  n: number,
  size: number,
): tf.Tensor {
  if (!isHostRegions(regions)) return tensorWeights(regions, axis, n, size);
  const weights = new Float32Array(regions.count * n * size);
  for (let r = 0; r < regions.count; r++) {
    const from = regions.start[axis]![r]!;
    const length = regions.end[axis]![r]! - from;
    for (let i = 0; i < n; i++) {
      const bin = binOf(i, length, n);
      const start = Math.max(0, from + bin.start);
      const end = Math.min(size, from + bin.end);
      const at = (r * n + i) * size;
      if (start < end) weights.fill(1 / (end - start), at + start, at + end);
    }
  }
  return tf.tensor(weights, [regions.count, n, size]);
}

function tensorWeights(regions: TensorRegions, axis: number, n: number, size: number): tf.Tensor {
  const [start, end] = tensorBins(regions, axis, n, size).map((edge) => tf.expandDims(edge, -1)) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const cells = tf.range(0, size, 1, 'int32');
  const inside = tf.logicalAnd(tf.greaterEqual(cells, start), tf.less(cells, end));
  const length = tf.maximum(tf.sub(end, start), tf.scalar(1, 'int32'));
  return tf.div(tf.cast(inside, 'float32'), tf.cast(length, 'float32'));
}
