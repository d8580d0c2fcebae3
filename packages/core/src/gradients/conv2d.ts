/**
 * A 2-D convolution for any stride and dilation and its gradients, three ops that are each other's derivatives.
 *
 * To the input: the forward convolution of dy (with stride - 1 zeros between its rows) with the flipped filter, since
 * every backend has a dilated forward kernel. To the filter: one matrix product a tap, or whatever kernel of the name
 * `TfkitConv2DBackpropFilter` a backend has. tfjs' own kernels are used where the dilation is 1 and they exist.
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

/** Attributes of the gradient to a convolution's input, whose shape the other inputs do not tell. */
export interface InputGradientAttributes extends ConvAttributes {
  readonly inputShape: readonly [number, number, number, number];
}

/** Attributes of the gradient to a filter, whose shape the other inputs do not tell. */
export interface FilterGradientAttributes extends ConvAttributes {
  readonly filterShape: readonly [number, number, number, number];
}

type ConvolutionInputs = { x: tf.Tensor4D; filter: tf.Tensor4D };
type InputGradientInputs = { dy: tf.Tensor4D; filter: tf.Tensor4D };
type FilterGradientInputs = { x: tf.Tensor4D; dy: tf.Tensor4D };

/**
 * y [n, oh, ow, cOut] from x [n, h, w, cIn] and the filter [kh, kw, cIn, cOut]. `tf.conv2d` runs the same kernel, but
 * refuses stride with dilation, which the kernels of every backend can do.
 */
export const convolution2d: Op<ConvolutionInputs, ConvAttributes, tf.Tensor4D> = /* @__PURE__ */ defineOp({
  name: 'TfkitConv2D',
  forward: ({ x, filter }, attributes) =>
    tf.engine().runKernel('Conv2D', { x, filter }, attrs(attributes, {})) as tf.Tensor4D,
  gradient: (dy, { inputs: { x, filter } }, attributes) => ({
    x: () => conv2dInputGradient({ dy, filter }, { ...geometryOf(attributes), inputShape: x.shape }),
    filter: () => conv2dFilterGradient({ x, dy }, { ...geometryOf(attributes), filterShape: filter.shape }),
  }),
});

/** dx [n, h, w, cIn] from dy [n, oh, ow, cOut] and the filter [kh, kw, cIn, cOut]. */
export const conv2dInputGradient: Op<InputGradientInputs, InputGradientAttributes, tf.Tensor4D> =
  /* @__PURE__ */ defineOp({
    name: 'TfkitConv2DBackpropInput',
    forward: (inputs, attributes) =>
      stockInputGradient(inputs, attributes) ?? flippedConv(inputs, attributes),
    gradient: (dz, { inputs: { dy, filter } }, attributes) => ({
      dy: () => convolution2d({ x: dz, filter }, geometryOf(attributes)),
      filter: () =>
        conv2dFilterGradient({ x: dz, dy }, { ...geometryOf(attributes), filterShape: filter.shape }),
    }),
  });

/** dFilter [kh, kw, cIn, cOut] from x [n, h, w, cIn] and dy [n, oh, ow, cOut]. */
export const conv2dFilterGradient: Op<FilterGradientInputs, FilterGradientAttributes, tf.Tensor4D> =
  /* @__PURE__ */ defineOp({
    name: 'TfkitConv2DBackpropFilter',
    forward: (inputs, attributes) =>
      stockFilterGradient(inputs, attributes) ?? matMulPerTap(inputs, attributes),
    gradient: (dz, { inputs: { x, dy } }, attributes) => ({
      x: () => conv2dInputGradient({ dy, filter: dz }, { ...geometryOf(attributes), inputShape: x.shape }),
      dy: () => convolution2d({ x, filter: dz }, geometryOf(attributes)),
    }),
  });

const attrs = ({ strides, dilations, pad }: ConvAttributes, shape: Record<string, unknown>) =>
  ({ strides, dilations, pad, dataFormat: 'NHWC', ...shape }) as unknown as tf.NamedAttrMap;

function stockInputGradient({ dy, filter }: InputGradientInputs, a: InputGradientAttributes) {
  const name = 'Conv2DBackpropInput';
  if (!allOnes(a.dilations) || !tf.getKernel(name, tf.getBackend())) return undefined;
  return tf.engine().runKernel(name, { dy, filter }, attrs(a, { inputShape: a.inputShape })) as tf.Tensor4D;
}

function stockFilterGradient({ x, dy }: FilterGradientInputs, a: FilterGradientAttributes) {
  const name = 'Conv2DBackpropFilter';
  if (!allOnes(a.dilations) || !tf.getKernel(name, tf.getBackend())) return undefined;
  return tf.engine().runKernel(name, { x, dy }, attrs(a, { filterShape: a.filterShape })) as tf.Tensor4D;
}

/** dx by the forward kernel on the flipped filter. */
export function flippedConv({ dy, filter }: InputGradientInputs, a: InputGradientAttributes): tf.Tensor4D {
  const axes = axesOf(a.inputShape, filter.shape, a);
  const stuffed = stuffZeros(dy, axes);
  const flipped = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
  return tf.conv2d(
    padOrCrop(stuffed, flippedMargins(axes, stuffed.shape)),
    flipped,
    1,
    'valid',
    'NHWC',
    a.dilations as [number, number],
  );
}

/** dFilter as one product [cIn, positions] x [positions, cOut] a tap. */
export function matMulPerTap({ x, dy }: FilterGradientInputs, a: FilterGradientAttributes): tf.Tensor4D {
  const [kh, kw, cIn, cOut] = a.filterShape;
  const axes = axesOf(x.shape, a.filterShape, a);
  const xp = padded(x, axes);
  const dyFlat = tf.reshape(dy, [-1, cOut]);
  const taps: tf.Tensor[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      // A tidy each: else the taps, each as large as x, are all there at the end.
      taps.push(tf.tidy(() => tf.matMul(tf.reshape(tap(xp, axes, i, j), [-1, cIn]), dyFlat, true)));
    }
  }
  return tf.reshape(tf.concat(taps), [kh, kw, cIn, cOut]);
}

/**
 * dFilter as one convolution whose batch is x's channels and whose filter is dy: the dilation becomes the stride and
 * the stride the dilation. Undefined where both exceed 1, which tfjs' convolution refuses. Right for wasm, whose
 * product with a transposed operand is slow.
 */
export function convAsFilterGradient({ x, dy }: FilterGradientInputs, a: FilterGradientAttributes) {
  if (!allOnes(a.dilations) && !allOnes(a.strides)) return undefined;
  const [kh, kw, cIn, cOut] = a.filterShape;
  const axes = axesOf(x.shape, a.filterShape, a);
  const correlation = tf.conv2d(
    tf.transpose(padded(x, axes), [3, 1, 2, 0]) as tf.Tensor4D,
    tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D,
    a.dilations as [number, number],
    'valid',
    'NHWC',
    a.strides as [number, number],
  );
  // Rows that the last stride left unread give correlations beyond the kernel.
  const kernel = tf.slice(correlation, [0, 0, 0, 0], [cIn, kh, kw, cOut]);
  return tf.transpose(kernel, [1, 2, 0, 3]) as tf.Tensor4D;
}
