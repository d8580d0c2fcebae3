/** The decoder of DeepLab v3+. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkRank, formatShape, ShapeError } from '@tfkit/core';
import { type ConvWeights, conv2dLayer, type SeparableWeights, separableConv2dLayer } from './convWeights';

export interface DeepLabDecoderWeights {
  /** 1x1 on the low-level features, to few channels (48 in the paper): kernel [1, 1, low, reduced]. */
  readonly reduce: ConvWeights;
  /** 3x3 convolutions in order, the first on out + reduced channels; the paper has two, each dense or depthwise separable. */
  readonly refine: readonly (ConvWeights | SeparableWeights)[];
  /** 1x1 to the classes, without activation. Left out where absent. */
  readonly classify?: ConvWeights;
}

/**
 * ASPP's features, resized bilinearly to the low-level ones, beside these after a 1x1 convolution, and 3x3 convolutions of
 * both; ReLU after each but the last 1x1.
 *
 * @param x float32 [batch, h, w, channels], the output of `asppV3Plus`.
 * @param low float32 [batch, height, width, low], features of an early layer, at least as large as x.
 * @returns float32 [batch, height, width, classes, or channels of the last convolution]. The caller disposes it.
 * @throws ShapeError where batches differ or low is smaller than x.
 * Source: Chen et al.: Encoder-Decoder with Atrous Separable Convolution, ECCV 2018, section 3.1 and figure 2
 * (arXiv:1802.02611). Differs: no batch norm; the last resizing, to the image, is the caller's. Corners lie on corners, as in
 * the authors' program.
 */
export function deepLabDecoder(
  x: tf.Tensor4D,
  low: tf.Tensor4D,
  { reduce, refine, classify }: DeepLabDecoderWeights,
): tf.Tensor4D {
  checkRank(['deepLabDecoder', 'x'], x, 4, '[batch, height, width, channels]');
  checkRank(['deepLabDecoder', 'low'], low, 4, '[batch, height, width, channels]');
  checkDType(['deepLabDecoder', 'x'], x, ['float32']);
  const [batch, height, width] = low.shape;
  if (batch !== x.shape[0] || height < x.shape[1] || width < x.shape[2]) {
    throw new ShapeError(
      `deepLabDecoder: low must have the batch of x and at least its size ${formatShape(x.shape)}, got ${formatShape(low.shape)}.`,
    );
  }
  return tf.tidy(() => {
    const sameSize = height === x.shape[1] && width === x.shape[2];
    const resized = sameSize ? x : tf.image.resizeBilinear(x, [height, width], true);
    const start = tf.concat([resized, conv2dLayer(low, reduce, 1)], -1);
    const refined = refine.reduce<tf.Tensor4D>(
      (y, weights) =>
        'depthwise' in weights ? separableConv2dLayer(y, weights, 1) : conv2dLayer(y, weights, 1),
      start,
    );
    return classify ? conv2dLayer(refined, classify, 1, 'linear') : refined;
  });
}
