/**
 * A depthwise 2-D convolution for any stride and dilation and its gradients, each other's derivatives. Filter
 * [kh, kw, c, m]; output channel c * m + k belongs to input channel c.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp, type Op } from '../op';
import {
  allOnes,
  axesOf,
  type ConvAttributes,
  flippedMargins,
  geometryOf,
  padded,
  padOrCrop,
  stuffZeros,
  tap,
} from './geometry';

/** Attributes of the gradient to a depthwise convolution's input, whose shape the other inputs do not tell. */
export interface DepthwiseInputGradientAttributes extends ConvAttributes {
  readonly inputShape: readonly [number, number, number, number];
}

/** Attributes of the gradient to a depthwise filter, whose shape the other inputs do not tell. */
export interface DepthwiseFilterGradientAttributes extends ConvAttributes {
  readonly filterShape: readonly [number, number, number, number];
}

type ConvolutionInputs = { x: tf.Tensor4D; filter: tf.Tensor4D };
type InputGradientInputs = { dy: tf.Tensor4D; filter: tf.Tensor4D };
type FilterGradientInputs = { x: tf.Tensor4D; dy: tf.Tensor4D };

/** y [n, oh, ow, c * m] from x [n, h, w, c] and the filter. Stride and dilation may both exceed 1. */
export const depthwiseConvolution2d: Op<ConvolutionInputs, ConvAttributes, tf.Tensor4D> =
  /* @__PURE__ */ defineOp({
    name: 'TfkitDepthwiseConv2d',
    forward: ({ x, filter }, attributes) => {
      const { strides, dilations, pad } = attributes;
      if (!allOnes(strides) && !allOnes(dilations)) return productPerTap({ x, filter }, attributes);
      const attrs = { strides, dilations, pad, dataFormat: 'NHWC' } as unknown as tf.NamedAttrMap;
      return tf.engine().runKernel('DepthwiseConv2dNative', { x, filter }, attrs) as tf.Tensor4D;
    },
    gradient: (dy, { inputs: { x, filter } }, attributes) => ({
      x: () => depthwiseInputGradient({ dy, filter }, { ...geometryOf(attributes), inputShape: x.shape }),
      filter: () =>
        depthwiseFilterGradient({ x, dy }, { ...geometryOf(attributes), filterShape: filter.shape }),
    }),
  });

/** dx [n, h, w, c] from dy [n, oh, ow, c * m] and the filter. */
export const depthwiseInputGradient: Op<InputGradientInputs, DepthwiseInputGradientAttributes, tf.Tensor4D> =
  /* @__PURE__ */ defineOp({
    name: 'TfkitDepthwiseConv2dBackpropInput',
    forward: (inputs, attributes) => {
      const stock = stockKernel('DepthwiseConv2dNativeBackpropInput', inputs, attributes, {
        inputShape: attributes.inputShape,
      });
      return stock ?? flippedDepthwise(inputs, attributes);
    },
    gradient: (dz, { inputs: { dy, filter } }, attributes) => ({
      dy: () => depthwiseConvolution2d({ x: dz, filter }, geometryOf(attributes)),
      filter: () =>
        depthwiseFilterGradient({ x: dz, dy }, { ...geometryOf(attributes), filterShape: filter.shape }),
    }),
  });

/** dFilter [kh, kw, c, m] from x [n, h, w, c] and dy [n, oh, ow, c * m]. */
export const depthwiseFilterGradient: Op<
  FilterGradientInputs,
  DepthwiseFilterGradientAttributes,
  tf.Tensor4D
> = /* @__PURE__ */ defineOp({
  name: 'TfkitDepthwiseConv2dBackpropFilter',
  forward: (inputs, attributes) => {
    const stock = stockKernel('DepthwiseConv2dNativeBackpropFilter', inputs, attributes, {
      filterShape: attributes.filterShape,
    });
    return stock ?? sumPerTap(inputs, attributes);
  },
  gradient: (dz, { inputs: { x, dy } }, attributes) => ({
    x: () => depthwiseInputGradient({ dy, filter: dz }, { ...geometryOf(attributes), inputShape: x.shape }),
    dy: () => depthwiseConvolution2d({ x, filter: dz }, geometryOf(attributes)),
  }),
});

function stockKernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  { strides, dilations, pad }: ConvAttributes,
  shape: Record<string, unknown>,
): tf.Tensor4D | undefined {
  if (!allOnes(dilations) || !tf.getKernel(name, tf.getBackend())) return undefined;
  const attributes = { strides, dilations, pad, ...shape } as unknown as tf.NamedAttrMap;
  return tf.engine().runKernel(name, inputs, attributes) as tf.Tensor4D;
}

/** dx by the forward kernel on the flipped filter, channel by channel, then summed over each channel's multiplier. */
export function flippedDepthwise(
  { dy, filter }: InputGradientInputs,
  a: DepthwiseInputGradientAttributes,
): tf.Tensor4D {
  const [kh, kw, c, m] = filter.shape;
  const axes = axesOf(a.inputShape, filter.shape, a);
  const stuffed = stuffZeros(dy, axes);
  const flipped = tf.reshape(tf.reverse(filter, [0, 1]), [kh, kw, c * m, 1]) as tf.Tensor4D;
  const perOutput = tf.depthwiseConv2d(
    padOrCrop(stuffed, flippedMargins(axes, stuffed.shape)),
    flipped,
    1,
    'valid',
    'NHWC',
    a.dilations as [number, number],
  );
  return m === 1 ? perOutput : tf.reshape(tf.sum(tf.reshape(perOutput, [-1, m]), 1), [...a.inputShape]);
}

/** y as one product x * filter a tap, for what the backends' depthwise kernels refuse: stride with dilation. */
function productPerTap({ x, filter }: ConvolutionInputs, attributes: ConvAttributes): tf.Tensor4D {
  const [kh, kw, c, m] = filter.shape;
  const axes = axesOf(x.shape, filter.shape, attributes);
  const xp = padded(x, axes);
  const taps: tf.Tensor[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const weights = tf.slice(filter, [i, j, 0, 0], [1, 1, c, m]);
      taps.push(tf.mul(tf.reshape(tap(xp, axes, i, j), [-1, c, 1]), tf.reshape(weights, [1, c, m])));
    }
  }
  return tf.reshape(tf.addN(taps), [x.shape[0], axes[0].output, axes[1].output, c * m]);
}

/** dFilter as one sum over positions of x * dy a tap. */
export function sumPerTap(
  { x, dy }: FilterGradientInputs,
  a: DepthwiseFilterGradientAttributes,
): tf.Tensor4D {
  const [kh, kw, c, m] = a.filterShape;
  const axes = axesOf(x.shape, a.filterShape, a);
  const xp = padded(x, axes);
  const dyFlat = tf.reshape(dy, [-1, c, m]);
  const taps: tf.Tensor[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      taps.push(tf.sum(tf.mul(tf.reshape(tap(xp, axes, i, j), [-1, c, 1]), dyFlat), 0));
    }
  }
  return tf.reshape(tf.stack(taps), [kh, kw, c, m]);
}
