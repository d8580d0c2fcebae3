/** Dilated depthwise convolutions: every input channel has filters of its own. */
import * as tf from '@tensorflow/tfjs-core';
import { formatShape, ShapeError } from '@tfkit/core';
import { depthwiseConvolution2d } from '@tfkit/core/convolution';
import { type Axis, checkTensors, type DilatedConvOptions, planAxes } from '../plan';
import { asPlane, asPlaneFilter, flatAxis, fromPlane, planeAttributes } from './plane';

/**
 * A 1-D dilated depthwise convolution.
 *
 * @param x float32 [batch, width, channels].
 * @param filter float32 [taps, channels, multiplier].
 * @returns float32 [batch, outWidth, channels * multiplier]: output c * multiplier + m belongs to input channel c.
 * @throws ShapeError, DTypeError or OptionError before anything is computed.
 */
export function dilatedDepthwiseConv1d(
  x: tf.Tensor3D,
  filter: tf.Tensor3D,
  options: DilatedConvOptions = {},
): tf.Tensor3D {
  const axes = plan('dilatedDepthwiseConv1d', x, filter, 1, options);
  const attributes = planeAttributes(flatAxis, axes[0]!);
  return tf.tidy(() =>
    fromPlane(depthwiseConvolution2d({ x: asPlane(x), filter: asPlaneFilter(filter) }, attributes)),
  );
}

/**
 * A 2-D dilated depthwise convolution. With stride and dilation above 1 it is the true one (`tf.nn.depthwise_conv2d`
 * only warns there and gives other numbers).
 *
 * @param x float32 [batch, height, width, channels].
 * @param filter float32 [rows, columns, channels, multiplier]; from PyTorch by `fromTorchDepthwiseFilter`.
 * @returns float32 [batch, outHeight, outWidth, channels * multiplier], differentiable twice: output c * multiplier + m
 * belongs to input channel c. The caller disposes it.
 * @throws ShapeError, DTypeError or OptionError before anything is computed.
 */
export function dilatedDepthwiseConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  options: DilatedConvOptions = {},
): tf.Tensor4D {
  const axes = plan('dilatedDepthwiseConv2d', x, filter, 2, options);
  return depthwiseConvolution2d({ x, filter }, planeAttributes(...(axes as [Axis, Axis])));
}

function plan(
  name: string,
  x: tf.Tensor,
  filter: tf.Tensor,
  spatial: number,
  options: DilatedConvOptions,
): Axis[] {
  checkTensors(name, x, filter, spatial, 'channels, multiplier');
  const channels = x.shape[x.rank - 1]!;
  if (filter.shape[spatial] !== channels) {
    throw new ShapeError(
      `${name}: filter must have ${channels} channels, those of x, got ${formatShape(filter.shape)}.`,
    );
  }
  return planAxes(name, x.shape.slice(1, -1), filter.shape.slice(0, -2), options);
}
