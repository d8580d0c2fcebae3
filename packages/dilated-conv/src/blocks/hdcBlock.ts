/** Hybrid dilated convolution. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions } from '@tfkit/core';
import { type ConvWeights, checkRateList, conv2dLayer } from './convWeights';

export interface HdcBlockWeights {
  /** One a rate: kernel [rows, columns, in, out]. */
  readonly layers: readonly ConvWeights[];
}

export interface HdcBlockOptions {
  /** One rate a layer; free of gridding if `coversExactly(rates, kernelSize)`. Default [1, 2, 5], for three layers. */
  readonly rates?: readonly number[];
}

/**
 * Stacked 'same' convolutions whose rates are chosen so that no input position is left out, ReLU after each.
 *
 * @param x float32 [batch, height, width, channels].
 * @returns float32 [batch, height, width, channels of the last layer]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Wang et al.: Understanding Convolution for Semantic Segmentation, WACV 2018, section 3.2 (arXiv:1702.08502).
 */
export function hdcBlock(
  x: tf.Tensor4D,
  { layers }: HdcBlockWeights,
  options: HdcBlockOptions = {},
): tf.Tensor4D {
  checkKnownOptions('hdcBlock', options, ['rates']);
  const { rates = [1, 2, 5] } = options;
  checkRateList('hdcBlock', rates, layers.length, 'layers');
  return tf.tidy(() => layers.reduce((y, weights, i) => conv2dLayer(y, weights, rates[i]!), x));
}
