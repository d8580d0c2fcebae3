/** Transposed dilated convolutions: the gradient of a dilated convolution to its input, as an op of its own. */
import * as tf from '@tensorflow/tfjs-core';
import { formatShape, formatValue, OptionError, ShapeError } from '@tfkit/core';
import { conv2dInputGradient } from '@tfkit/core/convolution';
import { type Axis, checkTensors, type DilatedConvOptions, type Padding, perAxis, planAxes } from '../plan';
import { inputGradient3d } from './convolution3d';
import { asPlane, asPlaneFilter, flatAxis, fromPlane, planeAttributes } from './plane';

export interface DilatedConvTransposeOptions extends DilatedConvOptions {
  /**
   * Size of the output's spatial axes. Several sizes are possible where the stride exceeds 1. Default: the smallest that
   * loses nothing under 'valid' and explicit padding, input * stride under 'same' and 'causal'.
   */
  readonly outputSize?: number | readonly number[];
}

/**
 * The transposed 1-D dilated convolution: d<conv(z), x>/dz for z of the output's shape.
 *
 * @param x float32 [batch, width, inChannels].
 * @param filter float32 [taps, outChannels, inChannels].
 * @param options padding, strides and dilationRate are the forward convolution's.
 * @returns float32 [batch, outputSize, outChannels], differentiable twice. The caller disposes it.
 */
export function dilatedConv1dTranspose(
  x: tf.Tensor3D,
  filter: tf.Tensor3D,
  options: DilatedConvTransposeOptions = {},
): tf.Tensor3D {
  const [axis] = plan('dilatedConv1dTranspose', x, filter, 1, options) as [Axis];
  const inputShape = [x.shape[0], 1, axis.input, filter.shape[1]] as const;
  const attributes = { ...planeAttributes(flatAxis, axis), inputShape };
  return tf.tidy(() =>
    fromPlane(conv2dInputGradient({ dy: asPlane(x), filter: asPlaneFilter(filter) }, attributes)),
  );
}

/**
 * The transposed 2-D dilated convolution: d<conv(z), x>/dz for z of the output's shape.
 *
 * @param x float32 [batch, height, width, inChannels].
 * @param filter float32 [rows, columns, outChannels, inChannels]; from PyTorch by `fromTorchFilter`.
 * @param options padding, strides and dilationRate are the forward convolution's.
 * @returns float32 [batch, ...outputSize, outChannels], differentiable twice. The caller disposes it.
 * @throws ShapeError, DTypeError or OptionError before anything is computed.
 */
export function dilatedConv2dTranspose(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  options: DilatedConvTransposeOptions = {},
): tf.Tensor4D {
  const [height, width] = plan('dilatedConv2dTranspose', x, filter, 2, options) as [Axis, Axis];
  const inputShape = [x.shape[0], height.input, width.input, filter.shape[2]] as const;
  return conv2dInputGradient({ dy: x, filter }, { ...planeAttributes(height, width), inputShape });
}

/**
 * The transposed 3-D dilated convolution: d<conv(z), x>/dz for z of the output's shape.
 *
 * @param x float32 [batch, depth, height, width, inChannels].
 * @param filter float32 [planes, rows, columns, outChannels, inChannels].
 * @returns float32 [batch, ...outputSize, outChannels], differentiable twice. The caller disposes it.
 */
export function dilatedConv3dTranspose(
  x: tf.Tensor5D,
  filter: tf.Tensor5D,
  options: DilatedConvTransposeOptions = {},
): tf.Tensor5D {
  const axes = plan('dilatedConv3dTranspose', x, filter, 3, options) as [Axis, Axis, Axis];
  const [depth, height, width] = axes;
  const sizes = axes.map(({ input }) => input) as [number, number, number];
  const inputShape = [x.shape[0], ...sizes, filter.shape[3]] as const;
  return inputGradient3d({ dy: x, filter }, { depth, plane: planeAttributes(height, width), inputShape });
}

/** The axes of the forward convolution, from outputSize to x. */
function plan(
  name: string,
  x: tf.Tensor,
  filter: tf.Tensor,
  spatial: number,
  options: DilatedConvTransposeOptions,
): Axis[] {
  checkTensors(name, x, filter, spatial, 'outChannels, inChannels');
  const channels = x.shape[x.rank - 1]!;
  if (filter.shape[spatial + 1] !== channels) {
    throw new ShapeError(
      `${name}: filter must have ${channels} input channels (its last axis), those of x, got ${formatShape(filter.shape)}.`,
    );
  }
  const sizes = x.shape.slice(1, -1);
  const kernels = filter.shape.slice(0, spatial);
  const outputs =
    options.outputSize === undefined
      ? defaultSizes(name, sizes, kernels, options)
      : perAxis(name, 'outputSize', options.outputSize, spatial);
  const axes = planAxes(name, outputs, kernels, options, ['outputSize']);
  if (axes.some(({ output }, axis) => output !== sizes[axis])) {
    const got = axes.map(({ output }) => output);
    throw new OptionError(
      `${name}: outputSize must be one whose convolution has x's size ${formatShape(sizes)}, got ${formatValue(outputs)}, which gives ${formatShape(got)}.`,
    );
  }
  return axes;
}

function defaultSizes(
  name: string,
  sizes: readonly number[],
  kernels: readonly number[],
  { strides, dilationRate, padding = 'valid' }: DilatedConvOptions,
): number[] {
  const spatial = sizes.length;
  const steps = perAxis(name, 'strides', strides, spatial);
  const rates = perAxis(name, 'dilationRate', dilationRate, spatial);
  return sizes.map((size, axis) => {
    const rule = axisRule(padding, axis);
    if (rule === 'same' || rule === 'causal') return size * steps[axis]!;
    const zeros = typeof rule === 'number' ? 2 * rule : Array.isArray(rule) ? rule[0] + rule[1] : 0;
    return (size - 1) * steps[axis]! + (kernels[axis]! - 1) * rates[axis]! + 1 - zeros;
  });
}

const axisRule = (padding: Padding, axis: number) =>
  Array.isArray(padding) ? padding[axis] : (padding as Exclude<Padding, readonly unknown[]>);
