/** Dense upsampling convolution and the pixel shuffle behind it. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkDType,
  checkInteger,
  checkKnownOptions,
  checkOneOf,
  checkRank,
  formatShape,
  ShapeError,
} from '@tfkit/core';
import { type ConvWeights, conv2dLayer } from './convWeights';

/** Where the r * r sub-pixels of a channel lie: TensorFlow's (di * r + dj) * channels + c, torch's c * r * r + di * r + dj. */
export type PixelOrder = 'depthToSpace' | 'pixelShuffle';

const orders: readonly PixelOrder[] = ['depthToSpace', 'pixelShuffle'];

/**
 * Channels rearranged into space: [batch, h, w, r * r * c] to [batch, h * r, w * r, c]. Differentiable, which
 * `tf.depthToSpace` is not.
 *
 * @param factor r, a whole number >= 1.
 * @param order of the sub-pixels among the channels. Default 'depthToSpace'.
 * @returns a tensor of x's dtype. The caller disposes it.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree.
 * Source: Shi et al.: Real-Time Single Image and Video Super-Resolution, CVPR 2016, eq. 4 (arXiv:1609.05158).
 */
export function pixelShuffle(
  x: tf.Tensor4D,
  factor: number,
  order: PixelOrder = 'depthToSpace',
): tf.Tensor4D {
  const name = 'pixelShuffle';
  checkRank([name, 'x'], x, 4, '[batch, height, width, channels]');
  checkDType([name, 'x'], x, ['float32', 'int32']);
  checkInteger([name, 'factor'], factor, { min: 1 });
  checkOneOf([name, 'order'], order, orders);
  const [batch, height, width, channels] = x.shape;
  const outputs = channels / factor ** 2;
  if (!Number.isInteger(outputs)) {
    throw new ShapeError(
      `${name}: x must have a multiple of ${factor ** 2} channels, got ${formatShape(x.shape)}.`,
    );
  }
  return tf.tidy(() => {
    const ordered =
      order === 'depthToSpace' ? x : tf.transpose(tf.reshape(x, [-1, outputs, factor ** 2]), [0, 2, 1]);
    // A row of blocks holds, for each column, `factor` rows of pixels: bring the rows to the front. Rank 4 at the most,
    // since GPUs have no transposition beyond 5 axes everywhere.
    const rows = tf.reshape(ordered, [batch * height, width, factor, factor * outputs]);
    return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [batch, height * factor, width * factor, outputs]);
  });
}

export interface DucOptions {
  /** Upsampling factor r. */
  readonly factor: number;
  /** Default 'depthToSpace'. */
  readonly order?: PixelOrder;
}

/**
 * Dense upsampling convolution: a 'same' convolution to classes * r * r channels, rearranged to r times the size. Learns
 * the fine detail that bilinear upsampling cannot restore.
 *
 * @param x float32 [batch, h, w, channels].
 * @param weights kernel [rows, columns, channels, classes * r * r].
 * @returns float32 [batch, h * r, w * r, classes]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Wang et al.: Understanding Convolution for Semantic Segmentation, WACV 2018, section 3.1 (arXiv:1702.08502).
 */
export function duc(x: tf.Tensor4D, weights: ConvWeights, options: DucOptions): tf.Tensor4D {
  checkKnownOptions('duc', options, ['factor', 'order']);
  return tf.tidy(() => pixelShuffle(conv2dLayer(x, weights, 1, 'linear'), options.factor, options.order));
}
