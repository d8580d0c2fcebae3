/** Atrous spatial pyramid pooling, as in DeepLab v2, v3 and v3+. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions } from '@tfkit/core';
import {
  type ConvWeights,
  checkRateList,
  conv2dLayer,
  type SeparableWeights,
  separableConv2dLayer,
} from './convWeights';

export interface AsppOptions {
  /** One rate a dilated branch. Default v2: [6, 12, 18, 24]; v3 and v3+: [6, 12, 18]. */
  readonly rates?: readonly number[];
}

export interface AsppV2Weights {
  /** One a rate: kernel [3, 3, in, out]. */
  readonly branches: readonly ConvWeights[];
}

/**
 * The sum of parallel 'same' convolutions at several rates.
 *
 * @param x float32 [batch, height, width, channels].
 * @returns float32 [batch, height, width, out]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Chen et al.: DeepLab, TPAMI 2018, section 3.2 (arXiv:1606.00915); there each branch goes on with two 1x1
 * convolutions before the sum, which are the caller's.
 */
export function asppV2(x: tf.Tensor4D, { branches }: AsppV2Weights, options: AsppOptions = {}): tf.Tensor4D {
  checkKnownOptions('asppV2', options, ['rates']);
  const { rates = [6, 12, 18, 24] } = options;
  checkRateList('asppV2', rates, branches.length, 'branches');
  return tf.tidy(() => tf.addN(branches.map((weights, i) => conv2dLayer(x, weights, rates[i]!, 'linear'))));
}

export interface AsppV3Weights {
  /** 1x1: kernel [1, 1, in, out]. */
  readonly pointwise: ConvWeights;
  /** One a rate: kernel [3, 3, in, out]. */
  readonly branches: readonly ConvWeights[];
  /** Image-level branch: kernel [1, 1, in, out]. Left out where absent. */
  readonly pool?: ConvWeights;
  /** 1x1 after the concatenation. Left out where absent. */
  readonly project?: ConvWeights;
}

/**
 * A 1x1 convolution, 'same' convolutions at several rates and the image's mean, side by side, and a 1x1 convolution of
 * them; ReLU after each. The mean restores the long range that rates near the size of the map lose (there only the
 * centre tap is left inside).
 *
 * @param x float32 [batch, height, width, channels].
 * @returns float32 [batch, height, width, out]; concatenated as [1x1, rates in order, pooled]. The caller disposes it.
 * Source: Chen et al.: Rethinking Atrous Convolution, 2017, section 3.3 (arXiv:1706.05587). Differs: no batch norm; the
 * pooled branch is constant over the map, so it is broadcast, not resized.
 */
export function asppV3(x: tf.Tensor4D, weights: AsppV3Weights, options: AsppOptions = {}): tf.Tensor4D {
  const rates = ratesOf('asppV3', options, weights.branches.length);
  return tf.tidy(() =>
    joined(
      x,
      weights,
      weights.branches.map((branch, i) => conv2dLayer(x, branch, rates[i]!)),
    ),
  );
}

export interface AsppV3PlusWeights extends Omit<AsppV3Weights, 'branches'> {
  /** One a rate. */
  readonly branches: readonly SeparableWeights[];
}

/**
 * `asppV3` with depthwise separable convolutions in the dilated branches.
 *
 * @param x float32 [batch, height, width, channels].
 * @returns float32 [batch, height, width, out]. The caller disposes it.
 * Source: Chen et al.: Encoder-Decoder with Atrous Separable Convolution, ECCV 2018, section 3.1 (arXiv:1802.02611).
 */
export function asppV3Plus(
  x: tf.Tensor4D,
  weights: AsppV3PlusWeights,
  options: AsppOptions = {},
): tf.Tensor4D {
  const rates = ratesOf('asppV3Plus', options, weights.branches.length);
  return tf.tidy(() =>
    joined(
      x,
      weights,
      weights.branches.map((branch, i) => separableConv2dLayer(x, branch, rates[i]!)),
    ),
  );
}

function ratesOf(name: string, options: AsppOptions, branches: number): readonly number[] {
  checkKnownOptions(name, options, ['rates']);
  const { rates = [6, 12, 18] } = options;
  checkRateList(name, rates, branches, 'branches');
  return rates;
}

function joined(
  x: tf.Tensor4D,
  { pointwise, pool, project }: Omit<AsppV3Weights, 'branches'>,
  dilated: tf.Tensor4D[],
): tf.Tensor4D {
  const parts = [conv2dLayer(x, pointwise, 1), ...dilated];
  if (pool) {
    const pooled = conv2dLayer(tf.mean(x, [1, 2], true) as tf.Tensor4D, pool, 1);
    const [batch, height, width] = x.shape;
    parts.push(tf.broadcastTo(pooled, [batch, height, width, pooled.shape[3]]));
  }
  const together = tf.concat(parts, -1);
  return project ? conv2dLayer(together, project, 1) : together;
}
