/** From the axes of a convolution to what core's 2-D ops take; 1-D runs as 2-D of height 1. */
import * as tf from '@tensorflow/tfjs-core';
import type { ConvAttributes } from '@tfkit/core/convolution';
import { type Axis, zerosAround } from '../plan';

/** Strides, dilations and padding of two axes. */
export function planeAttributes(height: Axis, width: Axis): ConvAttributes {
  return {
    strides: [height.stride, width.stride],
    dilations: [height.dilation, width.dilation],
    pad: padOf(height, width),
  };
}

/** A word where one says it: TensorFlow copies its input into a larger one for explicit padding. */
function padOf(height: Axis, width: Axis): ConvAttributes['pad'] {
  const axes = [height, width];
  if (axes.every(({ before, after }) => before === 0 && after === 0)) return 'valid';
  const isSame = ({ input, kernel, stride, dilation, before, after }: Axis) => {
    const [sameBefore, sameAfter] = zerosAround('same', input, (kernel - 1) * dilation + 1, stride);
    return before === sameBefore && after === sameAfter;
  };
  if (axes.every(isSame)) return 'same';
  return [
    [0, 0],
    [height.before, height.after],
    [width.before, width.after],
    [0, 0],
  ];
}

/** The height of a 1-D convolution. */
export const flatAxis: Axis = {
  input: 1,
  output: 1,
  kernel: 1,
  stride: 1,
  dilation: 1,
  before: 0,
  after: 0,
};

/** [batch, width, channels] as [batch, 1, width, channels]. */
export function asPlane(x: tf.Tensor): tf.Tensor4D {
  const [batch, width, channels] = x.shape as [number, number, number];
  return tf.reshape(x, [batch, 1, width, channels]);
}

/** [width, inputs, outputs] as [1, width, inputs, outputs]. */
export function asPlaneFilter(filter: tf.Tensor): tf.Tensor4D {
  return tf.reshape(filter, [1, ...(filter.shape as [number, number, number])]);
}

/** [batch, 1, width, channels] as [batch, width, channels]. */
export function fromPlane(y: tf.Tensor4D): tf.Tensor3D {
  const [batch, , width, channels] = y.shape;
  return tf.reshape(y, [batch, width, channels]);
}
