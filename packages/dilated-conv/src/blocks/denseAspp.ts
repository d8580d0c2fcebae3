/** Densely connected atrous spatial pyramid pooling. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions } from '@tfkit/core';
import { type ConvWeights, checkRateList, conv2dLayer } from './convWeights';

export interface DenseAsppLayerWeights extends ConvWeights {
  /** A 1x1 convolution before the dilated one, to bound the growing width. Default none. */
  readonly reduce?: ConvWeights;
}

export interface DenseAsppWeights {
  /** One a rate; layer i reads the channels of x and of all layers before it. */
  readonly layers: readonly DenseAsppLayerWeights[];
}

export interface DenseAsppOptions {
  /** One rate a layer. Default [3, 6, 12, 18, 24]. */
  readonly rates?: readonly number[];
}

/**
 * Dilated convolutions in series, each reading everything before it: f = concat(relu(conv(f)), f), new features first.
 *
 * @param x float32 [batch, height, width, channels].
 * @returns float32 [batch, height, width, channels + sum of the layers' outputs]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Yang et al.: DenseASPP for Semantic Segmentation in Street Scenes, CVPR 2018, eq. 3.
 */
export function denseAspp(
  x: tf.Tensor4D,
  { layers }: DenseAsppWeights,
  options: DenseAsppOptions = {},
): tf.Tensor4D {
  checkKnownOptions('denseAspp', options, ['rates']);
  const { rates = [3, 6, 12, 18, 24] } = options;
  checkRateList('denseAspp', rates, layers.length, 'layers');
  return tf.tidy(() =>
    layers.reduce((features, weights, i) => {
      const reduced = weights.reduce ? conv2dLayer(features, weights.reduce, 1) : features;
      return tf.concat([conv2dLayer(reduced, weights, rates[i]!), features], -1);
    }, x),
  );
}
