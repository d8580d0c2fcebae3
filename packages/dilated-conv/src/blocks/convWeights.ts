/** What blocks share: one 'same' convolution with bias and activation, from named weights. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkInteger, checkShape, OptionError } from '@tfkit/core';
import { dilatedDepthwiseConv2d } from '../ops/depthwise';
import { dilatedConv2d } from '../ops/dilatedConv';

/** A convolution's weights. */
export interface ConvWeights<F extends tf.Tensor = tf.Tensor4D> {
  /** [...taps, inChannels, outChannels]. */
  readonly kernel: F;
  /** [outChannels]. Default none. */
  readonly bias?: tf.Tensor1D;
}

/** A depthwise separable convolution's weights. */
export interface SeparableWeights {
  /** [rows, columns, inChannels, multiplier]. */
  readonly depthwise: tf.Tensor4D;
  /** [1, 1, inChannels * multiplier, outChannels]. */
  readonly pointwise: tf.Tensor4D;
  /** [outChannels]. Default none. */
  readonly bias?: tf.Tensor1D;
}

export type Activation = 'linear' | 'relu';

/** 'same' convolution + bias + activation. */
export function conv2dLayer(
  x: tf.Tensor4D,
  { kernel, bias }: ConvWeights,
  dilationRate: number,
  activation: Activation = 'relu',
): tf.Tensor4D {
  return biasAndActivation(dilatedConv2d(x, kernel, { dilationRate, padding: 'same' }), bias, activation);
}

/** 'same' depthwise dilated convolution, then 1x1 + bias + activation. */
export function separableConv2dLayer(
  x: tf.Tensor4D,
  { depthwise, pointwise, bias }: SeparableWeights,
  dilationRate: number,
): tf.Tensor4D {
  const filtered = dilatedDepthwiseConv2d(x, depthwise, { dilationRate, padding: 'same' });
  return biasAndActivation(dilatedConv2d(filtered, pointwise), bias, 'relu');
}

export function biasAndActivation<T extends tf.Tensor>(
  y: T,
  bias: tf.Tensor1D | undefined,
  activation: Activation,
): T {
  if (bias) {
    checkShape(['bias of a block', 'bias'], bias, [y.shape[y.rank - 1]!]);
    checkDType(['bias of a block', 'bias'], bias, ['float32']);
  }
  const shifted = bias ? (tf.add(y, bias) as T) : y;
  return activation === 'relu' ? tf.relu(shifted) : shifted;
}

/** One rate a set of weights, each a whole number >= 1. */
export function checkRateList(name: string, rates: readonly number[], count: number, what: string): void {
  if (rates.length !== count) {
    throw new OptionError(
      `${name}: rates must have one entry for each of the ${count} ${what}, got ${rates.length}.`,
    );
  }
  for (const rate of rates) checkInteger([name, 'rates'], rate, { min: 1 });
}
