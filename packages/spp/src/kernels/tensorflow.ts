/**
 * Maxima by TensorFlow's own pools where they can: windows around every cell, and bins of one size that cover the map. They
 * take the first of equal values in row-major order, as everything here does.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { FastKernel } from '@tfkit/core/tfjs';
import type { Bins3, PlannedLevel } from '../bins';
import type { ScatterAttributes } from '../ops/maxima';

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The internals of tfjs-node 4.22 that are used here. */
interface TensorflowBackend {
  readonly binding: Record<
    'TF_ATTR_TYPE' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_ATTR_INT' | 'TF_FLOAT' | 'TF_INT32',
    number
  >;
  executeMultipleOutputs(
    op: string,
    attributes: Attribute[],
    inputs: tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
}

/** Values and cells of [images, height, width, channels]. */
function maxPool(
  backend: TensorflowBackend,
  x: tf.Tensor,
  bin: readonly [number, number],
): [values: tf.Tensor, cells: tf.Tensor] {
  const { binding } = backend;
  const ints = (name: string, [h, w]: readonly [number, number]) => ({
    name,
    type: binding.TF_ATTR_INT,
    value: [1, h, w, 1],
  });
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'Targmax', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
    ints('ksize', bin),
    ints('strides', bin),
    { name: 'padding', type: binding.TF_ATTR_STRING, value: 'VALID' },
    { name: 'include_batch_in_index', type: binding.TF_ATTR_BOOL, value: false },
  ];
  const [values, positions] = backend.executeMultipleOutputs('MaxPoolWithArgmax', attributes, [x], 2);
  return [values!, tf.floorDiv(positions!, tf.scalar(x.shape[3]!, 'int32'))];
}

/** The maxima and, in place of their cells, the map: finding cells costs TensorFlow four times what the maxima cost. */
export const slidingMax: FastKernel = ({ x }: { x: tf.Tensor4D }, { radius }) => [
  tf.maxPool(x, 2 * radius + 1, 1, 'same'),
  x,
];

/**
 * First back over rows of windows, then along each row: 2 k comparisons a window instead of k squared, and of equal
 * maxima still the first in row-major order, since that is the first row, and in it the first column.
 */
export function slidingMaxGradient(dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor, radius: number): tf.Tensor {
  const size = 2 * radius + 1;
  const alongRows = tf.maxPool(x as tf.Tensor4D, [1, size], 1, 'same');
  const back = (dy: tf.Tensor, input: tf.Tensor, output: tf.Tensor, filterSize: [number, number]) =>
    tf
      .engine()
      .runKernel('MaxPoolGrad', { dy, input, output }, { filterSize, strides: 1, pad: 'same' }) as tf.Tensor;
  return back(back(dy, alongRows, y, [size, 1]), x, alongRows, [1, size]);
}

export const binMax: FastKernel = ({ x }: { x: tf.Tensor }, { plan, whole }, backend: TensorflowBackend) => {
  const [images, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const sources = (plan as PlannedLevel[]).filter(({ source }) => source === undefined);
  const divides = sources.every(
    ({ bins: [, rows, columns] }) => height % rows === 0 && width % columns === 0,
  );
  if (!whole || depth !== 1 || !divides || plan.some(({ bins }: PlannedLevel) => bins[0] !== 1))
    return undefined;
  const flat = tf.reshape(x, [images, height, width, channels]);
  const found = new Map<number, [tf.Tensor, tf.Tensor]>();
  for (const planned of plan as PlannedLevel[]) {
    const { level, bins, source } = planned;
    const size: [number, number] = [height / bins[1], width / bins[2]];
    const finer = plan.find((other: PlannedLevel) => other.level === source)?.bins;
    found.set(level, finer ? coarser(found.get(source!)!, finer, bins) : maxPool(backend, flat, size));
  }
  const levels = [...found.entries()].sort(([a], [b]) => a - b).map(([, pair]) => pair);
  return [0, 1].map((i) =>
    tf.concat(
      levels.map((pair) => tf.reshape(pair[i]!, [images, -1, channels])),
      1,
    ),
  );
};

/** Of the bins that nest in a coarser one, the maximum, and of equal ones the lowest cell. A NaN wins. */
function coarser([values, cells]: [tf.Tensor, tf.Tensor], finer: Bins3, bins: Bins3): [tf.Tensor, tf.Tensor] {
  const [images, channels] = [values.shape[0]!, values.shape[values.rank - 1]!];
  const shape = [images, bins[1], finer[1] / bins[1], bins[2], finer[2] / bins[2], channels];
  const parts = tf.reshape(values, shape);
  const highest = tf.max(parts, [2, 4], true);
  const isHighest = tf.logicalOr(tf.equal(parts, highest), tf.isNaN(parts));
  const where = tf.where(isHighest, tf.reshape(cells, shape), tf.scalar(2 ** 31 - 1, 'int32'));
  return [tf.squeeze(highest, [2, 4]), tf.min(where, [2, 4])];
}

/** Flat positions, added up by UnsortedSegmentSum, which drops what is negative. */
export const scatter: FastKernel = (
  { dy, found, images }: Record<'dy' | 'found' | 'images', tf.Tensor>,
  { images: count, cellCount }: ScatterAttributes,
) => {
  const channels = found.shape[2]!;
  const size = count * cellCount * channels;
  if (size >= 2 ** 31) return undefined;
  const int = (value: number) => tf.scalar(value, 'int32');
  const image = tf.reshape(images, [-1, 1, 1]);
  const cell = tf.add(tf.mul(image, int(cellCount)), found);
  const positions = tf.add(tf.mul(cell, int(channels)), tf.range(0, channels, 1, 'int32'));
  const known = tf.logicalAnd(
    tf.greaterEqual(found, int(0)),
    tf.logicalAnd(tf.greaterEqual(image, int(0)), tf.less(image, int(count))),
  );
  const ids = tf.reshape(tf.where(known, positions, int(-1)), [-1]) as tf.Tensor1D;
  const sums = tf.unsortedSegmentSum(tf.reshape(dy, [-1]), ids, size);
  return tf.reshape(sums, [count, cellCount, channels]);
};
