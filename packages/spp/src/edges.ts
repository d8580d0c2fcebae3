/** Tables of the edges of bins: of whole maps, of regions known on the host, and of regions in tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { type Bins3, binCount, binOf } from './bins';
import { edgeNumbers } from './loops/geometry';

export type Size3 = readonly [depth: number, height: number, width: number];

/** Regions of a map: cells [start, end) along depth, rows and columns, which may lie outside. */
export interface HostRegions {
  readonly count: number;
  readonly image: ArrayLike<number>;
  readonly start: readonly ArrayLike<number>[];
  readonly end: readonly ArrayLike<number>[];
}

/** The same in tensors int32 [regions]. */
export interface TensorRegions {
  readonly count: number;
  readonly image: tf.Tensor;
  readonly start: readonly tf.Tensor[];
  readonly end: readonly tf.Tensor[];
}

/** `value` moved into [low, high]; low where they cross. */
export const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, value));

export const isHostRegions = (regions: HostRegions | TensorRegions): regions is HostRegions =>
  !(regions.image instanceof tf.Tensor);

/** int32 [regions]: the image of each. */
export const regionsImages = (regions: HostRegions | TensorRegions): tf.Tensor =>
  isHostRegions(regions) ? tf.tensor1d(Int32Array.from(regions.image), 'int32') : regions.image;

/** Every image whole. */
export function wholeRegions(images: number, size: Size3): HostRegions {
  return {
    count: images,
    image: Int32Array.from({ length: images }, (_, i) => i),
    start: size.map(() => new Int32Array(images)),
    end: size.map((length) => new Int32Array(images).fill(length)),
  };
}

/** int32 [regions, bins of all levels, 7]: the image, then [start, end) of the bin along each axis, cut to the map. */
export function edgeTable(
  regions: HostRegions | TensorRegions,
  levels: readonly Bins3[],
  size: Size3,
): tf.Tensor {
  if (!isHostRegions(regions)) return tensorTable(regions, levels, size);
  const bins = levels.reduce((sum, level) => sum + binCount(level), 0);
  return tf.tensor(hostTable(regions, levels, size), [regions.count, bins, edgeNumbers], 'int32');
}

export function hostTable(regions: HostRegions, levels: readonly Bins3[], size: Size3): Int32Array {
  const bins = levels.reduce((sum, level) => sum + binCount(level), 0);
  const table = new Int32Array(regions.count * bins * edgeNumbers);
  const edges = levels.map((level) => level.map((n) => new Int32Array(2 * n)));
  let at = 0;
  for (let r = 0; r < regions.count; r++) {
    for (const level of edges) {
      const [depths, rows, columns] = level as [Int32Array, Int32Array, Int32Array];
      for (const [axis, bins] of level.entries()) fillBins(bins, regions, r, axis, size[axis]!);
      for (let d = 0; d < depths.length; d += 2) {
        for (let h = 0; h < rows.length; h += 2) {
          for (let w = 0; w < columns.length; w += 2) {
            table[at++] = regions.image[r]!;
            table[at++] = depths[d]!;
            table[at++] = depths[d + 1]!;
            table[at++] = rows[h]!;
            table[at++] = rows[h + 1]!;
            table[at++] = columns[w]!;
            table[at++] = columns[w + 1]!;
          }
        }
      }
    }
  }
  return table;
}

/** [start, end) of the bins of a region along an axis, one pair after the other. */
function fillBins(
  bins: Int32Array,
  { start, end }: HostRegions,
  region: number,
  axis: number,
  size: number,
): void {
  const from = start[axis]![region]!;
  const length = end[axis]![region]! - from;
  const n = bins.length / 2;
  for (let i = 0; i < n; i++) {
    const bin = binOf(i, length, n);
    bins[2 * i] = clamp(from + bin.start, 0, size);
    bins[2 * i + 1] = clamp(from + bin.end, 0, size);
  }
}

function tensorTable(regions: TensorRegions, levels: readonly Bins3[], size: Size3): tf.Tensor {
  const count = regions.count;
  return tf.concat(
    levels.map((level) => {
      const shape = [count, ...level];
      // An axis of bins lies along its own axis of [regions, depth, rows, columns] and repeats along the others.
      const spread = (values: tf.Tensor, axis: number) => {
        const own = [count, 1, 1, 1].map((length, i) => (i === axis + 1 ? level[axis]! : length));
        return tf.broadcastTo(tf.reshape(values, own), shape);
      };
      const edges = level.flatMap((n, axis) =>
        tensorBins(regions, axis, n, size[axis]!).map((values) => spread(values, axis)),
      );
      const image = tf.broadcastTo(tf.reshape(regions.image, [count, 1, 1, 1]), shape);
      return tf.reshape(tf.stack([image, ...edges], -1), [count, binCount(level), edgeNumbers]);
    }),
    1,
  );
}

/** [start, end) of the bins along an axis, each int32 [regions, n]. */
export function tensorBins(
  { count, start, end }: TensorRegions,
  axis: number,
  n: number,
  size: number,
): [start: tf.Tensor, end: tf.Tensor] {
  const int = (value: number) => tf.scalar(value, 'int32');
  const from = tf.reshape(start[axis]!, [count, 1]);
  const length = tf.sub(tf.reshape(end[axis]!, [count, 1]), from);
  const i = tf.reshape(tf.range(0, n, 1, 'int32'), [1, n]);
  const first = tf.floorDiv(tf.mul(i, length), int(n));
  const last = tf.floorDiv(tf.add(tf.mul(tf.add(i, int(1)), length), int(n - 1)), int(n));
  const cut = (cell: tf.Tensor) => tf.minimum(tf.maximum(tf.add(from, cell), int(0)), int(size));
  return [cut(first), cut(last)];
}
