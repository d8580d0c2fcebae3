/**
 * A segmenter that widens its view by dilation instead of downsampling: a stem of two strided convolutions, a hybrid
 * dilated block at a quarter of the resolution, and a dense upsampling convolution back to full size, after Wang et al.,
 * Understanding Convolution for Semantic Segmentation, WACV 2018.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type ConvWeights, dilatedConv2d, duc } from '@tfkit/dilated-conv';
import { createRandom } from '../random';
import { instanceNorm } from './instanceNorm';

export type DilatedVariables = Record<string, tf.Variable>;

const width = 32;
const stride = 4;

/** `<name>/kernel` (He-normal from the seed) and `<name>/bias` (zeros): stem0, stem1, block0, ... and up. Dispose them. */
export function createDilatedSegmenter(classes: number, layers: number, seed: number): DilatedVariables {
  const random = createRandom(seed, 2);
  const variables: DilatedVariables = {};
  const create = (name: string, from: number, to: number, gain = 2) => {
    const deviation = Math.sqrt(gain / (9 * from));
    const values = Float32Array.from({ length: 9 * from * to }, () => deviation * random.normal());
    const variable = (tensor: () => tf.Tensor) => tf.tidy(() => tf.variable(tensor()));
    variables[`${name}/kernel`] = variable(() => tf.tensor(values, [3, 3, from, to]));
    variables[`${name}/bias`] = variable(() => tf.zeros([to]));
  };
  create('stem0', 1, 16);
  create('stem1', 16, width);
  for (let i = 0; i < layers; i++) create(`block${i}`, width, width);
  create('up', width, classes * stride ** 2, 1);
  return variables;
}

/**
 * Logits of each pixel's class.
 *
 * @param images float32 [batch, height, width, 1]; height and width are multiples of 4.
 * @param rates dilation of the block's layers, as many as the variables have.
 * @returns float32 [batch, height, width, classes]. The caller disposes it.
 */
export function dilatedLogits(
  variables: DilatedVariables,
  images: tf.Tensor4D,
  rates: readonly number[],
): tf.Tensor4D {
  const layer = (x: tf.Tensor4D, name: string, options: { strides?: number; dilationRate?: number }) => {
    const { kernel, bias } = weightsOf(variables, name);
    const y = instanceNorm(dilatedConv2d(x, kernel, { ...options, padding: 'same' }));
    return tf.relu(tf.add<tf.Tensor4D>(y, bias!));
  };
  return tf.tidy(() => {
    let x = layer(images, 'stem0', { strides: 2 });
    x = layer(x, 'stem1', { strides: 2 });
    for (const [i, dilationRate] of rates.entries()) x = layer(x, `block${i}`, { dilationRate });
    return duc(x, weightsOf(variables, 'up'), { factor: stride });
  });
}

const weightsOf = (variables: DilatedVariables, name: string): ConvWeights => ({
  kernel: variables[`${name}/kernel`] as unknown as tf.Tensor4D,
  bias: variables[`${name}/bias`] as unknown as tf.Tensor1D,
});

/** Layers of the network along one axis, for `receptiveField`. */
export const dilatedGeometry = (rates: readonly number[]) => [
  { kernelSize: 3, strides: 2 },
  { kernelSize: 3, strides: 2 },
  ...rates.map((dilationRate) => ({ kernelSize: 3, dilationRate })),
  { kernelSize: 3 },
];
