/** Pyramid pooling of windows of a map that was computed once: the detection use of the paper. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkOneOf,
  formatValue,
  OptionError,
} from '@tfkit/core';
import { levelsOf } from './bins';
import {
  type Boxes,
  type CornerFormat,
  type HostBoxes,
  isHost,
  resolveBoxes,
  type TensorBoxes,
} from './boxes/resolve';
import { clamp, type HostRegions, type Size3, type TensorRegions } from './edges';
import { averageOfRegions, mapInfo, maxOfRegions } from './maps';
import { checkPyramidWords, defaultLevels, type PyramidOptions, vectorOf } from './spatialPyramidPool';

export interface SppWindowOptions extends PyramidOptions {
  /** Pixels of the image a cell of the map, > 0: the product of the network's strides. Needed unless units are 'cells'. */
  readonly stride?: number;
  /** 'image': boxes in pixels, mapped by the paper's rule. 'cells': first and last cells, both inside. Default 'image'. */
  readonly units?: 'image' | 'cells';
  /** Default 'xyxy'. */
  readonly boxFormat?: CornerFormat;
}

/**
 * A pyramid's vector for each window of the map, all in one pass over the windows.
 *
 * A window's first cell is floor(low / stride) + 1 and its last ceil(high / stride) - 1, the paper's rule; both are then
 * moved into the map, the last to the first at least, so that a window too small for a cell or partly outside has cells.
 * The bins are adaptive.
 *
 * @param x float32 or int32 [batch, height, width, channels]; also of rank 3 or 5, with boxes of 2 or 6 coordinates.
 * @param boxes rows (image, x1, y1, x2, y2), as arrays or float32 [boxes, 5]; without the image if the batch is 1.
 * @returns float32 [boxes, sppLength(channels, levels, dims)]. Differentiable by x; the boxes have no gradient.
 * @throws ShapeError, OptionError; ValueError for a NaN or a missing image in boxes given as arrays (see `validateBoxes`).
 *
 * Source: He et al., Spatial Pyramid Pooling (arXiv:1406.4729), section 3 and appendix A.
 */
export function sppWindow(x: tf.Tensor, boxes: Boxes, options: SppWindowOptions): tf.Tensor2D {
  const known = ['levels', 'mode', 'order', 'stride', 'units', 'boxFormat'];
  checkKnownOptions('sppWindow', options, known);
  const { levels = defaultLevels, mode = 'max', order = 'channel-minor' } = options;
  const { stride, units = 'image', boxFormat = 'xyxy' } = options;
  checkPyramidWords('sppWindow', mode, order);
  checkOneOf(['sppWindow', 'units'], units, ['image', 'cells']);
  if (units === 'image') checkStride('sppWindow', stride);
  const info = mapInfo('sppWindow', x, [3, 4, 5]);
  const bins = levelsOf('sppWindow', levels, info.dims);
  return tf.tidy(() => {
    const resolved = resolveBoxes('sppWindow', boxes, boxFormat, info.dims, info.images);
    const regions = windowRegions(resolved, units === 'image' ? stride! : undefined, info.size);
    const pooled =
      mode === 'max' ? maxOfRegions(x, info, bins, regions)[0] : averageOfRegions(x, info, bins, regions);
    return vectorOf(pooled, bins, order);
  });
}

/**
 * The windows of the map that boxes of the image are pooled over: rows (image, x1, y1, x2, y2) of first and last cells, both
 * inside, in the order of the boxes' corners.
 *
 * @param boxes arrays of numbers, rows (image, corners) in pixels.
 * @param options.stride pixels a cell, > 0.
 * @param options.mapSize [height, width] of the map in cells.
 * @throws ShapeError, OptionError; ValueError for a NaN.
 *
 * @example
 * mapWindows([[0, 20, 33, 150, 180]], { stride: 16, mapSize: [14, 14] }); // [[0, 2, 3, 9, 11]]
 */
export function mapWindows(
  boxes: readonly (readonly number[])[],
  options: {
    readonly stride: number;
    readonly mapSize: readonly number[];
    readonly boxFormat?: CornerFormat;
  },
): number[][] {
  const { stride, mapSize, boxFormat = 'xyxy' } = options;
  checkStride('mapWindows', stride);
  if (!Array.isArray(mapSize) || mapSize.length < 1 || mapSize.length > 3) {
    throw new OptionError(
      `mapWindows: mapSize must be the 1 to 3 sizes of the map, got ${formatValue(mapSize)}.`,
    );
  }
  for (const size of mapSize) checkInteger(['mapWindows', 'mapSize'], size, { min: 1 });
  const dims = mapSize.length;
  const size = [...new Array<number>(3 - dims).fill(1), ...mapSize] as unknown as Size3;
  const resolved = resolveBoxes('mapWindows', boxes, boxFormat, dims, Number.MAX_SAFE_INTEGER) as HostBoxes;
  const { start, end, image } = windowRegions(resolved, stride, size) as HostRegions;
  return Array.from({ length: resolved.count }, (_, r) => {
    const axes = Array.from({ length: dims }, (_, i) => 3 - dims + (boxFormat === 'xyxy' ? dims - 1 - i : i));
    return [image[r]!, ...axes.map((axis) => start[axis]![r]!), ...axes.map((axis) => end[axis]![r]! - 1)];
  });
}

function checkStride(functionName: string, stride: number | undefined): void {
  checkNumber([functionName, 'stride'], stride, { min: 0, open: 'min' }, 'It is the pixels of a cell.');
}

function windowRegions(
  boxes: HostBoxes | TensorBoxes,
  stride: number | undefined,
  size: Size3,
): HostRegions | TensorRegions {
  const missing = 3 - boxes.low.length;
  if (isHost(boxes)) {
    const first = boxes.low.map((low, i) =>
      low.map((v) => clamp(stride ? Math.floor(v / stride) + 1 : Math.round(v), 0, size[missing + i]! - 1)),
    );
    const last = boxes.high.map((high, i) =>
      high.map((v, r) =>
        clamp(stride ? Math.ceil(v / stride) : Math.round(v) + 1, first[i]![r]! + 1, size[missing + i]!),
      ),
    );
    const absent = (value: number) =>
      Array.from({ length: missing }, () => new Int32Array(boxes.count).fill(value));
    return {
      count: boxes.count,
      image: boxes.image,
      start: [...absent(0), ...first],
      end: [...absent(1), ...last],
    };
  }
  const first = boxes.low.map((low, i) => {
    const cell = stride ? tf.add(tf.floor(tf.div(low, stride)), 1) : tf.round(low);
    return tf.clipByValue(cell, 0, size[missing + i]! - 1);
  });
  const last = boxes.high.map((high, i) => {
    const cell = stride ? tf.ceil(tf.div(high, stride)) : tf.add(tf.round(high), 1);
    return tf.minimum(tf.maximum(cell, tf.add(first[i]!, 1)), size[missing + i]!);
  });
  const int = (values: tf.Tensor) => tf.cast(values, 'int32');
  const absent = (value: number) =>
    Array.from({ length: missing }, () => tf.fill([boxes.count], value, 'int32'));
  return {
    count: boxes.count,
    image: int(boxes.image),
    start: [...absent(0), ...first.map(int)],
    end: [...absent(1), ...last.map(int)],
  };
}
