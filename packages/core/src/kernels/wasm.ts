/**
 * Kernels that the wasm backend lacks, and faster ones for those that it has. What the module of `assembly/` declines
 * goes to compositions of tfjs' own kernels.
 */
import * as tf from '@tensorflow/tfjs-core';
import { composedAdam } from '../adam';
import {
  convAsFilterGradient,
  type FilterGradientAttributes,
  flippedConv,
  type InputGradientAttributes,
  matMulPerTap,
} from '../gradients/conv2d';
import { flippedDepthwise, sumPerTap } from '../gradients/depthwise';
import { composedLinearCombination } from '../ops/linearCombination';
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, einsum, segmentSumDropping } from './compositions';
import { type FastKernel, layerKernels, sizeOf } from './fast';
import * as conv from './wasm/conv2d';
import * as depthwise from './wasm/depthwise';
import { adam, exp, identity, linearCombination, mean, sum, unsortedSegmentSum } from './wasm/elementwise';
import { batchMatMul, fusedMatMul } from './wasm/matMul';
import { slice, splitV, unpack } from './wasm/slice';

const compositions = compositionKernels('wasm', {
  Conv2DBackpropFilter: (inputs, attributes) => filterGradient(inputs, withoutDilation(attributes)),
  TfkitConv2DBackpropFilter: filterGradient,
  // tfjs' own kernel is scalar code; the forward convolution on the flipped filter is XNNPACK's.
  TfkitConv2DBackpropInput: (inputs, attributes: InputGradientAttributes) => flippedConv(inputs, attributes),
  TfkitDepthwiseConv2dBackpropInput: (inputs, attributes) => flippedDepthwise(inputs, attributes),
  TfkitDepthwiseConv2dBackpropFilter: (inputs, attributes) => sumPerTap(inputs, attributes),
  DepthwiseConv2dNativeBackpropInput: (inputs, attributes) =>
    flippedDepthwise(inputs, withoutDilation(attributes)),
  DepthwiseConv2dNativeBackpropFilter: (inputs, attributes) => sumPerTap(inputs, withoutDilation(attributes)),
  Einsum: einsum,
  UnsortedSegmentSum: ({ x, segmentIds }, { numSegments }) => segmentSum(x, segmentIds, numSegments),
  TfkitLinearCombination: composedLinearCombination,
  TfkitAdam: composedAdam,
});

const fast: Record<string, FastKernel> = {
  Conv2D: conv.conv2d,
  FusedConv2D: conv.fusedConv2d,
  Conv2DBackpropInput: conv.conv2dBackpropInput,
  Conv2DBackpropFilter: conv.conv2dBackpropFilter,
  TfkitConv2DBackpropInput: conv.conv2dBackpropInput,
  TfkitConv2DBackpropFilter: conv.conv2dBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwise.depthwiseBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwise.depthwiseBackpropFilter,
  TfkitDepthwiseConv2dBackpropInput: depthwise.depthwiseBackpropInput,
  TfkitDepthwiseConv2dBackpropFilter: depthwise.depthwiseBackpropFilter,
  BatchMatMul: batchMatMul,
  _FusedMatMul: fusedMatMul,
  Exp: exp,
  Identity: identity,
  Mean: mean,
  Slice: slice,
  SplitV: splitV,
  Sum: sum,
  Unpack: unpack,
  UnsortedSegmentSum: unsortedSegmentSum,
  TfkitLinearCombination: linearCombination,
  TfkitAdam: adam,
};

/** Adds the kernels that the wasm backend lacks and replaces slow and wrong ones; what is in force stays. */
export function applyWasmKernels(): void {
  applyPatch('kernels/wasm', () => replaceKernels(layerKernels('wasm', compositions, fast)));
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

/** Through ScatterNd, which adds duplicates. */
function segmentSum(x: tf.Tensor, segmentIds: tf.Tensor, numSegments: number): tf.Tensor {
  const inner = x.shape.slice(segmentIds.rank);
  const width = sizeOf(inner);
  const sums = segmentSumDropping(x, segmentIds, numSegments, (values, ids, rows) =>
    tf.scatterND(tf.reshape(ids, [ids.size, 1]), tf.reshape(values, [ids.size, width]), [rows, width]),
  );
  return tf.reshape(sums, [numSegments, ...inner]);
}
