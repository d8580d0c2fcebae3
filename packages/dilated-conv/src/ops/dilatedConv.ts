/** Dilated convolutions in one, two and three dimensions, grouped or not. */
import * as tf from '@tensorflow/tfjs-core';
import { convolution2d, depthwiseConvolution2d } from '@tfkit/core/convolution';
import { type Axis, checkChannels, checkTensors, type GroupedConvOptions, planAxes } from '../plan';
import { convolution3d } from './convolution3d';
import { asPlane, asPlaneFilter, flatAxis, fromPlane, planeAttributes } from './plane';

/**
 * A 1-D dilated convolution: y[p] = sum_a x[p * stride + a * rate - before] filter[a].
 *
 * @param x float32 [batch, width, inChannels].
 * @param filter float32 [taps, inChannels / groups, outChannels]; from PyTorch by `fromTorchFilter`.
 * @param options.padding 'causal' lets no output see later inputs. Default 'valid'.
 * @returns float32 [batch, outWidth, outChannels], differentiable twice. The caller disposes it.
 * @throws ShapeError, DTypeError or OptionError before anything is computed.
 * @example
 * const y = dilatedConv1d(tf.ones([1, 8, 1]), tf.ones([2, 1, 1]), { dilationRate: 4, padding: 'causal' });
 */
export function dilatedConv1d(
  x: tf.Tensor3D,
  filter: tf.Tensor3D,
  options: GroupedConvOptions = {},
): tf.Tensor3D {
  const axes = plan('dilatedConv1d', x, filter, 1, options);
  return tf.tidy(() =>
    fromPlane(grouped2d(asPlane(x), asPlaneFilter(filter), [flatAxis, axes[0]!], options.groups ?? 1)),
  );
}

/**
 * A 2-D dilated convolution: y[p] = sum_a x[p * stride + a * rate - before] filter[a] over both axes.
 *
 * @param x float32 [batch, height, width, inChannels].
 * @param filter float32 [rows, columns, inChannels / groups, outChannels]; from PyTorch by `fromTorchFilter`.
 * @param options.strides may exceed 1 together with dilationRate, which `tf.conv2d` refuses.
 * @returns float32 [batch, outHeight, outWidth, outChannels], differentiable twice. The caller disposes it.
 * @throws ShapeError, DTypeError or OptionError before anything is computed.
 * Source: Yu, Koltun: Multi-Scale Context Aggregation by Dilated Convolutions, ICLR 2016, eq. 2 (arXiv:1511.07122); here
 * the filter is not flipped, as in every framework.
 * @example
 * const y = dilatedConv2d(tf.ones([1, 9, 9, 2]), tf.ones([3, 3, 2, 4]), { dilationRate: 2, padding: 'same' });
 */
export function dilatedConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  options: GroupedConvOptions = {},
): tf.Tensor4D {
  const axes = plan('dilatedConv2d', x, filter, 2, options);
  return tf.tidy(() => grouped2d(x, filter, axes as [Axis, Axis], options.groups ?? 1));
}

/**
 * A 3-D dilated convolution, computed as one 2-D convolution a depth tap.
 *
 * @param x float32 [batch, depth, height, width, inChannels].
 * @param filter float32 [planes, rows, columns, inChannels / groups, outChannels].
 * @returns float32 [batch, outDepth, outHeight, outWidth, outChannels], differentiable twice. The caller disposes it.
 * @throws ShapeError, DTypeError or OptionError before anything is computed.
 */
export function dilatedConv3d(
  x: tf.Tensor5D,
  filter: tf.Tensor5D,
  options: GroupedConvOptions = {},
): tf.Tensor5D {
  const [depth, height, width] = plan('dilatedConv3d', x, filter, 3, options) as [Axis, Axis, Axis];
  const attributes = { depth, plane: planeAttributes(height, width) };
  return tf.tidy(() =>
    inGroups(x, filter, options.groups ?? 1, (xs, filters) =>
      convolution3d({ x: xs, filter: filters }, attributes),
    ),
  );
}

function plan(
  name: string,
  x: tf.Tensor,
  filter: tf.Tensor,
  spatial: number,
  options: GroupedConvOptions,
): Axis[] {
  checkTensors(name, x, filter, spatial, 'inChannels / groups, outChannels');
  const axes = planAxes(name, x.shape.slice(1, -1), filter.shape.slice(0, -2), options, ['groups']);
  checkChannels(name, x, filter, options.groups ?? 1);
  return axes;
}

function grouped2d(x: tf.Tensor4D, filter: tf.Tensor4D, axes: [Axis, Axis], groups: number): tf.Tensor4D {
  const attributes = planeAttributes(...axes);
  const [rows, columns, perGroup, outputs] = filter.shape;
  if (groups > 1 && perGroup === 1) {
    const depthwise = tf.reshape<tf.Rank.R4>(filter, [rows, columns, groups, outputs / groups]);
    return depthwiseConvolution2d({ x, filter: depthwise }, attributes);
  }
  return inGroups(x, filter, groups, (xs, filters) => convolution2d({ x: xs, filter: filters }, attributes));
}

/** Runs `run` for each group of channels and joins the outputs. */
function inGroups<T extends tf.Tensor>(x: T, filter: T, groups: number, run: (x: T, filter: T) => T): T {
  if (groups === 1) return run(x, filter);
  const xs = tf.split(x as tf.Tensor, groups, -1) as T[];
  const filters = tf.split(filter as tf.Tensor, groups, -1) as T[];
  return tf.concat(xs.map((part, group) => run(part, filters[group]!)) as tf.Tensor[], -1) as T;
}
