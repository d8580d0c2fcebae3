/**
 * Boxes as they are given, in the order of the map's axes. Boxes given as numbers stay numbers, so that their edges are
 * found in float64 and bad values are errors; boxes in a tensor stay on their backend and are never read.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkOneOf, formatShape, formatValue, ShapeError, ValueError } from '@tfkit/core';
import { defineOp } from '@tfkit/core/tfjs';

/** A box's corners: (x1, y1, x2, y2), or (y1, x1, y2, x2) as in tf.image. In 1-D and 3-D: (x1, x2), (x1, y1, z1, x2, y2, z2). */
export type CornerFormat = 'xyxy' | 'yxyx';

/**
 * Boxes with the image they lie in: rows (image, corners...), or corners alone if the map holds one image. A tensor
 * float32 [boxes, 5], arrays of numbers, or one flat typed array of rows with the image.
 */
export type Boxes = tf.Tensor | readonly (readonly number[])[] | Float32Array | Float64Array;

/** What the formulas need of a number: both a host number and a tensor [boxes] have it. */
export interface ResolvedBoxes<T> {
  readonly count: number;
  readonly image: T;
  /** One entry for each spatial axis, in the order of the map's axes. */
  readonly low: readonly T[];
  readonly high: readonly T[];
}

export type HostBoxes = ResolvedBoxes<Float64Array>;
export type TensorBoxes = ResolvedBoxes<tf.Tensor>;

export const isHost = (boxes: HostBoxes | TensorBoxes): boxes is HostBoxes =>
  boxes.image instanceof Float64Array;

export function resolveBoxes(
  functionName: string,
  boxes: Boxes,
  format: CornerFormat,
  dims: number,
  images: number,
): HostBoxes | TensorBoxes {
  checkOneOf([functionName, 'boxFormat'], format, ['xyxy', 'yxyx']);
  const axis = (i: number) => (format === 'xyxy' ? dims - 1 - i : i);
  if (boxes instanceof tf.Tensor) return ofTensor(functionName, boxes, dims, images, axis);
  const rows = rowsOf(functionName, boxes, dims, images);
  const column = (index: number) => Float64Array.from(rows, (row) => row[index]!);
  const axes = Array.from({ length: dims }, (_, i) => axis(i));
  return {
    count: rows.length,
    image: column(0),
    low: axes.map((i) => column(1 + i)),
    high: axes.map((i) => column(1 + dims + i)),
  };
}

function rowsOf(
  functionName: string,
  boxes: Exclude<Boxes, tf.Tensor>,
  dims: number,
  images: number,
): number[][] {
  const columns = 1 + 2 * dims;
  if (ArrayBuffer.isView(boxes) && boxes.length % columns !== 0) {
    throw new ShapeError(
      `${functionName}: boxes must hold rows of ${columns} numbers (image, corners), got ${boxes.length} numbers.`,
    );
  }
  const list = ArrayBuffer.isView(boxes)
    ? Array.from({ length: boxes.length / columns }, (_, i) =>
        Array.from(boxes.subarray(i * columns, (i + 1) * columns)),
      )
    : boxes;
  if (!Array.isArray(list)) {
    throw new ShapeError(
      `${functionName}: boxes must be a tensor or a list of boxes, got ${formatValue(boxes)}.`,
    );
  }
  return list.map((given: readonly number[], i) => {
    const row = images === 1 && given.length === columns - 1 ? [0, ...given] : [...given];
    if (row.length !== columns) {
      throw new ShapeError(
        `${functionName}: boxes[${i}] must have ${columns} numbers (image, corners), got ${given.length}.`,
      );
    }
    if (!row.every(Number.isFinite)) {
      throw new ValueError(`${functionName}: boxes[${i}] must be finite, got ${formatValue(row)}.`);
    }
    if (!Number.isInteger(row[0]) || row[0]! < 0 || row[0]! >= images) {
      throw new ValueError(
        `${functionName}: boxes[${i}][0] must be the number of an image in [0, ${images - 1}], got ${row[0]}.`,
      );
    }
    return row;
  });
}

/** A tensor off the tape: an op without inputs depends on nothing. Boxes are constants, as in torchvision. */
const constant = defineOp<Record<string, never>, { readonly compute: () => tf.Tensor }>({
  name: 'SppConstant',
  forward: (_, { compute }) => compute(),
  gradient: () => ({}),
});

function ofTensor(
  functionName: string,
  boxes: tf.Tensor,
  dims: number,
  images: number,
  axis: (i: number) => number,
): TensorBoxes {
  checkDType([functionName, 'boxes'], boxes, ['float32', 'int32']);
  const columns = boxes.shape[1];
  const bare = images === 1 && columns === 2 * dims;
  if (boxes.rank !== 2 || (columns !== 1 + 2 * dims && !bare)) {
    throw new ShapeError(
      `${functionName}: boxes must have shape [*, ${1 + 2 * dims}] (image, corners), got ${formatShape(boxes.shape)}.`,
    );
  }
  const count = boxes.shape[0]!;
  const numbers = constant({}, { compute: () => tf.cast(boxes, 'float32') });
  const column = (index: number) => tf.reshape(tf.slice(numbers, [0, index], [count, 1]), [count]);
  const first = bare ? 0 : 1;
  const axes = Array.from({ length: dims }, (_, i) => axis(i));
  return {
    count,
    image: bare ? tf.zeros([count]) : column(0),
    low: axes.map((i) => column(first + i)),
    high: axes.map((i) => column(first + dims + i)),
  };
}

/** int32 [boxes] on the current backend. */
export const imageIds = (boxes: HostBoxes | TensorBoxes): tf.Tensor =>
  isHost(boxes) ? tf.tensor1d(Int32Array.from(boxes.image), 'int32') : tf.cast(boxes.image, 'int32');
