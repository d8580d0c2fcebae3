/** Rearrangements: squeeze, permutations and reshapes. Their log-determinant is 0. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkInteger,
  checkOneOf,
  formatShape,
  type Key,
  OptionError,
  permutation,
  ShapeError,
  sizeOf,
} from '@tfkit/core';
import { type Bijector, defineBijector, type EventShape } from '../bijector';
import { inverseOrder, lastOf, permuteLast } from '../shapes';

export interface SqueezeOptions {
  /** Side of the squares of pixels that become channels, at least 2. Default 2. */
  readonly factor?: number;
  /**
   * Where pixel (i, j) of a square and channel c go: 'channel': c * factor^2 + i * factor + j, as in Glow, nflows and
   * normflows; 'block': (i * factor + j) * channels + c, as `tf.depthToSpace` undoes. Default 'channel'.
   */
  readonly order?: 'channel' | 'block';
}

/**
 * Images [height, width, channels] to [height / factor, width / factor, factor^2 * channels].
 *
 * @throws ShapeError, when used, unless the factor divides height and width.
 */
export function squeeze({ factor = 2, order = 'channel' }: SqueezeOptions = {}): Bijector {
  const name = 'squeeze';
  checkInteger([name, 'factor'], factor, { min: 2 });
  checkOneOf([name, 'order'], order, ['channel', 'block']);
  const fail = (argument: string, rule: string, shape: EventShape): never => {
    throw new ShapeError(`${name}: ${argument} must ${rule}, got event shape ${formatShape(shape)}.`);
  };
  return defineBijector({
    name,
    outputShape(shape) {
      const [height = 0, width = 0, channels = 0] = shape;
      if (shape.length !== 3 || height % factor || width % factor) {
        fail('x', `be images whose height and width are multiples of ${factor}`, shape);
      }
      return [height / factor, width / factor, channels * factor * factor];
    },
    inputShape(shape) {
      const [height = 0, width = 0, channels = 0] = shape;
      if (shape.length !== 3 || channels % (factor * factor)) {
        fail('z', `be images whose channels are a multiple of ${factor * factor}`, shape);
      }
      return [height * factor, width * factor, channels / (factor * factor)];
    },
    forward: (x) => ({ z: squeezed(x, factor, order), logDet: 0 }),
    inverse: (z) => ({ x: unsqueezed(z, factor, order), logDet: 0 }),
  });
}

/** Never above rank 5, which is what WebGPU's kernels take. */
function squeezed(x: tf.Tensor, factor: number, order: 'channel' | 'block'): tf.Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [h, w, square] = [height / factor, width / factor, factor * factor];
  const rows = tf.reshape(x, [batch * h, factor, w, factor * channels]);
  const blocks = tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [batch * h * w, square, channels]);
  const ordered = order === 'block' ? blocks : tf.transpose(blocks, [0, 2, 1]);
  return tf.reshape(ordered, [batch, h, w, square * channels]);
}

function unsqueezed(z: tf.Tensor, factor: number, order: 'channel' | 'block'): tf.Tensor {
  const [batch, h, w, depth] = z.shape as [number, number, number, number];
  const square = factor * factor;
  const channels = depth / square;
  const pixels = [batch * h * w];
  const blocks =
    order === 'block'
      ? tf.reshape(z, [...pixels, square, channels])
      : tf.transpose(tf.reshape(z, [...pixels, channels, square]), [0, 2, 1]);
  const rows = tf.transpose(tf.reshape(blocks, [batch * h, w, factor, factor * channels]), [0, 2, 1, 3]);
  return tf.reshape(rows, [batch, h * factor, w * factor, channels]);
}

/**
 * z[..., i] = x[..., order[i]] along the last axis.
 *
 * @param order 'reverse', or a permutation of 0, 1, ..., n - 1 (`randomOrder(key, n)` makes one).
 * @throws OptionError if it is no permutation; ShapeError, when used, if its length is not that of the last axis.
 */
export function permute(order: 'reverse' | readonly number[]): Bijector {
  const name = 'permute';
  const isPermutation = (indices: readonly number[]) =>
    [...indices].sort((a, b) => a - b).every((index, i) => index === i);
  if (order !== 'reverse' && !(Array.isArray(order) && isPermutation(order))) {
    throw new OptionError(
      `${name}: order must be 'reverse' or hold each of 0, 1, ..., n - 1 once, got ${order}.`,
    );
  }
  const ordered = (size: number) =>
    order === 'reverse' ? Array.from({ length: size }, (_, i) => size - 1 - i) : order;
  return defineBijector({
    name,
    outputShape(shape) {
      if (order === 'reverse' || lastOf(shape) === order.length) return shape;
      throw new ShapeError(
        `${name}: x must have ${order.length} entries on its last axis, got event shape ${formatShape(shape)}.`,
      );
    },
    forward: (x) => ({ z: permuteLast(x, ordered(lastOf(x.shape))), logDet: 0 }),
    inverse: (z) => ({ x: permuteLast(z, inverseOrder(ordered(lastOf(z.shape)))), logDet: 0 }),
  });
}

/** A random permutation of 0, 1, ..., size - 1, for `permute`. */
export function randomOrder(key: Key, size: number): number[] {
  return [...permutation(key, size)];
}

/**
 * Examples of one shape as another of as many entries, row-major: images for a net of vectors, and back.
 *
 * @throws ShapeError if the sizes differ.
 */
export function reshape({ from, to }: { readonly from: EventShape; readonly to: EventShape }): Bijector {
  const name = 'reshape';
  if (sizeOf(from) !== sizeOf(to)) {
    throw new ShapeError(
      `${name}: to must have as many entries as from ${formatShape(from)}, got ${formatShape(to)}.`,
    );
  }
  const check = (argument: string, shape: EventShape, expected: EventShape, result: EventShape) => {
    if (formatShape(shape) === formatShape(expected)) return result;
    throw new ShapeError(
      `${name}: ${argument} must have the event shape ${formatShape(expected)}, got ${formatShape(shape)}.`,
    );
  };
  return defineBijector({
    name,
    outputShape: (shape) => check('x', shape, from, to),
    inputShape: (shape) => check('z', shape, to, from),
    forward: (x) => ({ z: tf.reshape(x, [x.shape[0]!, ...to]), logDet: 0 }),
    inverse: (z) => ({ x: tf.reshape(z, [z.shape[0]!, ...from]), logDet: 0 }),
  });
}
