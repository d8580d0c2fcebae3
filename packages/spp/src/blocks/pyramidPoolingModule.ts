/** The pyramid pooling module of PSPNet. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkOneOf, formatValue, OptionError } from '@tfkit/core';
import { adaptiveAvgPool2d } from '../adaptivePool';
import { alongAxes, asFloat, mapInfo } from '../maps';
import { resizeWeights } from '../weights';
import { type Activation, type ConvWeights, convolutions } from './convolution';

export interface PyramidPoolingModuleOptions {
  /** Bins along both axes of each branch. Default [1, 2, 3, 6]. */
  readonly bins?: readonly number[];
  /**
   * How branches are resized: true, corners on corners, as the original does; false, half-pixel centres, the default of mmseg.
   * Weights trained with one do not fit the other. Default false.
   */
  readonly alignCorners?: boolean;
  /** After each convolution. Default 'relu'. */
  readonly activation?: Activation;
}

/**
 * The map and, for each number of bins, its averages after a 1x1 convolution, resized to the map: float32 [batch, height, width,
 * channels + out of all branches], the map first.
 *
 * @param x float32 [batch, height, width, channels].
 * @param weights one convolution [1, 1, channels, out] for each of bins, in their order, without batch norm (`foldBatchNorm`).
 * @throws ShapeError if a kernel does not fit; OptionError if weights and bins differ in number.
 *
 * Source: Zhao et al., Pyramid Scene Parsing Network, CVPR 2017 (arXiv:1612.01105), section 3.2.
 */
export function pyramidPoolingModule(
  x: tf.Tensor4D,
  weights: readonly ConvWeights[],
  options: PyramidPoolingModuleOptions = {},
): tf.Tensor4D {
  checkKnownOptions('pyramidPoolingModule', options, ['bins', 'alignCorners', 'activation']);
  const { bins = [1, 2, 3, 6], alignCorners = false, activation = 'relu' } = options;
  mapInfo('pyramidPoolingModule', x, [4]);
  if (!Array.isArray(weights) || weights.length !== bins.length) {
    throw new OptionError(
      `pyramidPoolingModule: weights must be one convolution for each of bins ${formatValue(bins)}, got ${formatValue(weights)}.`,
    );
  }
  const named = Object.fromEntries(weights.map((weight, i) => [`${i}`, weight]));
  const conv = convolutions('pyramidPoolingModule', named, Object.keys(named), activation);
  return tf.tidy(() => {
    const branches = bins.map((n, i) => {
      const branch = conv(`${i}`, adaptiveAvgPool2d(x, n));
      return resizeBilinear(branch, [x.shape[1], x.shape[2]], { alignCorners });
    });
    return tf.concat([asFloat(x), ...branches], 3);
  });
}

/**
 * The map at another size by bilinear interpolation, float32 [batch, height, width, channels]. Unlike tf.image.resizeBilinear
 * its gradient is right for half-pixel centres too.
 *
 * @param size [height, width].
 * @param options.alignCorners corners on corners rather than half-pixel centres. Default false.
 * @throws ShapeError for another rank; OptionError for a bad size.
 */
export function resizeBilinear(
  x: tf.Tensor4D,
  size: readonly [height: number, width: number],
  options: { readonly alignCorners?: boolean } = {},
): tf.Tensor4D {
  checkKnownOptions('resizeBilinear', options, ['alignCorners']);
  const { alignCorners = false } = options;
  mapInfo('resizeBilinear', x, [4]);
  checkOneOf(['resizeBilinear', 'alignCorners'], alignCorners as never, [true, false] as never[]);
  for (const length of size) checkInteger(['resizeBilinear', 'size'], length, { min: 1 });
  const [, height, width] = x.shape;
  return tf.tidy(
    () =>
      alongAxes(
        asFloat(x),
        resizeWeights(size[0], height, alignCorners),
        resizeWeights(size[1], width, alignCorners),
      ) as tf.Tensor4D,
  );
}
