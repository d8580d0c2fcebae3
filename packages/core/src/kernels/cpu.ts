/** What the cpu backend has wrong or slow, replaced. What the kernels of `cpu/` decline goes to tfjs' own. */
import { composedAdam } from '../adam';
import { flippedConv, matMulPerTap } from '../gradients/conv2d';
import { flippedDepthwise, sumPerTap } from '../gradients/depthwise';
import { composedLinearCombination } from '../ops/linearCombination';
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, einsum } from './compositions';
import * as conv from './cpu/conv2d';
import * as depthwise from './cpu/depthwise';
import { adam, linearCombination, unsortedSegmentSum } from './cpu/elementwise';
import { batchMatMul, fusedMatMul } from './cpu/matMul';
import { type FastKernel, layerKernels } from './fast';

const compositions = compositionKernels('cpu', {
  Einsum: einsum,
  TfkitConv2DBackpropInput: (inputs, attributes) => flippedConv(inputs, attributes),
  TfkitConv2DBackpropFilter: (inputs, attributes) => matMulPerTap(inputs, attributes),
  TfkitDepthwiseConv2dBackpropInput: (inputs, attributes) => flippedDepthwise(inputs, attributes),
  TfkitDepthwiseConv2dBackpropFilter: (inputs, attributes) => sumPerTap(inputs, attributes),
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
  TfkitDepthwiseConv2dBackpropInput: depthwise.depthwiseBackpropInput,
  TfkitDepthwiseConv2dBackpropFilter: depthwise.depthwiseBackpropFilter,
  BatchMatMul: batchMatMul,
  _FusedMatMul: fusedMatMul,
  UnsortedSegmentSum: unsortedSegmentSum,
  TfkitLinearCombination: linearCombination,
  TfkitAdam: adam,
};

/**
 * Replaces the slow kernels of the cpu backend in tfjs' registry and adds those that it lacks; what is in force
 * stays.
 */
export function applyCpuKernels(): void {
  applyPatch('kernels/cpu', () => replaceKernels(layerKernels('cpu', compositions, fast)));
}
