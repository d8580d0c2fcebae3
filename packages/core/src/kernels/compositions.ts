/** Kernels written as compositions of tfjs ops, for tfjs' kernel registry. */
import * as tf from '@tensorflow/tfjs-core';
import { einsumByMatMul } from '../einsum';

export type Composition = (
  // biome-ignore lint/suspicious/noExplicitAny: tfjs gives every kernel its inputs and attributes untyped
  inputs: any,
  // biome-ignore lint/suspicious/noExplicitAny: see above
  attributes: any,
) => tf.Tensor | tf.Tensor[];

/** One kernel config a composition. Nothing tidies up behind a kernel, so each is run in a tidy of its own. */
export function compositionKernels(
  backendName: string,
  table: Record<string, Composition>,
): tf.KernelConfig[] {
  return Object.entries(table).map(([kernelName, compose]) => ({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => tf.tidy(() => compose(inputs, attrs)),
  }));
}

/** Runs a kernel that was replaced. Most return a bare description of a tensor, those of tfjs-node the tensor itself. */
export function runStock(
  stock: tf.KernelConfig,
  inputs: Record<string, tf.Tensor>,
  attributes: object,
): tf.Tensor {
  const attrs = attributes as tf.NamedAttrMap;
  const output = stock.kernelFunc({ inputs, attrs, backend: tf.backend() }) as tf.TensorInfo;
  return output instanceof tf.Tensor ? output : tf.engine().makeTensorFromTensorInfo(output);
}

/**
 * tfjs' own Einsum multiplies broadcast operands of every index at once, and is wrong where an operand shares no
 * index with the result ('ij,k->k').
 */
export const einsum: Composition = (inputs, { equation }) => einsumByMatMul(equation, inputs);

/**
 * Sums rows of x by segment id with a kernel that does not check its indices (ScatterNd, or webgpu's and webgl's own):
 * ids outside [0, numSegments) are dropped, as TensorFlow on a GPU does, by way of one row too many.
 */
export function segmentSumDropping(
  x: tf.Tensor,
  segmentIds: tf.Tensor,
  numSegments: number,
  sum: (x: tf.Tensor, ids: tf.Tensor, rows: number) => tf.Tensor,
): tf.Tensor {
  const outside = tf.logicalOr(tf.less(segmentIds, 0), tf.greaterEqual(segmentIds, numSegments));
  const rows = tf.where(outside, tf.fill(segmentIds.shape, numSegments, 'int32'), segmentIds);
  const sums = sum(x, rows, numSegments + 1);
  const rest = sums.shape.slice(1);
  return tf.slice(sums, [0, ...rest.map(() => 0)], [numSegments, ...rest]);
}
