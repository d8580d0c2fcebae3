/**
 * What is linear and treats rows and columns apart: averages of bins, RoIAlign, bilinear resizing. One op with a matrix
 * for each axis: y[r] = A[r] x[image[r]] B[r]^T, channel by channel.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp, type FastKernel, type Op } from '@tfkit/core/tfjs';
import * as wasm from '../kernels/wasm';
import * as loops from '../loops/separable';
import { floats, ints } from './host';

export type SeparableInputs = {
  /** float32 [images, height, width, channels]. */
  x: tf.Tensor;
  /** float32 [regions, rows, height], or [1, rows, height] for all regions. */
  a: tf.Tensor;
  /** float32 [regions, columns, width], or [1, columns, width]. */
  b: tf.Tensor;
  /** int32 [regions]: the image of each. */
  images: tf.Tensor;
};

type Attributes = {
  /** The regions are the images, in order. */
  readonly whole: boolean;
};

type BackpropInputs = { dy: tf.Tensor; a: tf.Tensor; b: tf.Tensor; images: tf.Tensor };
type BackpropAttributes = Attributes & { readonly count: number };

type Shape4 = [number, number, number, number];

/** Elements of an intermediate result of the compositions: regions are taken in groups that stay below. */
const groupElements = 1 << 24;

/** y [regions, rows, columns, channels]. No gradient to the matrices: boxes are constants, as in torchvision. */
export const separable: Op<SeparableInputs, Attributes, tf.Tensor> = defineOp({
  name: 'SppSeparable',
  forward: composed,
  kernels: { wasm: wasm.separable, cpu: onHost },
  reads: ['a', 'b', 'images'],
  gradient: (dy, { inputs: { x, a, b, images } }, { whole }) => ({
    x: () => separableBackprop({ dy, a, b, images }, { whole, count: x.shape[0]! }),
  }),
});

const separableBackprop: Op<BackpropInputs, BackpropAttributes, tf.Tensor> = defineOp({
  name: 'SppSeparableBackprop',
  forward: composedBackprop,
  kernels: { wasm: wasm.separableBackprop, cpu: backpropOnHost },
  reads: ['a', 'b', 'images'],
  gradient: (dy, { inputs: { a, b, images } }, { whole }) => ({
    dy: () => separable({ x: dy, a, b, images }, { whole }),
  }),
});

function composed({ x, a, b, images }: SeparableInputs, { whole }: Attributes): tf.Tensor {
  const [count, height, width, channels] = x.shape as Shape4;
  const rows = a.shape[1]!;
  if (whole && a.shape[0] === 1) {
    const overRows = tf.matMul(tf.tile(a, [count, 1, 1]), tf.reshape(x, [count, height, width * channels]));
    return columnsOf(tf.reshape(overRows, [count, rows, width, channels]), b);
  }
  const flat = tf.reshape(x, [count * height, width * channels]) as tf.Tensor2D;
  return tf.concat(
    groupsOf(images.shape[0]!, rows * width * channels).map(([from, size]) => {
      const wide = placed(part(a, from, size), tf.slice(images, from, size), count);
      const overRows = tf.reshape(tf.matMul(wide, flat), [size, rows, width, channels]);
      return columnsOf(overRows, part(b, from, size));
    }),
  );
}

function composedBackprop({ dy, a, b, images }: BackpropInputs, { whole, count }: BackpropAttributes) {
  const [regions, rows, , channels] = dy.shape as Shape4;
  const [height, width] = [a.shape[2]!, b.shape[2]!];
  if (whole && a.shape[0] === 1) {
    const spread = tf.reshape(columnsOf(dy, tf.transpose(b, [0, 2, 1])), [count, rows, width * channels]);
    const dx = tf.matMul(tf.tile(tf.transpose(a, [0, 2, 1]), [count, 1, 1]), spread);
    return tf.reshape(dx, [count, height, width, channels]);
  }
  const terms = groupsOf(regions, rows * width * channels).map(([from, size]) => {
    const dyPart = tf.slice(dy, [from, 0, 0, 0], [size, -1, -1, -1]);
    const spread = columnsOf(dyPart, tf.transpose(part(b, from, size), [0, 2, 1]));
    const wide = placed(part(a, from, size), tf.slice(images, from, size), count);
    return tf.matMul(tf.transpose(wide), tf.reshape(spread, [size * rows, width * channels]) as tf.Tensor2D);
  });
  return tf.reshape(terms.length === 1 ? terms[0]! : tf.addN(terms), [count, height, width, channels]);
}

/** z[r, i, j] = sum over w of b[r, j, w] y[r, i, w]. */
function columnsOf(y: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const [regions, rows, width, channels] = y.shape as Shape4;
  const columns = b.shape[1]!;
  const each = tf.tile(tf.reshape(b, [b.shape[0]!, 1, columns, width]), [regions / b.shape[0]!, rows, 1, 1]);
  const product = tf.matMul(
    tf.reshape(each, [regions * rows, columns, width]),
    tf.reshape(y, [regions * rows, width, channels]),
  );
  return tf.reshape(product, [regions, rows, columns, channels]);
}

/** The matrices [regions, rows, height] as one [regions * rows, count * height], each in the columns of its image. */
function placed(a: tf.Tensor, images: tf.Tensor, count: number): tf.Tensor2D {
  const [regions, rows, height] = a.shape as [number, number, number];
  const isOwn = tf.equal(tf.reshape(images, [regions, 1]), tf.range(0, count, 1, 'int32'));
  const own = tf.reshape(tf.cast(isOwn, 'float32'), [regions, 1, count, 1]);
  const wide = tf.mul(tf.reshape(a, [regions, rows, 1, height]), own);
  return tf.reshape(wide, [regions * rows, count * height]);
}

const part = (matrices: tf.Tensor, from: number, size: number): tf.Tensor =>
  matrices.shape[0] === 1
    ? tf.tile(matrices, [size, 1, 1])
    : tf.slice(matrices, [from, 0, 0], [size, -1, -1]);

function groupsOf(regions: number, elements: number): [from: number, size: number][] {
  const size = Math.max(1, Math.floor(groupElements / elements));
  return Array.from({ length: Math.ceil(regions / size) }, (_, i) => [
    i * size,
    Math.min(size, regions - i * size),
  ]);
}

function onHost(inputs: SeparableInputs): ReturnType<FastKernel> {
  const { x, a, b, images } = inputs;
  const [count, height, width, channels] = x.shape as Shape4;
  const geometry = geometryOf(inputs, count, height, width, channels);
  const values = loops.separable(floats(x), { a: floats(a), b: floats(b) }, ints(images), geometry);
  return tf.tensor(values, [geometry.regions, geometry.rows, geometry.columns, channels]);
}

function backpropOnHost(inputs: BackpropInputs, { count }: BackpropAttributes): ReturnType<FastKernel> {
  const { dy, a, b, images } = inputs;
  const [height, width, channels] = [a.shape[2]!, b.shape[2]!, dy.shape[3]!];
  const geometry = geometryOf(inputs, count, height, width, channels);
  const dx = loops.separableBackprop(floats(dy), { a: floats(a), b: floats(b) }, ints(images), geometry);
  return tf.tensor(dx, [count, height, width, channels]);
}

function geometryOf(
  { a, b, images }: { a: tf.Tensor; b: tf.Tensor; images: tf.Tensor },
  count: number,
  height: number,
  width: number,
  channels: number,
): loops.SeparableGeometry {
  const [rows, columns] = [a.shape[1]!, b.shape[1]!];
  return { images: count, height, width, channels, regions: images.shape[0]!, rows, columns };
}
