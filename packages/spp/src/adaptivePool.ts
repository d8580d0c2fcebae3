/** Adaptive pools in one, two and three dimensions: any number of bins over any size, without a window or a stride. */
import * as tf from '@tensorflow/tfjs-core';
import { binsOf } from './bins';
import { mapInfo, pyramidAverage, pyramidMax } from './maps';

/** Bins along every spatial axis alike, or one number an axis. */
export type Bins = number | readonly number[];

/** Maxima and where they were found; tfjs calls the parts so in `maxPoolWithArgmax`. */
export interface MaxPoolResult<T extends tf.Tensor> {
  readonly result: T;
  /** int32 of the same shape: the flat cell in its image, row W + column in 2-D, (depth H + row) W + column in 3-D. */
  readonly indexes: T;
}

/**
 * Maxima float32 [batch, bins, channels] over adaptive bins along a sequence. Differentiable; the gradient of a maximum goes to
 * the first of equal cells. A NaN in a bin is its maximum.
 *
 * @param x float32 or int32 [batch, length, channels].
 * @param bins an integer >= 1; more bins than cells repeat cells.
 * @throws ShapeError for another rank; OptionError if bins are no integers >= 1.
 *
 * The rule of torch.nn.AdaptiveMaxPool1d; see `adaptiveBins` for the edges.
 */
export function adaptiveMaxPool1d(x: tf.Tensor3D, bins: Bins): tf.Tensor3D {
  return pool('adaptiveMaxPool1d', 'max', x, bins, 3);
}

/**
 * Maxima float32 [batch, rows, columns, channels] over adaptive bins. Differentiable; the gradient of a maximum goes to the
 * first of equal cells in row-major order. A NaN in a bin is its maximum.
 *
 * @param x float32 or int32 [batch, height, width, channels].
 * @param bins an integer >= 1 for both axes, or [rows, columns]; more bins than cells repeat cells.
 * @throws ShapeError for another rank; OptionError if bins are no integers >= 1.
 *
 * @example
 * adaptiveMaxPool2d(tf.randomNormal([1, 13, 10, 8]), [4, 3]); // [1, 4, 3, 8]
 *
 * The rule of torch.nn.AdaptiveMaxPool2d; see `adaptiveBins` for the edges.
 */
export function adaptiveMaxPool2d(x: tf.Tensor4D, bins: Bins): tf.Tensor4D {
  return pool('adaptiveMaxPool2d', 'max', x, bins, 4);
}

/** Maxima float32 [batch, depth, rows, columns, channels] over adaptive bins of a volume; else as `adaptiveMaxPool2d`. */
export function adaptiveMaxPool3d(x: tf.Tensor5D, bins: Bins): tf.Tensor5D {
  return pool('adaptiveMaxPool3d', 'max', x, bins, 5);
}

/** Averages float32 [batch, bins, channels] over adaptive bins along a sequence; else as `adaptiveMaxPool1d`. */
export function adaptiveAvgPool1d(x: tf.Tensor3D, bins: Bins): tf.Tensor3D {
  return pool('adaptiveAvgPool1d', 'avg', x, bins, 3);
}

/**
 * Averages float32 [batch, rows, columns, channels] over adaptive bins; else as `adaptiveMaxPool2d`. On webgl, webgpu and
 * tensorflow these are matrix products, so that a NaN or an infinity reaches every bin of its image and channel.
 *
 * The rule of torch.nn.AdaptiveAvgPool2d.
 */
export function adaptiveAvgPool2d(x: tf.Tensor4D, bins: Bins): tf.Tensor4D {
  return pool('adaptiveAvgPool2d', 'avg', x, bins, 4);
}

/** Averages float32 [batch, depth, rows, columns, channels] over adaptive bins of a volume; else as `adaptiveAvgPool2d`. */
export function adaptiveAvgPool3d(x: tf.Tensor5D, bins: Bins): tf.Tensor5D {
  return pool('adaptiveAvgPool3d', 'avg', x, bins, 5);
}

/**
 * Maxima of adaptive bins and the cells that they come from, of a map with one, two or three spatial axes. Of equal cells
 * the first in row-major order. The maxima are differentiable.
 *
 * @param x float32 or int32 [batch, ...spatial, channels] of rank 3, 4 or 5.
 * @param bins an integer >= 1 for every axis, or one number an axis.
 * @returns result float32 and indexes int32, both [batch, ...bins, channels]. The caller disposes both.
 * @throws ShapeError for another rank; OptionError if bins are no integers >= 1.
 */
export function adaptiveMaxPoolWithArgmax<T extends tf.Tensor>(x: T, bins: Bins): MaxPoolResult<T> {
  const info = mapInfo('adaptiveMaxPoolWithArgmax', x, [3, 4, 5]);
  const level = binsOf('adaptiveMaxPoolWithArgmax', 'bins', bins, info.dims);
  return tf.tidy(() => {
    const [values, cells] = pyramidMax(x, info, [level], true);
    const shape = [info.images, ...level.slice(3 - info.dims), info.channels];
    return { result: tf.reshape(values, shape) as T, indexes: tf.reshape(cells!, shape) as T };
  });
}

function pool<T extends tf.Tensor>(name: string, mode: 'max' | 'avg', x: T, bins: Bins, rank: number): T {
  const info = mapInfo(name, x, [rank]);
  const level = binsOf(name, 'bins', bins, info.dims);
  const shape = [info.images, ...level.slice(3 - info.dims), info.channels];
  if (x.size === 0) return tf.zeros(shape) as T;
  return tf.tidy(() => {
    const pooled = mode === 'max' ? pyramidMax(x, info, [level])[0] : pyramidAverage(x, info, [level]);
    return tf.reshape(pooled, shape) as T;
  });
}
