/** The numbers that a 2-D convolution and its gradients share, from tfjs' attributes or from a package's own. */
import * as tf from '@tensorflow/tfjs-core';

/** Padding as tfjs' convolutions take it. */
export type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

/** An NHWC convolution. Stride and dilation may both exceed 1, which tfjs' own ops refuse. */
export interface ConvAttributes extends Record<string, unknown> {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pad: Pad;
}

/** A convolution as tfjs' kernels are told of it. */
export interface TfjsConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: Pad;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: number | [number, number] | null;
}

export function convAttributes({
  strides,
  dilations,
  pad,
}: Omit<TfjsConvAttributes, 'dataFormat'>): ConvAttributes {
  return { strides: pair(strides), dilations: pair(dilations ?? 1), pad };
}

const pair = (value: number | [number, number]): [number, number] =>
  typeof value === 'number' ? [value, value] : value;

export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the first row (or column). */
  readonly before: number;
  readonly after: number;
}

/** Height and width of a convolution of `xShape` [n, h, w, c] with a filter [kh, kw, ...]. */
export function axesOf(
  xShape: readonly number[],
  filterShape: readonly number[],
  { strides, dilations, pad }: ConvAttributes,
): readonly [Axis, Axis] {
  const info = tf.backend_util.computeConv2DInfo(
    xShape as [number, number, number, number],
    // Only the spatial part matters here, and a depthwise filter has another meaning behind it.
    [filterShape[0]!, filterShape[1]!, xShape[3]!, 1],
    strides as [number, number],
    dilations as [number, number],
    pad,
  );
  const { top, bottom, left, right } = info.padInfo;
  return [
    {
      input: xShape[1]!,
      output: info.outHeight,
      kernel: filterShape[0]!,
      stride: strides[0],
      dilation: dilations[0],
      before: top,
      after: bottom,
    },
    {
      input: xShape[2]!,
      output: info.outWidth,
      kernel: filterShape[1]!,
      stride: strides[1],
      dilation: dilations[1],
      before: left,
      after: right,
    },
  ];
}

export const allOnes = (values: readonly number[]): boolean => values.every((value) => value === 1);

/**
 * What to pad (or crop, where negative) around the zero-stuffed dy so that a 'valid' convolution with the flipped filter
 * gives the gradient to the input: rows that the forward convolution never read get the margin's zeros.
 */
export function flippedMargins(
  axes: readonly [Axis, Axis],
  stuffedShape: readonly number[],
): (readonly [number, number])[] {
  return axes.map(({ dilation, kernel, before, input }, index) => {
    const extent = dilation * (kernel - 1);
    return [extent - before, input + before - stuffedShape[1 + index]!];
  });
}

/** Stride, dilation and padding alone, without the shapes that ops add to them. */
export const geometryOf = ({ strides, dilations, pad }: ConvAttributes): ConvAttributes => ({
  strides,
  dilations,
  pad,
});

/** Pads (positive) or crops (negative) height and width: `[[before, after], [before, after]]`. */
export function padOrCrop(x: tf.Tensor4D, [h, w]: readonly (readonly [number, number])[]): tf.Tensor4D {
  const [n, height, width, c] = x.shape;
  const [hb, ha] = h!;
  const [wb, wa] = w!;
  const cut = (value: number) => Math.max(0, -value);
  let y = x;
  if (Math.min(hb, ha, wb, wa) < 0) {
    const size = [n, height - cut(hb) - cut(ha), width - cut(wb) - cut(wa), c];
    y = tf.slice(y, [0, cut(hb), cut(wb), 0], size as [number, number, number, number]);
  }
  if (Math.max(hb, ha, wb, wa) > 0) {
    const grow = (value: number) => Math.max(0, value);
    y = tf.pad(y, [
      [0, 0],
      [grow(hb), grow(ha)],
      [grow(wb), grow(wa)],
      [0, 0],
    ]);
  }
  return y;
}

/** x with its own padding made explicit: what a 'valid' convolution of the same stride and dilation reads. */
export function padded(x: tf.Tensor4D, [h, w]: readonly [Axis, Axis]): tf.Tensor4D {
  return padOrCrop(x, [
    [h.before, h.after],
    [w.before, w.after],
  ]);
}

/**
 * The part of a padded input that filter tap (i, j) meets: rows i * dilation, i * dilation + stride, ... as many as
 * there are outputs.
 */
export function tap(xp: tf.Tensor4D, [h, w]: readonly [Axis, Axis], i: number, j: number): tf.Tensor4D {
  const [n, , , c] = xp.shape;
  const span = ({ output, stride }: Axis) => (output - 1) * stride + 1;
  const begin = [0, i * h.dilation, j * w.dilation, 0];
  if (h.stride === 1 && w.stride === 1) {
    return tf.slice(xp, begin as [number, number, number, number], [n, h.output, w.output, c]);
  }
  const end = [n, begin[1]! + span(h), begin[2]! + span(w), c];
  return tf.stridedSlice(xp, begin, end, [1, h.stride, w.stride, 1]) as tf.Tensor4D;
}

/** dy with stride - 1 zeros behind every row and column: the transposed view of a strided convolution. */
export function stuffZeros(dy: tf.Tensor4D, [h, w]: readonly [Axis, Axis]): tf.Tensor4D {
  const [n, rows, columns, c] = dy.shape;
  let y: tf.Tensor = dy;
  if (h.stride > 1) {
    y = behind(tf.reshape(y, [n * rows, 1, columns * c]), h.stride - 1);
  }
  if (w.stride > 1) {
    y = behind(tf.reshape(y, [n * rows * h.stride * columns, 1, c]), w.stride - 1);
  }
  return tf.reshape(y, [n, rows * h.stride, columns * w.stride, c]);
}

const behind = (x: tf.Tensor, zeros: number) =>
  tf.pad(x, [
    [0, 0],
    [0, zeros],
    [0, 0],
  ]);
