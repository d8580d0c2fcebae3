/** The context module: dilated convolutions that widen the view of a dense prediction without losing resolution. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkNumber, type Key, normal } from '@tfkit/core';
import { type ConvWeights, checkRateList, conv2dLayer } from './convWeights';

export interface ContextModuleWeights {
  /** One a rate: kernel [3, 3, in, out]. */
  readonly layers: readonly ConvWeights[];
  /** Last layer, 1x1, without ReLU. */
  readonly final: ConvWeights;
}

export interface ContextModuleOptions {
  /** One rate a layer. Default [1, 1, 2, 4, 8, 16, 1], the paper's: a receptive field of 67. */
  readonly rates?: readonly number[];
}

/** The paper's rates, before the final 1x1. */
export const contextRates: readonly number[] = [1, 1, 2, 4, 8, 16, 1];

/**
 * Stacked 3x3 'same' convolutions with ReLU, their rates growing to 16, and a linear 1x1 convolution.
 *
 * @param x float32 [batch, height, width, channels], the logits of a network in front.
 * @returns float32 [batch, height, width, out]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Yu, Koltun: Multi-Scale Context Aggregation by Dilated Convolutions, ICLR 2016, section 3 (arXiv:1511.07122).
 * Differs: zeros around each layer in place of one padding of the input.
 */
export function contextModule(
  x: tf.Tensor4D,
  { layers, final }: ContextModuleWeights,
  options: ContextModuleOptions = {},
): tf.Tensor4D {
  checkKnownOptions('contextModule', options, ['rates']);
  const { rates = contextRates } = options;
  checkRateList('contextModule', rates, layers.length, 'layers');
  return tf.tidy(() => {
    const context = layers.reduce((y, weights, i) => conv2dLayer(y, weights, rates[i]!), x);
    return conv2dLayer(context, final, 1, 'linear');
  });
}

export interface IdentityKernelOptions {
  /** Taps an axis, odd. Default 3. */
  readonly kernelSize?: number;
  /** C of the paper: channels of the module's input, which both widths are multiples of. Default inChannels. */
  readonly classes?: number;
  /** Standard deviation of the noise between maps of different classes. Default 0. */
  readonly noise?: number;
  /** Key of the noise; needed where `noise` is above 0. */
  readonly key?: Key;
}

/**
 * A kernel that passes its input on: the centre tap maps each channel to those of its class, all else is noise or zero.
 * A module that starts so computes the identity on non-negative input, and training departs from there; with random
 * initialisation it does not learn (section 3 of the paper).
 *
 * @param inChannels of the layer, a multiple of `classes`.
 * @param outChannels of the layer, a multiple of `classes`.
 * @returns float32 [kernelSize, kernelSize, inChannels, outChannels]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range.
 * Source: Yu, Koltun, ICLR 2016, eq. 5 (classes / outChannels between maps of one class), which is eq. 4 where both widths are
 * `classes`.
 */
export function identityKernel(
  inChannels: number,
  outChannels: number,
  options: IdentityKernelOptions = {},
): tf.Tensor4D {
  const name = 'identityKernel';
  checkKnownOptions(name, options, ['kernelSize', 'classes', 'noise', 'key']);
  const { kernelSize = 3, classes = inChannels, noise = 0, key } = options;
  checkInteger([name, 'inChannels'], inChannels, { min: 1 });
  checkInteger([name, 'outChannels'], outChannels, { min: 1 });
  checkInteger([name, 'classes'], classes, { min: 1 });
  checkInteger([name, 'inChannels / classes'], inChannels / classes);
  checkInteger([name, 'outChannels / classes'], outChannels / classes);
  checkInteger([name, '(kernelSize - 1) / 2'], (kernelSize - 1) / 2, { min: 0 }, 'Its centre must be a tap.');
  checkNumber([name, 'noise'], noise, { min: 0 });
  const shape: [number, number, number, number] = [kernelSize, kernelSize, inChannels, outChannels];
  const values = noiseOf(name, shape, noise, key);
  const centre = (kernelSize * kernelSize - 1) / 2;
  for (let from = 0; from < inChannels; from++) {
    for (let to = 0; to < outChannels; to++) {
      if (Math.floor((from * classes) / inChannels) !== Math.floor((to * classes) / outChannels)) continue;
      values[(centre * inChannels + from) * outChannels + to] = classes / outChannels;
    }
  }
  return tf.tensor4d(values, shape);
}

function noiseOf(name: string, shape: readonly number[], noise: number, key: Key | undefined): Float32Array {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (noise === 0) return new Float32Array(size);
  checkNumber([name, 'key'], key?.[0], {}, 'Noise needs a key: key(seed) of @tfkit/core.');
  return normal(key, size).map((value) => value * noise);
}
