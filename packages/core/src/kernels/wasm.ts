/** Kernels that the wasm backend lacks, as compositions of those it has. */
import * as tf from '@tensorflow/tfjs-core';
import {
  convAsFilterGradient,
  type FilterGradientAttributes,
  flippedConv,
  type InputGradientAttributes,
  matMulPerTap,
} from '../gradients/conv2d';
import { flippedDepthwise, sumPerTap } from '../gradients/depthwise';
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, einsum } from './compositions';

const kernels = compositionKernels('wasm', {
  Conv2DBackpropFilter: (inputs, attributes) => filterGradient(inputs, withoutDilation(attributes)),
  TfkitConv2DBackpropFilter: filterGradient,
  // tfjs' own kernel is scalar code; the forward convolution on the flipped filter is XNNPACK's.
  TfkitConv2DBackpropInput: (inputs, attributes: InputGradientAttributes) => flippedConv(inputs, attributes),
  DepthwiseConv2dNativeBackpropInput: (inputs, attributes) =>
    flippedDepthwise(inputs, withoutDilation(attributes)),
  DepthwiseConv2dNativeBackpropFilter: (inputs, attributes) => sumPerTap(inputs, withoutDilation(attributes)),
  Einsum: einsum,
  UnsortedSegmentSum: ({ x, segmentIds }, { numSegments }) => segmentSum(x, segmentIds, numSegments),
});

export function applyWasmKernels(): void {
  applyPatch('kernels/wasm', () => replaceKernels(kernels));
}

function filterGradient(
  inputs: { x: tf.Tensor4D; dy: tf.Tensor4D },
  attributes: FilterGradientAttributes,
): tf.Tensor {
  return convAsFilterGradient(inputs, attributes) ?? matMulPerTap(inputs, attributes);
}

const withoutDilation = <A extends { dilations?: unknown }>(
  attributes: A,
): A & { dilations: [number, number] } => ({
  ...attributes,
  dilations: [1, 1],
});

/**
 * Sums rows of x by segment id through ScatterNd, which adds duplicates but does not check its indices: ids outside
 * [0, numSegments) are dropped, as TensorFlow does, by way of one row too many.
 */
function segmentSum(x: tf.Tensor, segmentIds: tf.Tensor, numSegments: number): tf.Tensor {
  const inner = x.shape.slice(segmentIds.rank);
  const outside = tf.logicalOr(tf.less(segmentIds, 0), tf.greaterEqual(segmentIds, numSegments));
  const rows = tf.where(outside, tf.fill(segmentIds.shape, numSegments, 'int32'), segmentIds);
  const width = inner.reduce((product, size) => product * size, 1);
  const sums = tf.scatterND(tf.reshape(rows, [segmentIds.size, 1]), tf.reshape(x, [segmentIds.size, width]), [
    numSegments + 1,
    width,
  ]);
  return tf.reshape(tf.slice(sums, [0, 0], [numSegments, width]), [numSegments, ...inner]);
}
