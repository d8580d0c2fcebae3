/** Spatial pyramid pooling: one vector of fixed length from a map of any size. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkOneOf, OptionError, ShapeError } from '@tfkit/core';
import { type Bins3, binCount, levelsOf, type PyramidLevel } from './bins';
import { type MapInfo, mapInfo, pyramidAverage, pyramidMax } from './maps';
import { paperWindows } from './paperWindows';

/** What is taken of a bin: the maximum or the mean. */
export type PoolMode = 'max' | 'avg';

/**
 * channel-minor: in a level row, column, channel, the flattening of channels-last maps. channel-major: in a level channel,
 * row, column, as PyTorch flattens; take it for weights of a dense layer that were trained there.
 */
export type VectorOrder = 'channel-minor' | 'channel-major';

export interface PyramidOptions {
  /** Bins of each level along an axis, or one number an axis: [1, 2, 4], [[1, 1], [2, 3]]. Default [1, 2, 4]. */
  readonly levels?: readonly PyramidLevel[];
  /** Default 'max'. */
  readonly mode?: PoolMode;
  /** Default 'channel-minor'. */
  readonly order?: VectorOrder;
}

export interface SpatialPyramidPoolOptions extends PyramidOptions {
  /**
   * 'adaptive' bins, or the 'paper' windows of ceil(size / bins) cells with stride floor(size / bins), which are refused for
   * sizes where they give another number of bins or miss cells; see `paperWindows`. Default 'adaptive'.
   */
  readonly windows?: 'adaptive' | 'paper';
}

export const defaultLevels: readonly PyramidLevel[] = [1, 2, 4];

/**
 * A vector of fixed length for each map, whatever its size: all levels' bins pooled, level after level.
 *
 * @param x float32 or int32 [batch, height, width, channels]; [batch, length, channels] and [batch, depth, height, width,
 * channels] for sequences and volumes; or a list of maps of different sizes, each with its batch (1 for one image).
 * @param options.levels bins along an axis of each level. Default [1, 2, 4].
 * @param options.mode 'max' or 'avg'. Default 'max'.
 * @param options.order where the channels go in a level. Default 'channel-minor'.
 * @param options.windows 'adaptive' or 'paper'. Default 'adaptive'.
 * @returns float32 [batch, sppLength(channels, levels, dims)]; of a list the batches one after the other. Differentiable.
 * @throws ShapeError for another rank or maps of different channels; OptionError for a bad option, or a size for which the
 * paper's windows fail.
 *
 * @example
 * spatialPyramidPool(tf.randomNormal([2, 13, 9, 256]), { levels: [1, 2, 4] }); // [2, 5376]
 *
 * Source: He, Zhang, Ren, Sun, Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition, ECCV 2014
 * (arXiv:1406.4729), section 2.2; levels there 1, 2, 3, 6.
 */
export function spatialPyramidPool(
  x: tf.Tensor | readonly tf.Tensor[],
  options: SpatialPyramidPoolOptions = {},
): tf.Tensor2D {
  checkKnownOptions('spatialPyramidPool', options, ['levels', 'mode', 'order', 'windows']);
  const { levels = defaultLevels, mode = 'max', order = 'channel-minor', windows = 'adaptive' } = options;
  checkPyramidWords('spatialPyramidPool', mode, order);
  checkOneOf(['spatialPyramidPool', 'windows'], windows, ['adaptive', 'paper']);
  const maps = x instanceof tf.Tensor ? [x] : x;
  if (maps.length === 0) {
    throw new ShapeError('spatialPyramidPool: x must be a map or a list of at least one, got an empty list.');
  }
  const pools = maps.map((map, i) => {
    const name = x instanceof tf.Tensor ? 'x' : `x[${i}]`;
    const info = mapInfo('spatialPyramidPool', map, [3, 4, 5], name);
    const bins = levelsOf('spatialPyramidPool', levels, info.dims);
    if (windows === 'paper') for (const level of bins) checkPaperWindows(info, level);
    return { map, info, bins };
  });
  const { dims, channels } = pools[0]!.info;
  pools.forEach(({ info, map }, i) => {
    if (info.dims === dims && info.channels === channels) return;
    throw new ShapeError(
      `spatialPyramidPool: x[${i}] must have the rank and the ${channels} channels of x[0], got [${map.shape.join(', ')}].`,
    );
  });
  return tf.tidy(() => {
    const vectors = pools.map(({ map, info, bins }) => {
      const pooled = mode === 'max' ? pyramidMax(map, info, bins)[0] : pyramidAverage(map, info, bins);
      return vectorOf(pooled, bins, order);
    });
    return vectors.length === 1 ? vectors[0]! : tf.concat(vectors, 0);
  });
}

export function checkPyramidWords(functionName: string, mode: PoolMode, order: VectorOrder): void {
  checkOneOf([functionName, 'mode'], mode, ['max', 'avg']);
  checkOneOf([functionName, 'order'], order, ['channel-minor', 'channel-major']);
}

/** [regions, bins, channels] as one vector a region. */
export function vectorOf(pooled: tf.Tensor, levels: readonly Bins3[], order: VectorOrder): tf.Tensor2D {
  const [regions, bins, channels] = pooled.shape as [number, number, number];
  if (order === 'channel-minor') return tf.reshape(pooled, [regions, bins * channels]);
  const parts = tf.split(pooled, levels.map(binCount), 1);
  const turned = parts.map((part) => tf.reshape(tf.transpose(part, [0, 2, 1]), [regions, -1]));
  return tf.concat(turned, 1) as tf.Tensor2D;
}

function checkPaperWindows({ size, dims }: MapInfo, level: Bins3): void {
  for (let axis = 3 - dims; axis < 3; axis++) {
    const made = paperWindows(size[axis]!, level[axis]!);
    if (made.coversAll) continue;
    const defect = made.producesBins
      ? `leave out the last cells (window ${made.window}, stride ${made.stride})`
      : `give ${made.windowsProduced} windows (window ${made.window}, stride ${made.stride})`;
    throw new OptionError(
      `spatialPyramidPool: windows must be 'adaptive' for ${made.size} cells in ${made.bins} bins, got 'paper', whose windows ${defect}.`,
    );
  }
}
