/** Conventions of boxes, and the way from any to any. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkInteger, checkOneOf, formatValue, OptionError, ShapeError } from '@tfkit/core';

/**
 * How four numbers are a box. xyxy: left, top, right, bottom (torchvision, COCO results of detectors). yxyx: the same by
 * rows first (tf.image). xywh: left, top, width, height (COCO annotations). cxcywh: centre, width, height (YOLO, DETR).
 */
export type BoxFormat = 'xyxy' | 'yxyx' | 'xywh' | 'cxcywh';

/**
 * pixels: continuous coordinates, the image covers [0, width] x [0, height]. normalized: those divided by the size. corners:
 * normalised as in tf.image.cropAndResize, where 1 is the centre of the last pixel: y (height - 1) + 0.5 in pixels.
 */
export type BoxUnit = 'pixels' | 'normalized' | 'corners';

/** Conventions from which and to which boxes are converted. */
export interface ConvertBoxesOptions {
  readonly from: BoxFormat;
  readonly to: BoxFormat;
  /** Default 'pixels'. */
  readonly fromUnit?: BoxUnit;
  /** Default 'pixels'. */
  readonly toUnit?: BoxUnit;
  /** [height, width] in pixels; needed unless both units are alike. */
  readonly imageSize?: readonly [height: number, width: number];
}

const formats: readonly BoxFormat[] = ['xyxy', 'yxyx', 'xywh', 'cxcywh'];
const units: readonly BoxUnit[] = ['pixels', 'normalized', 'corners'];

type Four<T> = [T, T, T, T];

/** Arithmetic on numbers or on tensors [boxes], so that each conversion is written once. */
interface Arithmetic<T> {
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  /** a * factor + offset. */
  affine(a: T, factor: number, offset: number): T;
}

const ofNumbers: Arithmetic<number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  affine: (a, factor, offset) => a * factor + offset,
};

const ofTensors: Arithmetic<tf.Tensor> = {
  add: (a, b) => tf.add(a, b),
  sub: (a, b) => tf.sub(a, b),
  affine: (a, factor, offset) => tf.add(tf.mul(a, factor), offset),
};

/**
 * Boxes in another convention; what stands before the last four numbers of a row (the image) is kept.
 *
 * @param boxes arrays of at least four numbers, or a tensor float32 [boxes, >= 4].
 * @returns the same kind: new arrays, or a tensor that the caller disposes.
 * @throws OptionError for an unknown word or a missing imageSize; ShapeError if a row has fewer than four numbers.
 *
 * @example
 * convertBoxes([[0, 0.25, 0.5, 0.75, 1]], { from: 'yxyx', to: 'xyxy', fromUnit: 'normalized', imageSize: [100, 200] });
 * // [[0, 100, 25, 200, 75]]
 */
export function convertBoxes(boxes: tf.Tensor, options: ConvertBoxesOptions): tf.Tensor2D;
export function convertBoxes(boxes: readonly (readonly number[])[], options: ConvertBoxesOptions): number[][];
export function convertBoxes(
  boxes: tf.Tensor | readonly (readonly number[])[],
  options: ConvertBoxesOptions,
): tf.Tensor2D | number[][] {
  const { from, to, fromUnit = 'pixels', toUnit = 'pixels' } = options;
  checkOneOf(['convertBoxes', 'from'], from, formats);
  checkOneOf(['convertBoxes', 'to'], to, formats);
  checkOneOf(['convertBoxes', 'fromUnit'], fromUnit, units);
  checkOneOf(['convertBoxes', 'toUnit'], toUnit, units);
  const size = fromUnit === toUnit ? [1, 1] : imageSizeOf(options.imageSize);
  if (boxes instanceof tf.Tensor) {
    const columns = boxes.shape[1] ?? 0;
    if (boxes.rank !== 2 || columns < 4) refuse('boxes', boxes.shape);
    checkDType(['convertBoxes', 'boxes'], boxes, ['float32', 'int32']);
    return tf.tidy(() => {
      const all = tf.unstack(boxes, 1);
      const four = all.slice(-4) as Four<tf.Tensor>;
      return tf.stack([...all.slice(0, -4), ...convert(four, options, size, ofTensors)], 1) as tf.Tensor2D;
    });
  }
  return boxes.map((row, i) => {
    if (row.length < 4) refuse(`boxes[${i}]`, [row.length]);
    return [...row.slice(0, -4), ...convert(row.slice(-4) as Four<number>, options, size, ofNumbers)];
  });
}

function convert<T>(
  four: Four<T>,
  { from, to, fromUnit = 'pixels', toUnit = 'pixels' }: ConvertBoxesOptions,
  [height, width]: readonly number[],
  m: Arithmetic<T>,
): Four<T> {
  const corners = cornersOf(four, from, m);
  if (fromUnit === toUnit) return formatted(corners, to, m);
  const sizes = [width!, height!, width!, height!];
  const pixels = corners.map((v, i) => {
    const [factor, offset] = affineOf(fromUnit, sizes[i]!);
    return m.affine(v, factor, offset);
  });
  const wanted = pixels.map((v, i) => {
    const [factor, offset] = affineOf(toUnit, sizes[i]!);
    return m.affine(v, 1 / factor, -offset / factor);
  });
  return formatted(wanted as Four<T>, to, m);
}

/** pixels = factor * value + offset. */
function affineOf(unit: BoxUnit, size: number): readonly [factor: number, offset: number] {
  if (unit === 'pixels') return [1, 0];
  if (unit === 'normalized') return [size, 0];
  if (size === 1) {
    throw new OptionError("convertBoxes: imageSize must be at least 2 for the unit 'corners', got 1.");
  }
  return [size - 1, 0.5];
}

/** As left, top, right, bottom. */
function cornersOf<T>([a, b, c, d]: Four<T>, format: BoxFormat, m: Arithmetic<T>): Four<T> {
  if (format === 'xyxy') return [a, b, c, d];
  if (format === 'yxyx') return [b, a, d, c];
  if (format === 'xywh') return [a, b, m.add(a, c), m.add(b, d)];
  const [halfWidth, halfHeight] = [m.affine(c, 0.5, 0), m.affine(d, 0.5, 0)];
  return [m.sub(a, halfWidth), m.sub(b, halfHeight), m.add(a, halfWidth), m.add(b, halfHeight)];
}

function formatted<T>([x1, y1, x2, y2]: Four<T>, format: BoxFormat, m: Arithmetic<T>): Four<T> {
  if (format === 'xyxy') return [x1, y1, x2, y2];
  if (format === 'yxyx') return [y1, x1, y2, x2];
  const [width, height] = [m.sub(x2, x1), m.sub(y2, y1)];
  if (format === 'xywh') return [x1, y1, width, height];
  return [m.affine(m.add(x1, x2), 0.5, 0), m.affine(m.add(y1, y2), 0.5, 0), width, height];
}

function imageSizeOf(size: readonly number[] | undefined): readonly number[] {
  if (size?.length !== 2) {
    throw new OptionError(
      `convertBoxes: imageSize must be [height, width] to change units, got ${formatValue(size)}.`,
    );
  }
  for (const side of size) checkInteger(['convertBoxes', 'imageSize'], side, { min: 1 });
  return size;
}

function refuse(argument: string, shape: readonly number[]): never {
  throw new ShapeError(
    `convertBoxes: ${argument} must hold rows of at least 4 numbers, got [${shape.join(', ')}].`,
  );
}

/**
 * Boxes of each image as one list of rows (image, ...box): from a list for each image to what the pools here take.
 *
 * @example
 * withImageIds([[[0, 0, 8, 8]], [[2, 2, 6, 6], [0, 4, 4, 8]]]); // [[0, 0, 0, 8, 8], [1, 2, 2, 6, 6], [1, 0, 4, 4, 8]]
 */
export function withImageIds(boxesOfImages: readonly (readonly (readonly number[])[])[]): number[][] {
  return boxesOfImages.flatMap((boxes, image) => boxes.map((box) => [image, ...box]));
}
