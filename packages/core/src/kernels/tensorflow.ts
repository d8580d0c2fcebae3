/** What tfjs-node refuses though TensorFlow has it, filled. */
import * as tf from '@tensorflow/tfjs-core';
import { composedAdam } from '../adam';
import { flippedConv } from '../gradients/conv2d';
import { allOnes, axesOf, convAttributes, type TfjsConvAttributes } from '../gradients/geometry';
import { whereOutputIsPositive } from '../gradients/relu';
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, runStock } from './compositions';
import { type FastKernel, layerKernels, stockKernel } from './fast';
import { adam } from './tensorflow/adam';
import {
  cast,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  matMul,
  reluGrad,
  reshape,
  step,
  sum,
} from './tensorflow/ops';
import { phasedFilterGradient } from './tensorflow/phases';

const fast: Record<string, FastKernel> = {
  TfkitConv2DBackpropInput: conv2dBackpropInput,
  TfkitConv2DBackpropFilter: conv2dBackpropFilter,
  TfkitAdam: adam,
  Cast: cast,
  Reshape: reshape,
  Step: step,
  Sum: sum,
  BatchMatMul: matMul,
  TfkitReluGrad: reluGrad,
};

/** Replaces kernels of the tensorflow backend by TensorFlow's own ops; what is in force stays. */
export function applyTensorflowKernels(): void {
  applyPatch('kernels/tensorflow', () => {
    const name = 'DepthwiseConv2dNative';
    const stock = stockKernel(name, 'tensorflow');
    const fused = stockKernel('FusedDepthwiseConv2D', 'tensorflow');
    const compositions = compositionKernels('tensorflow', {
      TfkitConv2DBackpropInput: (inputs, attributes) => flippedConv(inputs, attributes),
      TfkitConv2DBackpropFilter: (inputs, attributes) => phasedFilterGradient(inputs, attributes),
      TfkitAdam: composedAdam,
      TfkitReluGrad: whereOutputIsPositive,
      ...(stock ? { [name]: depthwise(stock) } : {}),
      ...(fused ? { FusedDepthwiseConv2D: fusedDepthwise(fused) } : {}),
    });
    return replaceKernels(layerKernels('tensorflow', compositions, fast));
  });
}

/** TensorFlow's CPU kernel has no dilation: it is a plain convolution between two rearrangements of space and batch. */
function depthwise(stock: tf.KernelConfig) {
  return ({ x, filter }: { x: tf.Tensor4D; filter: tf.Tensor4D }, given: TfjsConvAttributes): tf.Tensor => {
    const attributes = convAttributes(given);
    if (allOnes(attributes.dilations)) return runStock(stock, { x, filter }, given);
    const dilations = [...attributes.dilations];
    const axes = axesOf(x.shape, filter.shape, attributes);
    // Rounds each padded axis up to a multiple of the dilation; the result is cropped by as much.
    const extra = axes.map((axis) => {
      const length = axis.before + axis.input + axis.after;
      return Math.ceil(length / axis.dilation) * axis.dilation - length;
    });
    const paddings = axes.map((axis, i) => [axis.before, axis.after + extra[i]!]);
    const phases = tf.spaceToBatchND(x, dilations, paddings) as tf.Tensor4D;
    const convolved = tf.depthwiseConv2d(phases, filter, 1, 'valid');
    return tf.batchToSpaceND(
      convolved,
      dilations,
      extra.map((crop) => [0, crop]),
    );
  };
}

interface FusedInputs {
  readonly x: tf.Tensor4D;
  readonly filter: tf.Tensor4D;
  readonly bias?: tf.Tensor;
  readonly preluActivationWeights?: tf.Tensor;
}

interface FusedAttributes extends TfjsConvAttributes {
  readonly activation?: string;
  readonly leakyreluAlpha?: number;
}

type Activation = (y: tf.Tensor, inputs: FusedInputs, attributes: FusedAttributes) => tf.Tensor;

const activations: Record<string, Activation> = {
  linear: (y) => y,
  relu: (y) => tf.relu(y),
  relu6: (y) => tf.relu6(y),
  elu: (y) => tf.elu(y),
  sigmoid: (y) => tf.sigmoid(y),
  prelu: (y, { preluActivationWeights }) => tf.prelu(y, preluActivationWeights!),
  leakyrelu: (y, _inputs, { leakyreluAlpha }) => tf.leakyRelu(y, leakyreluAlpha),
};

/** The fused form of a dilated one, as graph models of DeepLab have it, in its parts. */
function fusedDepthwise(stock: tf.KernelConfig) {
  return (inputs: FusedInputs, attributes: FusedAttributes): tf.Tensor => {
    const { strides, dilations, pad } = convAttributes(attributes);
    const { x, filter, bias } = inputs;
    if (allOnes(dilations)) return runStock(stock, inputs as unknown as tf.NamedTensorMap, attributes);
    const y = tf.depthwiseConv2d(
      x,
      filter,
      strides as [number, number],
      pad as 'same',
      'NHWC',
      dilations as [number, number],
    );
    const activate = activations[attributes.activation ?? 'linear']!;
    return activate(bias ? tf.add(y, bias) : y, inputs, attributes);
  };
}
