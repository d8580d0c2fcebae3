/** The WaveNet stack: gated causal dilated convolutions with skip connections. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkRank } from '@tfkit/core';
import { dilatedConv1d } from '../ops/dilatedConv';
import { biasAndActivation, type ConvWeights, checkRateList } from './convWeights';
import { tcnRates } from './tcn';

export interface WaveNetLayerWeights {
  /** [taps, residual, gates]. */
  readonly filter: ConvWeights<tf.Tensor3D>;
  /** [taps, residual, gates]. */
  readonly gate: ConvWeights<tf.Tensor3D>;
  /** [1, gates, skip]. */
  readonly skip: ConvWeights<tf.Tensor3D>;
  /** [1, gates, residual]; the last layer needs none. */
  readonly residual?: ConvWeights<tf.Tensor3D>;
}

/** The weights of a WaveNet stack. */
export interface WaveNetWeights {
  /** [1, in, residual]: the width of the residual path. */
  readonly input: ConvWeights<tf.Tensor3D>;
  readonly layers: readonly WaveNetLayerWeights[];
}

export interface WaveNetOptions {
  /** One rate a layer. Default 1, 2, 4, ... */
  readonly rates?: readonly number[];
}

/**
 * The sum of the layers' skip outputs: z = tanh(filter * h) sigmoid(gate * h), skip += 1x1(z), h += 1x1(z).
 *
 * @param x float32 [batch, time, channels].
 * @returns float32 [batch, time, skip]. The caller disposes it; the output layers (ReLU, 1x1, ReLU, 1x1) are the
 * caller's. Step by step: `waveNetStream`.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 * Source: van den Oord et al.: WaveNet, 2016, eq. 2 and figure 4 (arXiv:1609.03499).
 */
export function waveNet(
  x: tf.Tensor3D,
  { input, layers }: WaveNetWeights,
  options: WaveNetOptions = {},
): tf.Tensor3D {
  checkKnownOptions('waveNet', options, ['rates']);
  checkRank(['waveNet', 'x'], x, 3, '[batch, time, channels]');
  const { rates = tcnRates(layers.length) } = options;
  checkRateList('waveNet', rates, layers.length, 'layers');
  return tf.tidy(() => {
    let h = conv1d(x, input, 1);
    const skips: tf.Tensor3D[] = [];
    layers.forEach(({ filter, gate, skip, residual }, i) => {
      const z = tf.mul(
        tf.tanh(conv1d(h, filter, rates[i]!)),
        tf.sigmoid(conv1d(h, gate, rates[i]!)),
      ) as tf.Tensor3D;
      skips.push(conv1d(z, skip, 1));
      if (residual) h = tf.add(h, conv1d(z, residual, 1));
    });
    return tf.addN(skips);
  });
}

function conv1d(
  x: tf.Tensor3D,
  { kernel, bias }: ConvWeights<tf.Tensor3D>,
  dilationRate: number,
): tf.Tensor3D {
  return biasAndActivation(dilatedConv1d(x, kernel, { dilationRate, padding: 'causal' }), bias, 'linear');
}
