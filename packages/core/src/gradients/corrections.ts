/** Gradients that tfjs has wrong, slow, or refuses, in the form of its own gradient registry. */
import * as tf from '@tensorflow/tfjs-core';
import { einsumGradient } from '../einsum';
import { conv2dFilterGradient, conv2dInputGradient } from './conv2d';
import { depthwiseFilterGradient, depthwiseInputGradient } from './depthwise';
import { convAttributes, type TfjsConvAttributes } from './geometry';
import { reluGradient } from './relu';

/** conv2d (and conv1d, which is built on it): any dilation; both gradients can be differentiated again. */
const conv2d: tf.GradConfig = {
  kernelName: 'Conv2D',
  inputsToSave: ['x', 'filter'],
  gradFunc: (dy, saved, attrs) => {
    const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
    const { dataFormat = 'NHWC', ...rest } = attrs as unknown as TfjsConvAttributes;
    const attributes = convAttributes(rest);
    const last = (t: tf.Tensor) => (dataFormat === 'NCHW' ? tf.transpose(t, [0, 2, 3, 1]) : t) as tf.Tensor4D;
    const first = (t: tf.Tensor) => (dataFormat === 'NCHW' ? tf.transpose(t, [0, 3, 1, 2]) : t);
    return {
      x: () => {
        const inputShape = dataFormat === 'NCHW' ? permuted(x.shape) : x.shape;
        return first(
          conv2dInputGradient({ dy: last(dy as tf.Tensor), filter }, { ...attributes, inputShape }),
        );
      },
      filter: () =>
        conv2dFilterGradient(
          { x: last(x), dy: last(dy as tf.Tensor) },
          { ...attributes, filterShape: filter.shape },
        ),
    };
  },
};

/** depthwiseConv2d and separableConv2d: any dilation; both gradients can be differentiated again. */
const depthwiseConv2d: tf.GradConfig = {
  kernelName: 'DepthwiseConv2dNative',
  inputsToSave: ['x', 'filter'],
  gradFunc: (dy, saved, attrs) => {
    const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
    const attributes = convAttributes(attrs as unknown as TfjsConvAttributes);
    const dy4d = dy as tf.Tensor4D;
    return {
      x: () => depthwiseInputGradient({ dy: dy4d, filter }, { ...attributes, inputShape: x.shape }),
      filter: () => depthwiseFilterGradient({ x, dy: dy4d }, { ...attributes, filterShape: filter.shape }),
    };
  },
};

/** cumsum: tfjs transposes the result once too often unless the axis is the last. */
const cumsum: tf.GradConfig = {
  kernelName: 'Cumsum',
  gradFunc: (dy, _saved, attrs) => {
    const { axis, exclusive, reverse } = attrs as unknown as {
      axis: number;
      exclusive: boolean;
      reverse: boolean;
    };
    return { x: () => tf.cumsum(dy as tf.Tensor, axis, exclusive, !reverse) };
  },
};

export const corrections: readonly tf.GradConfig[] = [
  conv2d,
  depthwiseConv2d,
  cumsum,
  einsumGradient,
  reluGradient,
];

const permuted = ([n, c, h, w]: [number, number, number, number]): [number, number, number, number] => [
  n,
  h,
  w,
  c,
];
