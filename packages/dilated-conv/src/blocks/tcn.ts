/** Temporal convolutional networks. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkRank, checkShape } from '@tfkit/core';
import { dilatedConv1d } from '../ops/dilatedConv';
import { biasAndActivation, type ConvWeights, checkRateList } from './convWeights';

/** A residual block: two causal convolutions, weight-normalised where `g` is given. */
export interface TcnBlockWeights {
  /** [taps, in, channels]: the kernel, or its direction where `g1` is given. */
  readonly v1: tf.Tensor3D;
  /** [channels], the norm of each output channel's kernel. Default: no weight normalisation. */
  readonly g1?: tf.Tensor1D;
  readonly b1?: tf.Tensor1D;
  /** [taps, channels, channels]. */
  readonly v2: tf.Tensor3D;
  readonly g2?: tf.Tensor1D;
  readonly b2?: tf.Tensor1D;
  /** 1x1 on the way past the block, [1, in, channels]; needed where the widths differ. */
  readonly residual?: ConvWeights<tf.Tensor3D>;
}

/** The weights of a temporal convolutional network, block by block. */
export interface TcnWeights {
  readonly blocks: readonly TcnBlockWeights[];
}

export interface TcnOptions {
  /** One rate a block. Default 1, 2, 4, ... */
  readonly rates?: readonly number[];
  /** Applied after each ReLU inside a block, for dropout. Default none. */
  readonly between?: (x: tf.Tensor3D) => tf.Tensor3D;
}

/**
 * A stack of residual blocks of causal dilated convolutions: output t depends on inputs up to t alone, 1 + 2 (k - 1)
 * sum(rates) of them.
 *
 * @param x float32 [batch, time, channels].
 * @returns float32 [batch, time, channels of the last block]. The caller disposes it. Step by step: `tcnStream`.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 * Source: Bai, Kolter, Koltun: An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
 * Modeling, 2018, section 3 and figure 1 (arXiv:1803.01271).
 */
export function tcn(x: tf.Tensor3D, { blocks }: TcnWeights, options: TcnOptions = {}): tf.Tensor3D {
  checkKnownOptions('tcn', options, ['rates', 'between']);
  checkRank(['tcn', 'x'], x, 3, '[batch, time, channels]');
  const { rates = tcnRates(blocks.length), between = (y: tf.Tensor3D) => y } = options;
  checkRateList('tcn', rates, blocks.length, 'blocks');
  return tf.tidy(() =>
    blocks.reduce<tf.Tensor3D>((input, block, i) => {
      const inner = between(causalRelu(input, normalizedKernel(block.v1, block.g1), block.b1, rates[i]!));
      const outer = between(causalRelu(inner, normalizedKernel(block.v2, block.g2), block.b2, rates[i]!));
      const passed = passedBy(input, block.residual);
      checkShape(
        ['tcn', `output of block ${i}`],
        outer,
        passed.shape,
        'Where widths differ it needs `residual`.',
      );
      return tf.relu<tf.Tensor3D>(tf.add<tf.Tensor3D>(outer, passed));
    }, x),
  );
}

/** 1, 2, 4, ...: one rate a block. */
export const tcnRates = (blocks: number): number[] => Array.from({ length: blocks }, (_, i) => 2 ** i);

/** g v / |v|, the norm over taps and inputs (Salimans, Kingma 2016, eq. 2); v itself without g. */
export function normalizedKernel(v: tf.Tensor3D, g: tf.Tensor1D | undefined): tf.Tensor3D {
  if (!g) return v;
  const norm = tf.sqrt(tf.sum(tf.square(v), [0, 1]));
  return tf.mul(v, tf.div(g, norm));
}

function causalRelu(
  x: tf.Tensor3D,
  kernel: tf.Tensor3D,
  bias: tf.Tensor1D | undefined,
  dilationRate: number,
): tf.Tensor3D {
  return biasAndActivation(dilatedConv1d(x, kernel, { dilationRate, padding: 'causal' }), bias, 'relu');
}

function passedBy(x: tf.Tensor3D, residual: ConvWeights<tf.Tensor3D> | undefined): tf.Tensor3D {
  if (!residual) return x;
  return biasAndActivation(dilatedConv1d(x, residual.kernel), residual.bias, 'linear');
}
