/** RoIAlign, on one map and on the levels of a feature pyramid. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkOneOf,
  formatShape,
  formatValue,
  OptionError,
  ShapeError,
} from '@tfkit/core';
import { type AlignAxis, hostAlignWeights, tensorAlignWeights } from './alignWeights';
import { binsOf } from './bins';
import {
  type Boxes,
  type CornerFormat,
  type HostBoxes,
  imageIds,
  isHost,
  resolveBoxes,
  type TensorBoxes,
} from './boxes/resolve';
import { assignLevels, type FpnOptions } from './fpnLevels';
import { asFloat, mapInfo } from './maps';
import { separable } from './ops/separable';

export interface RoiAlignOptions {
  /** Bins along both axes, or [rows, columns]. */
  readonly outputSize: number | readonly [rows: number, columns: number];
  /** Cells of the map a pixel of the image, > 0: 1 / stride. Default 1. */
  readonly spatialScale?: number;
  /** Samples along each axis of a bin; 'adaptive': ceil(length of the bin in cells). Default 'adaptive'. */
  readonly samplingRatio?: number | 'adaptive';
  /** true: half a cell is taken off, so that pixel centres meet cell centres. Default true; torchvision's is false. */
  readonly aligned?: boolean;
  /** Default 'xyxy'. */
  readonly boxFormat?: CornerFormat;
}

/**
 * Means float32 [boxes, rows, columns, channels] of bilinear samples in the bins of each box; nothing is rounded. A sample
 * outside of [-1, size] counts as 0. A box without extent gives 0 with adaptive sampling, and so does an inverted one
 * unless not aligned (then both sides are 1 cell at least).
 *
 * @param x float32 or int32 [batch, height, width, channels].
 * @param boxes rows (image, x1, y1, x2, y2) in pixels, as arrays or float32 [boxes, 5]; they have no gradient.
 * @returns The caller disposes it. Differentiable by x.
 * @throws ShapeError, OptionError; ValueError for a NaN or a missing image in boxes given as arrays (see `validateBoxes`).
 *
 * @example
 * roiAlign(map, [[0, 4.5, 3.25, 20, 30.5]], { outputSize: 7, spatialScale: 1 / 16 }); // [1, 7, 7, channels]
 *
 * Source: He, Gkioxari, Dollar, Girshick, Mask R-CNN, ICCV 2017 (arXiv:1703.06870), section 3; torchvision.ops.roi_align.
 */
export function roiAlign(x: tf.Tensor4D, boxes: Boxes, options: RoiAlignOptions): tf.Tensor4D {
  checkKnownOptions('roiAlign', options, [
    'outputSize',
    'spatialScale',
    'samplingRatio',
    'aligned',
    'boxFormat',
  ]);
  const { spatialScale = 1, boxFormat = 'xyxy' } = options;
  checkNumber(['roiAlign', 'spatialScale'], spatialScale, { min: 0, open: 'min' });
  const sampling = samplingOf('roiAlign', options);
  const info = mapInfo('roiAlign', x, [4]);
  return tf.tidy(() => {
    const resolved = resolveBoxes('roiAlign', boxes, boxFormat, 2, info.images);
    return alignBoxes(x, resolved, { ...sampling, scale: spatialScale });
  });
}

export interface MultiScaleRoiAlignOptions
  extends Pick<RoiAlignOptions, 'outputSize' | 'samplingRatio' | 'aligned' | 'boxFormat'>,
    Pick<FpnOptions, 'canonicalScale' | 'canonicalLevel'> {
  /** Cells a pixel of each map, descending powers of 2: [1/4, 1/8, 1/16, 1/32]. */
  readonly spatialScales: readonly number[];
}

/**
 * RoIAlign of each box on the level of a feature pyramid that fits its size (see `fpnLevels`), float32 [boxes, rows,
 * columns, channels] in the order of the boxes.
 *
 * @param maps float32 [batch, height, width, channels] for each level, finest first.
 * @param boxes rows (image, x1, y1, x2, y2) in pixels of the image, as arrays or float32 [boxes, 5].
 * @throws ShapeError if maps disagree in batch or channels, or in number with spatialScales; OptionError, ValueError.
 *
 * Source: Lin et al., Feature Pyramid Networks, CVPR 2017 (arXiv:1612.03144), eq. 1; torchvision.ops.MultiScaleRoIAlign.
 */
export function multiScaleRoiAlign(
  maps: readonly tf.Tensor4D[],
  boxes: Boxes,
  options: MultiScaleRoiAlignOptions,
): tf.Tensor4D {
  checkKnownOptions('multiScaleRoiAlign', options, [
    'outputSize',
    'samplingRatio',
    'aligned',
    'boxFormat',
    'spatialScales',
    'canonicalScale',
    'canonicalLevel',
  ]);
  const { spatialScales, boxFormat = 'xyxy' } = options;
  const sampling = samplingOf('multiScaleRoiAlign', options);
  const [first] = maps;
  if (!first || maps.length !== spatialScales?.length) {
    throw new ShapeError(
      `multiScaleRoiAlign: maps must be as many as spatialScales, at least one, got ${maps.length} for ${formatValue(spatialScales)}.`,
    );
  }
  maps.forEach((map, i) => {
    mapInfo('multiScaleRoiAlign', map, [4], `maps[${i}]`);
    if (map.shape[0] === first.shape[0] && map.shape[3] === first.shape[3]) return;
    throw new ShapeError(
      `multiScaleRoiAlign: maps[${i}] must have the batch and channels of maps[0] ${formatShape(first.shape)}, got ${formatShape(map.shape)}.`,
    );
  });
  return tf.tidy(() => {
    const resolved = resolveBoxes('multiScaleRoiAlign', boxes, boxFormat, 2, first.shape[0]);
    const assigned = assignLevels('multiScaleRoiAlign', resolved, options);
    // A box's weights are 0 on every level but its own, and kernels pass over zeros.
    const parts = maps.map((map, level) =>
      alignBoxes(map, resolved, { ...sampling, scale: spatialScales[level]! }, assigned[level]),
    );
    return parts.length === 1 ? parts[0]! : (tf.addN(parts) as tf.Tensor4D);
  });
}

interface Sampling {
  readonly rows: number;
  readonly columns: number;
  readonly samplingRatio: number;
  readonly aligned: boolean;
}

function samplingOf(
  functionName: string,
  { outputSize, samplingRatio = 'adaptive', aligned = true }: Omit<RoiAlignOptions, 'spatialScale'>,
): Sampling {
  const [, rows, columns] = binsOf(functionName, 'outputSize', outputSize, 2);
  checkOneOf([functionName, 'aligned'], aligned as never, [true, false] as never[]);
  if (samplingRatio !== 'adaptive') {
    if (typeof samplingRatio !== 'number') {
      throw new OptionError(
        `${functionName}: samplingRatio must be an integer >= 1 or 'adaptive', got ${formatValue(samplingRatio)}.`,
      );
    }
    checkInteger([functionName, 'samplingRatio'], samplingRatio, { min: 1, max: 64 });
  }
  return { rows, columns, samplingRatio: samplingRatio === 'adaptive' ? 0 : samplingRatio, aligned };
}

/** `share` float32 [boxes]: a factor of each box's weights. */
function alignBoxes(
  x: tf.Tensor4D,
  boxes: HostBoxes | TensorBoxes,
  { rows, columns, ...sampling }: Sampling & { readonly scale: number },
  share?: tf.Tensor,
): tf.Tensor4D {
  const [, height, width] = x.shape;
  const a = axisWeights(boxes, 0, { ...sampling, bins: rows, size: height });
  const b = axisWeights(boxes, 1, { ...sampling, bins: columns, size: width });
  const shared = share ? tf.mul(a, tf.reshape(share, [boxes.count, 1, 1])) : a;
  const inputs = { x: asFloat(x), a: shared, b, images: imageIds(boxes) };
  return separable(inputs, { whole: false }) as tf.Tensor4D;
}

function axisWeights(boxes: HostBoxes | TensorBoxes, axis: 0 | 1, align: AlignAxis): tf.Tensor {
  if (!isHost(boxes)) return tensorAlignWeights(boxes.low[axis]!, boxes.high[axis]!, align);
  const weights = hostAlignWeights(boxes.low[axis]!, boxes.high[axis]!, align);
  return tf.tensor(weights, [boxes.count, align.bins, align.size]);
}
