/** A map of one, two or three spatial axes as one of three, and its pyramids of bins. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkRank, formatShape, ShapeError } from '@tfkit/core';
import { type Bins3, planLevels } from './bins';
import {
  edgeTable,
  type HostRegions,
  regionsImages,
  type Size3,
  type TensorRegions,
  wholeRegions,
} from './edges';
import { binMax } from './ops/maxima';
import { separable } from './ops/separable';
import { averageWeights, regionWeights } from './weights';

/** The shape of a map, axes that it lacks as 1. */
export interface MapInfo {
  readonly dims: number;
  readonly images: number;
  readonly size: Size3;
  readonly channels: number;
}

const axesOf: Record<number, string> = {
  3: '[batch, length, channels]',
  4: '[batch, height, width, channels]',
  5: '[batch, depth, height, width, channels]',
};

/** Checks a map's rank, dtype and sizes. */
export function mapInfo(
  functionName: string,
  x: tf.Tensor,
  ranks: readonly number[],
  argument = 'x',
): MapInfo {
  checkRank([functionName, argument], x, ranks, ranks.length === 1 ? axesOf[ranks[0]!] : undefined);
  checkDType([functionName, argument], x, ['float32', 'int32']);
  const spatial = x.shape.slice(1, -1);
  if (spatial.some((length) => length === 0)) {
    throw new ShapeError(
      `${functionName}: ${argument} must have at least one cell, got ${formatShape(x.shape)}.`,
    );
  }
  const size = [...new Array<number>(3 - spatial.length).fill(1), ...spatial] as unknown as Size3;
  return { dims: spatial.length, images: x.shape[0]!, size, channels: x.shape[x.rank - 1]! };
}

/** The tensor itself if it is float32: on some backends a cast to the same dtype is a copy. */
export const asFloat = <T extends tf.Tensor>(x: T): T => (x.dtype === 'float32' ? x : tf.cast(x, 'float32'));

/** float32 [images, depth, rows, columns, channels]. */
export const asMap5 = (x: tf.Tensor, { images, size, channels }: MapInfo): tf.Tensor =>
  tf.reshape(asFloat(x), [images, ...size, channels]);

/** Maxima [images, bins of all levels, channels], and with `cells` the cells they come from. */
export function pyramidMax(
  x: tf.Tensor,
  info: MapInfo,
  levels: readonly Bins3[],
  cells = isRecording(),
): readonly [tf.Tensor, ...tf.Tensor[]] {
  return maxOfRegions(x, info, levels, wholeRegions(info.images, info.size), { whole: true, cells });
}

/** Maxima [regions, bins of all levels, channels], and with `cells` the cells they come from, which a gradient needs. */
export function maxOfRegions(
  x: tf.Tensor,
  info: MapInfo,
  levels: readonly Bins3[],
  regions: HostRegions | TensorRegions,
  { whole = false, cells = isRecording() } = {},
): readonly [tf.Tensor, ...tf.Tensor[]] {
  const edges = edgeTable(regions, levels, info.size);
  const inputs = { x: asMap5(x, info), edges, images: regionsImages(regions) };
  return binMax.all(inputs, { plan: planLevels(levels), whole, cells });
}

/** Whether tfjs records a tape, so that the gradient of what runs now may be asked for. If it does not tell, yes. */
function isRecording(): boolean {
  const { state } = tf.engine() as unknown as { state?: { gradientDepth?: number } };
  return (state?.gradientDepth ?? 1) > 0;
}

/** Averages [images, bins of all levels, channels]. A level whose bins tile those of a finer one is averaged from it. */
export function pyramidAverage(x: tf.Tensor, info: MapInfo, levels: readonly Bins3[]): tf.Tensor {
  const map = asMap5(x, info);
  const averages = new Map<number, tf.Tensor>();
  for (const { level, bins, source } of planLevels(levels)) {
    // Bins of one size alone: an average of averages weighs them alike.
    const tiled = source !== undefined && levels[source]!.every((n, axis) => info.size[axis]! % n === 0);
    averages.set(level, averageBins(tiled ? averages.get(source)! : map, bins));
  }
  const rows = levels.map((_, level) => tf.reshape(averages.get(level)!, [info.images, -1, info.channels]));
  return rows.length === 1 ? rows[0]! : tf.concat(rows, 1);
}

/** Averages [images, ...bins, channels] of a map [images, depth, rows, columns, channels]. */
function averageBins(x: tf.Tensor, [d, h, w]: Bins3): tf.Tensor {
  const [images, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const flat = alongAxes(
    tf.reshape(x, [images * depth, height, width, channels]),
    averageWeights(h, height),
    averageWeights(w, width),
  );
  if (depth === 1 && d === 1) return tf.reshape(flat, [images, 1, h, w, channels]);
  const deep = tf.reshape(flat, [images, depth, 1, h * w * channels]);
  return tf.reshape(alongAxes(deep, averageWeights(d, depth), Float32Array.of(1)), [
    images,
    d,
    h,
    w,
    channels,
  ]);
}

/** One matrix [rows, height] and one [columns, width] over every image of [images, height, width, channels]. */
export function alongAxes(x: tf.Tensor, rows: Float32Array, columns: Float32Array): tf.Tensor {
  const [images, height, width] = x.shape as [number, number, number];
  const a = tf.tensor(rows, [1, rows.length / height, height]);
  const b = tf.tensor(columns, [1, columns.length / width, width]);
  const ids = tf.tensor1d(
    Int32Array.from({ length: images }, (_, i) => i),
    'int32',
  );
  return separable({ x, a, b, images: ids }, { whole: true });
}

/** Averages [regions, bins of all levels, channels]; an empty bin gives 0. */
export function averageOfRegions(
  x: tf.Tensor,
  info: MapInfo,
  levels: readonly Bins3[],
  regions: HostRegions | TensorRegions,
): tf.Tensor {
  const { size, images, channels } = info;
  const [depth, height, width] = size;
  // Depth as rows, rows and columns together as columns: a separable op has two axes.
  const map = tf.reshape(asFloat(x), [images, depth, height * width, channels]);
  const rows = levels.map(([d, h, w]) => {
    const a = regionWeights(regions, 0, d, depth);
    const overRows = tf.reshape(regionWeights(regions, 1, h, height), [regions.count, h, 1, height, 1]);
    const overColumns = tf.reshape(regionWeights(regions, 2, w, width), [regions.count, 1, w, 1, width]);
    if (depth === 1) {
      const flat = tf.reshape(map, [images, height, width, channels]);
      const [a2, b2] = [
        tf.reshape(overRows, [regions.count, h, height]),
        tf.reshape(overColumns, [regions.count, w, width]),
      ];
      const pooled = separable({ x: flat, a: a2, b: b2, images: regionsImages(regions) }, { whole: false });
      return tf.reshape(pooled, [regions.count, h * w, channels]);
    }
    const b = tf.reshape(tf.mul(overRows, overColumns), [regions.count, h * w, height * width]);
    const pooled = separable({ x: map, a, b, images: regionsImages(regions) }, { whole: false });
    return tf.reshape(pooled, [regions.count, d * h * w, channels]);
  });
  return rows.length === 1 ? rows[0]! : tf.concat(rows, 1);
}
