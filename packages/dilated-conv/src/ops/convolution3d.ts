/**
 * 3-D convolution and its gradients, each other's derivatives, as one 2-D convolution a depth tap: backends have no (or
 * a slow, or an undilated) 3-D kernel, and fast dilated 2-D ones. The planes that a tap reads become the 2-D batch.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  type ConvAttributes,
  conv2dFilterGradient,
  conv2dInputGradient,
  convolution2d,
} from '@tfkit/core/convolution';
import { defineOp, type Op } from '@tfkit/core/tfjs';
import type { Axis } from '../plan';

/** A 3-D convolution: its depth axis, and its height and width as core's 2-D ops take them. */
export interface Attributes3d extends Record<string, unknown> {
  readonly depth: Axis;
  readonly plane: ConvAttributes;
}

interface InputGradient3d extends Attributes3d {
  readonly inputShape: Shape5d;
}

interface FilterGradient3d extends Attributes3d {
  readonly filterShape: Shape5d;
}

type Shape5d = readonly [number, number, number, number, number];
type Shape4d = [number, number, number, number];

/** y [n, od, oh, ow, cOut] from x [n, d, h, w, cIn] and the filter [kd, kh, kw, cIn, cOut]. */
export const convolution3d: Op<{ x: tf.Tensor5D; filter: tf.Tensor5D }, Attributes3d, tf.Tensor5D> =
  /* @__PURE__ */ defineOp({
    name: 'DilatedConv3D',
    forward: ({ x, filter }, { depth, plane }) => {
      const padded = padDepth(x, depth);
      const sum = sumOverTaps(depth.kernel, (tap) =>
        convolution2d({ x: planesOf(padded, x.shape, depth, tap), filter: filterAt(filter, tap) }, plane),
      );
      const planeShape = sum.shape.slice(1);
      return tf.reshape(sum, [x.shape[0], depth.output, ...planeShape] as [...Shape5d]);
    },
    gradient: (dy, { inputs: { x, filter } }, { depth, plane }) => ({
      x: () => inputGradient3d({ dy, filter }, { depth, plane, inputShape: x.shape }),
      filter: () => filterGradient3d({ x, dy }, { depth, plane, filterShape: filter.shape }),
    }),
  });

/** dx from dy and the filter: the transposed convolution. */
export const inputGradient3d: Op<{ dy: tf.Tensor5D; filter: tf.Tensor5D }, InputGradient3d, tf.Tensor5D> =
  /* @__PURE__ */ defineOp({
    name: 'DilatedConv3DBackpropInput',
    forward: ({ dy, filter }, { depth, plane, inputShape }) => {
      const planes = dyPlanes(dy);
      const [n, , ...rest] = inputShape;
      const planeShape = [n * depth.output, ...rest] as Shape4d;
      const sum = sumOverTaps(depth.kernel, (tap) => {
        const part = conv2dInputGradient(
          { dy: planes, filter: filterAt(filter, tap) },
          { ...plane, inputShape: planeShape },
        );
        return placePlanes(part, inputShape, depth, tap);
      });
      return tf.reshape(sum, [...inputShape]);
    },
    gradient: (dz, { inputs: { dy, filter } }, { depth, plane }) => ({
      dy: () => convolution3d({ x: dz, filter }, { depth, plane }),
      filter: () => filterGradient3d({ x: dz, dy }, { depth, plane, filterShape: filter.shape }),
    }),
  });

/** dFilter from x and dy. */
export const filterGradient3d: Op<{ x: tf.Tensor5D; dy: tf.Tensor5D }, FilterGradient3d, tf.Tensor5D> =
  /* @__PURE__ */ defineOp({
    name: 'DilatedConv3DBackpropFilter',
    forward: ({ x, dy }, { depth, plane, filterShape }) => {
      const padded = padDepth(x, depth);
      const planes = dyPlanes(dy);
      const planeShape = filterShape.slice(1) as Shape4d;
      const taps = Array.from({ length: depth.kernel }, (_, tap) =>
        tf.tidy(() =>
          conv2dFilterGradient(
            { x: planesOf(padded, x.shape, depth, tap), dy: planes },
            { ...plane, filterShape: planeShape },
          ),
        ),
      );
      return tf.reshape(tf.concat(taps.map((tap) => tf.reshape(tap, [1, tap.size]))), [...filterShape]);
    },
    gradient: (dz, { inputs: { x, dy } }, { depth, plane }) => ({
      x: () => inputGradient3d({ dy, filter: dz }, { depth, plane, inputShape: x.shape }),
      dy: () => convolution3d({ x, filter: dz }, { depth, plane }),
    }),
  });

/** The sum of one tensor a tap, holding two at a time. */
function sumOverTaps(taps: number, term: (tap: number) => tf.Tensor): tf.Tensor {
  let sum = tf.tidy(() => term(0));
  for (let tap = 1; tap < taps; tap++) {
    const previous = sum;
    sum = tf.tidy(() => tf.add(previous, term(tap)));
    previous.dispose();
  }
  return sum;
}

/** [n, before + d + after, h * w * c]: rank 3, since the padding of rank 6 and of some rank 5 is broken on GPUs. */
function padDepth(x: tf.Tensor5D, { before, after }: Axis): tf.Tensor3D {
  const [n, d] = x.shape;
  const flat = tf.reshape(x, [n, d, -1]) as tf.Tensor3D;
  if (before === 0 && after === 0) return flat;
  return tf.pad(flat, [
    [0, 0],
    [before, after],
    [0, 0],
  ]);
}

/** The planes that a depth tap reads, one an output depth: [n * od, h, w, c]. */
function planesOf(padded: tf.Tensor3D, xShape: Shape5d, depth: Axis, tap: number): tf.Tensor4D {
  const [n, , size] = padded.shape;
  const [, , h, w, c] = xShape;
  const begin = tap * depth.dilation;
  const span = (depth.output - 1) * depth.stride + 1;
  const read =
    depth.stride === 1
      ? tf.slice(padded, [0, begin, 0], [n, depth.output, size])
      : tf.stridedSlice(padded, [0, begin, 0], [n, begin + span, size], [1, depth.stride, 1]);
  return tf.reshape(read, [n * depth.output, h, w, c]);
}

/** The reverse of `planesOf`: [n, d, h * w * c] with zeros at the depths that the tap does not read. */
function placePlanes(planes: tf.Tensor4D, inputShape: Shape5d, depth: Axis, tap: number): tf.Tensor {
  const [n, d, h, w, c] = inputShape;
  const { output, stride } = depth;
  let placed: tf.Tensor = tf.reshape(planes, [n, output, h * w * c]);
  if (stride > 1) {
    const behind = tf.pad(tf.reshape(placed, [n * output, 1, h * w * c]), [
      [0, 0],
      [0, stride - 1],
      [0, 0],
    ]);
    placed = tf.reshape(behind, [n, output * stride, h * w * c]);
  }
  const front = tap * depth.dilation - depth.before;
  const back = d - output * stride - front;
  const length = output * stride + Math.min(front, 0) + Math.min(back, 0);
  // A tap that reads nothing but padding.
  if (length <= 0) return tf.zeros([n, d, h * w * c]);
  const kept = tf.slice(placed, [0, Math.max(-front, 0), 0], [n, length, h * w * c]);
  return tf.pad(kept, [
    [0, 0],
    [Math.max(front, 0), Math.max(back, 0)],
    [0, 0],
  ]);
}

function dyPlanes(dy: tf.Tensor5D): tf.Tensor4D {
  const [n, d, ...rest] = dy.shape;
  return tf.reshape(dy, [n * d, ...rest]) as tf.Tensor4D;
}

function filterAt(filter: tf.Tensor5D, tap: number): tf.Tensor4D {
  const rest = filter.shape.slice(1) as Shape4d;
  return tf.reshape(tf.slice(filter, [tap, 0, 0, 0, 0], [1, ...rest]), rest);
}
