/** Golden cases of single convolutions. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  type DilatedConvOptions,
  dilatedConv1d,
  dilatedConv1dTranspose,
  dilatedConv2d,
  dilatedConv2dTranspose,
  dilatedConv3d,
  dilatedConv3dTranspose,
  dilatedDepthwiseConv1d,
  dilatedDepthwiseConv2d,
} from '../../src/index';
import type { Config, GoldenOp } from '../golden';

// biome-ignore lint/suspicious/noExplicitAny: ops of all ranks
type Convolution = (x: any, filter: any, options: any) => tf.Tensor;

/** `pad` is a word, or the explicit padding that `padding` always has. */
const optionsOf = ({ strides, dilations, pad, padding }: Config): DilatedConvOptions => ({
  strides,
  dilationRate: dilations,
  padding: typeof pad === 'string' ? (pad as 'same') : padding,
});

function convolution(op: Convolution, more: (config: Config) => object = () => ({})): GoldenOp {
  return {
    output: 'y',
    gradientOf: (input) => `grad${input[0]!.toUpperCase()}${input.slice(1)}`,
    run: ({ x, filter }, config) => op(x, filter, { ...optionsOf(config), ...more(config) }),
  };
}

const outputSize = ({ outputShape }: Config) => ({ outputSize: outputShape.slice(1, -1) });

export const convolutionOps: Record<string, GoldenOp> = {
  conv1d: convolution(dilatedConv1d),
  conv2d: convolution(dilatedConv2d),
  conv3d: convolution(dilatedConv3d),
  depthwiseConv1d: convolution(dilatedDepthwiseConv1d),
  depthwiseConv2d: convolution(dilatedDepthwiseConv2d),
  conv1dTranspose: convolution(dilatedConv1dTranspose, outputSize),
  conv2dTranspose: convolution(dilatedConv2dTranspose, outputSize),
  conv3dTranspose: convolution(dilatedConv3dTranspose, outputSize),
};
