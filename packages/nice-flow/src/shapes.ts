/** Sums, counts and orders of axes that the layers share. */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '@tfkit/core';

/** The sum over everything but the batch: float32 [batch]. */
export function sumEvent(tensor: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.reshape(tensor, [tensor.shape[0]!, -1]), 1) as tf.Tensor1D;
}

/** A number, a scalar or [batch], as [batch]. */
export function perSample(value: tf.Tensor | number, batch: number): tf.Tensor1D {
  if (typeof value === 'number') return tf.fill([batch], value) as tf.Tensor1D;
  return (value.rank === 1 ? value : tf.add(tf.zeros([batch]), value)) as tf.Tensor1D;
}

/** How often each channel (the last axis) occurs in an example: height times width of an image, 1 of a vector. */
export function positionsOf(tensor: tf.Tensor): number {
  return sizeOf(tensor.shape.slice(1, -1));
}

/** All axes but the last. */
export function channelAxes(tensor: tf.Tensor): number[] {
  return Array.from({ length: tensor.rank - 1 }, (_, axis) => axis);
}

/** The length of the last axis. */
export function lastOf(shape: readonly number[]): number {
  return shape[shape.length - 1]!;
}

/** Elements [begin, begin + size) of the last axis. */
export function sliceLast(tensor: tf.Tensor, begin: number, size: number): tf.Tensor {
  const starts = tensor.shape.map((_, axis) => (axis === tensor.rank - 1 ? begin : 0));
  const sizes = tensor.shape.map((length, axis) => (axis === tensor.rank - 1 ? size : length));
  return tf.slice(tensor, starts, sizes);
}

/** The order that undoes `order`. */
export function inverseOrder(order: readonly number[]): number[] {
  const inverse = new Array<number>(order.length);
  for (const [to, from] of order.entries()) inverse[from] = to;
  return inverse;
}

/** out[..., i] = tensor[..., order[i]], for a permutation `order` of the last axis. */
export function permuteLast(tensor: tf.Tensor, order: readonly number[]): tf.Tensor {
  const runs = runsOf(order);
  if (runs.length === 1) return tensor;
  if (runs.length <= 4) {
    return tf.concat(
      runs.map(([begin, size]) => sliceLast(tensor, begin, size)),
      -1,
    );
  }
  const take = (x: tf.Tensor, indices: readonly number[]) =>
    tf.gather(x, tf.tensor1d([...indices], 'int32'), x.rank - 1);
  // tfjs' own gradient of gather sums segments; that of a permutation is the opposite permutation.
  const permute = tf.customGrad((x) => ({
    value: take(x as tf.Tensor, order),
    gradFunc: (dy: tf.Tensor) => permuteLast(dy, inverseOrder(order)),
  }));
  return permute(tensor);
}

/** Stretches of consecutive indices, as [begin, size]. */
function runsOf(order: readonly number[]): [begin: number, size: number][] {
  const runs: [number, number][] = [];
  for (const index of order) {
    const last = runs[runs.length - 1];
    if (last && last[0] + last[1] === index) last[1]++;
    else runs.push([index, 1]);
  }
  return runs;
}

/** float32 [indices, size], 1 where the column is the index; `tf.oneHot` refuses size 1. */
export function oneHot(indices: tf.Tensor, size: number): tf.Tensor {
  const columns = tf.range(0, size, 1, 'int32');
  return tf.cast(tf.equal(tf.reshape(tf.cast(indices, 'int32'), [-1, 1]), columns), 'float32');
}
