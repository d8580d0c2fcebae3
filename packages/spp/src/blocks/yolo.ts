/** The pooling blocks of YOLO detectors with their convolutions. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions } from '@tfkit/core';
import { mapInfo } from '../maps';
import { type Activation, type ConvWeights, convolutions } from './convolution';
import { checkKernel, checkKernels, poolsOf, sppf, yoloSpp } from './slidingPools';

/** Weights of a block of two convolutions around the pools. */
export type SppBlockWeights = Readonly<Record<'cv1' | 'cv2', ConvWeights>>;

/** The seven convolutions of YOLOv7's SPPCSPC by the names of its code. */
export type SppcspcWeights = Readonly<
  Record<'cv1' | 'cv2' | 'cv3' | 'cv4' | 'cv5' | 'cv6' | 'cv7', ConvWeights>
>;

export interface SppBlockOptions {
  /** Odd integers. Default [5, 9, 13]. */
  readonly kernels?: readonly number[];
  /** After each convolution. Default 'silu'. */
  readonly activation?: Activation;
}

export interface SppfBlockOptions {
  /** An odd integer. Default 5. */
  readonly kernel?: number;
  /** After each convolution. Default 'silu'. */
  readonly activation?: Activation;
}

/**
 * YOLOv5's SPP block, float32 [batch, height, width, out]: cv2(yoloSpp(cv1(x))). Convolutions are 'same', without batch norm:
 * see `foldBatchNorm`.
 *
 * @param weights cv1 [1, 1, in, hidden], cv2 [1, 1, hidden (1 + kernels), out].
 * @throws ShapeError if a kernel does not fit; OptionError for a bad option.
 */
export function sppBlock(
  x: tf.Tensor4D,
  weights: SppBlockWeights,
  options: SppBlockOptions = {},
): tf.Tensor4D {
  checkKnownOptions('sppBlock', options, ['kernels', 'activation']);
  const { kernels = [5, 9, 13], activation = 'silu' } = options;
  mapInfo('sppBlock', x, [4]);
  checkKernels('sppBlock', kernels);
  const conv = convolutions('sppBlock', weights, ['cv1', 'cv2'], activation);
  return tf.tidy(() => conv('cv2', yoloSpp(conv('cv1', x), { kernels })));
}

/**
 * YOLOv5's SPPF block, float32 [batch, height, width, out]: cv2(sppf(cv1(x))). Convolutions are 'same', without batch norm:
 * see `foldBatchNorm`.
 *
 * @param weights cv1 [1, 1, in, hidden], cv2 [1, 1, 4 hidden, out].
 * @throws ShapeError if a kernel does not fit; OptionError for a bad option.
 *
 * Source: Jocher, YOLOv5 release 6.0 (2021).
 */
export function sppfBlock(
  x: tf.Tensor4D,
  weights: SppBlockWeights,
  options: SppfBlockOptions = {},
): tf.Tensor4D {
  checkKnownOptions('sppfBlock', options, ['kernel', 'activation']);
  const { kernel = 5, activation = 'silu' } = options;
  mapInfo('sppfBlock', x, [4]);
  checkKernel('sppfBlock', 'kernel', kernel);
  const conv = convolutions('sppfBlock', weights, ['cv1', 'cv2'], activation);
  return tf.tidy(() => conv('cv2', sppf(conv('cv1', x), { kernel })));
}

/**
 * YOLOv7's SPPCSPC, float32 [batch, height, width, out]: a branch of pools and one past them.
 * a = cv4(cv3(cv1(x))); b = cv6(cv5([a, pools of a])); cv7([b, cv2(x)]). Convolutions are 'same', without batch norm.
 *
 * @param weights kernels of 1x1, for cv3 and cv6 3x3; cv5 takes hidden (1 + kernels) channels, cv7 2 hidden.
 * @throws ShapeError if a kernel does not fit; OptionError for a bad option.
 *
 * Source: Wang, Bochkovskiy, Liao, YOLOv7, CVPR 2023 (arXiv:2207.02696).
 */
export function sppcspc(x: tf.Tensor4D, weights: SppcspcWeights, options: SppBlockOptions = {}): tf.Tensor4D {
  checkKnownOptions('sppcspc', options, ['kernels', 'activation']);
  const { kernels = [5, 9, 13], activation = 'silu' } = options;
  mapInfo('sppcspc', x, [4]);
  checkKernels('sppcspc', kernels);
  const names = ['cv1', 'cv2', 'cv3', 'cv4', 'cv5', 'cv6', 'cv7'] as const;
  const conv = convolutions('sppcspc', weights, names, activation);
  return tf.tidy(() => {
    const a = conv('cv4', conv('cv3', conv('cv1', x)));
    const b = conv('cv6', conv('cv5', tf.concat([a, ...poolsOf(a, kernels)], 3)));
    return conv('cv7', tf.concat([b, conv('cv2', x)], 3));
  });
}
