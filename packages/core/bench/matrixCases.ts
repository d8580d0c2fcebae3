/** The rows of the matrix: ops that training needs, each with its mathematics in float64. */
import * as tf from '@tensorflow/tfjs-core';
import { type ConvCase, conv2d, convGradients, cumsum, depthwiseConv2d, einsum } from '../test/references';

export interface MatrixCase {
  readonly shapes: readonly number[][];
  readonly op: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly reference: (...inputs: Float64Array[]) => ArrayLike<number>;
}

/** Each row at a size: 1 to compare values with the reference, larger to time. */
export const matrixCases: Record<string, (size: number) => MatrixCase> = {
  'conv1d, dilation 2': conv1d,
  conv2d: (size) => convolution(size, 1),
  'conv2d, dilation 2': (size) => convolution(size, 2),
  depthwiseConv2d: (size) => depthwise(size, 1),
  'depthwiseConv2d, dilation 2': (size) => depthwise(size, 2),
  'separableConv2d, dilation 2': separable,
  gather: gather,
  unsortedSegmentSum: segmentSum,
  'einsum ij,jk->ik': (size) => product('ij,jk->ik', [4 * size, 3 * size], [3 * size, 5 * size]),
  'einsum ij,k->k': (size) => product('ij,k->k', [4 * size, 3 * size], [5 * size]),
  'cumsum along axis 0': (size) => runningSum([4 * size, 3 * size], 0),
  'cumsum reversed, of two lengths': reversedSums,
  'matMul, first operand transposed': (size) => transposedMatMul(size, true),
  'matMul, second operand transposed': (size) => transposedMatMul(size, false),
  'second derivative of conv2d': (size) => derivative(size, 1),
  'second derivative of conv2d, dilation 2': (size) => derivative(size, 2),
};

const convCase = (size: number, dilation: number): ConvCase => ({
  x: [1, 6 * size, 5 * size, 2 * size],
  filter: [3, 3, 2 * size, 2 * size],
  stride: 1,
  dilation,
  pad: 'same',
});

const runConv = (x: tf.Tensor, filter: tf.Tensor, { dilation }: ConvCase) =>
  tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', dilation);

function convolution(size: number, dilation: number): MatrixCase {
  const c = convCase(size, dilation);
  return {
    shapes: [c.x, c.filter],
    op: (x, filter) => runConv(x!, filter!, c),
    reference: (x, filter) => conv2d(x!, filter!, c),
  };
}

/** A conv2d of height 1. */
function conv1d(size: number): MatrixCase {
  const [width, channels] = [8 * size, 2 * size];
  const c: ConvCase = {
    x: [2, 1, width, channels],
    filter: [1, 3, channels, channels],
    stride: 1,
    dilation: 2,
    pad: 'same',
  };
  return {
    shapes: [
      [2, width, channels],
      [3, channels, channels],
    ],
    op: (x, filter) => tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, 1, 'same', 'NWC', 2),
    reference: (x, filter) => conv2d(x!, filter!, c),
  };
}

const depthwiseCase = (size: number, dilation: number): ConvCase => ({
  ...convCase(size, dilation),
  filter: [3, 3, 2 * size, 1],
});

function depthwise(size: number, dilation: number): MatrixCase {
  const c = depthwiseCase(size, dilation);
  return {
    shapes: [c.x, c.filter],
    op: (x, filter) =>
      tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', dilation),
    reference: (x, filter) => depthwiseConv2d(x!, filter!, c),
  };
}

function separable(size: number): MatrixCase {
  const c = depthwiseCase(size, 2);
  const pointwise: ConvCase = { ...c, filter: [1, 1, 2 * size, 3 * size], dilation: 1 };
  return {
    shapes: [c.x, c.filter, pointwise.filter],
    op: (x, depth, point) =>
      tf.separableConv2d(x as tf.Tensor4D, depth as tf.Tensor4D, point as tf.Tensor4D, 1, 'same', [2, 2]),
    reference: (x, depth, point) => conv2d(depthwiseConv2d(x!, depth!, c), point!, pointwise),
  };
}

function gather(size: number): MatrixCase {
  const [rows, columns] = [4 * size, 3 * size];
  const ids = Int32Array.from({ length: 6 * size }, (_, i) => (i * 7 + 2) % rows);
  return {
    shapes: [[rows, columns]],
    op: (x) => tf.gather(x!, tf.tensor1d(ids, 'int32')),
    reference: (x) => [...ids].flatMap((row) => [...x!.subarray(row * columns, (row + 1) * columns)]),
  };
}

function segmentSum(size: number): MatrixCase {
  const [rows, columns, segments] = [6 * size, 3 * size, 4 * size];
  const ids = Int32Array.from({ length: rows }, (_, i) => (i * 7 + 2) % segments);
  return {
    shapes: [[rows, columns]],
    op: (x) => tf.unsortedSegmentSum(x!, tf.tensor1d(ids, 'int32'), segments),
    reference: (x) => {
      const y = new Float64Array(segments * columns);
      for (let at = 0; at < x!.length; at++) {
        y[ids[Math.floor(at / columns)]! * columns + (at % columns)]! += x![at]!;
      }
      return y;
    },
  };
}

function product(equation: string, a: number[], b: number[]): MatrixCase {
  return {
    shapes: [a, b],
    op: (x, y) => tf.einsum(equation, x!, y!),
    reference: (x, y) => einsum(equation, [x!, y!], [a, b]),
  };
}

function runningSum(shape: number[], axis: number): MatrixCase {
  return {
    shapes: [shape],
    op: (x) => tf.cumsum(x!, axis),
    reference: (x) => cumsum(x!, shape, axis, false, false),
  };
}

/** One after the other: a backend that keeps a program by shape alone may mistake one length for the other. */
function reversedSums(size: number): MatrixCase {
  const shapes = [[5 * size], [7 * size]];
  return {
    shapes,
    op: (...xs) => tf.concat(xs.map((x) => tf.cumsum(x, 0, false, true))),
    reference: (...xs) => xs.flatMap((x, i) => [...cumsum(x, shapes[i]!, 0, false, true)]),
  };
}

function transposedMatMul(size: number, first: boolean): MatrixCase {
  const [rows, inner, columns] = [4 * size, 3 * size, 5 * size];
  const a = first ? [inner, rows] : [rows, inner];
  const b = first ? [inner, columns] : [columns, inner];
  const equation = first ? 'ji,jk->ik' : 'ij,kj->ik';
  return {
    shapes: [a, b],
    op: (x, y) => tf.matMul(x!, y!, first, !first),
    reference: (x, y) => einsum(equation, [x!, y!], [a, b]),
  };
}

/** d/dx of sum(conv2d(x, filter)^2), itself to be differentiated. */
function derivative(size: number, dilation: number): MatrixCase {
  const c = convCase(size, dilation);
  return {
    shapes: [c.x, c.filter],
    op: (x, filter) => tf.grad((z) => tf.sum(tf.square(runConv(z, filter!, c))))(x!),
    reference: (x, filter) => {
      const dy = conv2d(x!, filter!, c).map((value) => 2 * value);
      return convGradients(x!, filter!, dy, c).x;
    },
  };
}
