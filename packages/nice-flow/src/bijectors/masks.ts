/** Which part of its input a coupling layer leaves unchanged. */
import { checkInteger, formatShape, formatValue, OptionError, ShapeError, sizeOf } from '@tfkit/core';
import type { EventShape } from '../bijector';
import { inverseOrder, lastOf } from '../shapes';

/**
 * Named by what passes unchanged: a half, or the even or odd indices, of the last axis (features, or an image's
 * channels); or the pixels whose row + column is even or odd.
 */
export type MaskName =
  | 'first-half'
  | 'second-half'
  | 'even'
  | 'odd'
  | 'checkerboard-even'
  | 'checkerboard-odd';

/** A name, one 0 or 1 for each index of the last axis, or an array of 0 and 1 that broadcasts to an example. 1 passes unchanged. */
export type Mask =
  | MaskName
  | readonly number[]
  | { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

const names: readonly MaskName[] = [
  'first-half',
  'second-half',
  'even',
  'odd',
  'checkerboard-even',
  'checkerboard-odd',
];

/** A mask for examples of one shape: a partition of the last axis, or an array of 0 and 1. */
export type ResolvedMask =
  | {
      readonly kind: 'partition';
      /** The unchanged indices, then the others. */
      readonly indices: readonly number[];
      readonly inverse: readonly number[];
      readonly unchanged: number;
    }
  | { readonly kind: 'array'; readonly shape: readonly number[]; readonly data: Float32Array };

export function checkMask(functionName: string, mask: Mask): void {
  if (typeof mask === 'string' ? names.includes(mask) : typeof mask === 'object' && mask !== null) return;
  throw new OptionError(
    `${functionName}: mask must be one of ${names.map((name) => `'${name}'`).join(', ')} or an array of 0 and 1, got ${formatValue(mask)}.`,
  );
}

/** @throws ShapeError if the mask does not fit the shape, OptionError if it holds another number than 0 and 1, or only one of them. */
export function resolveMask(functionName: string, mask: Mask, shape: EventShape): ResolvedMask {
  if (typeof mask === 'string') return namedMask(functionName, mask, shape);
  if (!('shape' in mask)) {
    if (mask.length !== lastOf(shape)) {
      throw new ShapeError(
        `${functionName}: mask must have ${lastOf(shape)} numbers, one for each index of the last axis of ${formatShape(shape)}, got ${mask.length}.`,
      );
    }
    checkBinary(functionName, mask);
    return partition(mask.map((value) => value === 1));
  }
  const fits =
    mask.shape.length === shape.length &&
    mask.shape.every((size, axis) => size === 1 || size === shape[axis]) &&
    mask.data.length === sizeOf(mask.shape);
  if (!fits) {
    throw new ShapeError(
      `${functionName}: mask must broadcast to ${formatShape(shape)}, got shape ${formatShape(mask.shape)} with ${mask.data.length} numbers.`,
    );
  }
  checkBinary(functionName, mask.data);
  return { kind: 'array', shape: mask.shape, data: Float32Array.from(mask.data) };
}

function namedMask(functionName: string, mask: MaskName, shape: EventShape): ResolvedMask {
  const length = lastOf(shape);
  if (mask === 'checkerboard-even' || mask === 'checkerboard-odd') {
    if (shape.length !== 3) {
      throw new ShapeError(
        `${functionName}: mask must fit the event shape, got '${mask}' for ${formatShape(shape)}. Checkerboards need images [height, width, channels].`,
      );
    }
    const [height, width] = shape as [number, number];
    return { kind: 'array', shape: [height, width, 1], data: checkerboard(height, width, mask) };
  }
  if (length < 2) {
    throw new ShapeError(
      `${functionName}: x must have at least 2 entries on its last axis for a mask to divide, got event shape ${formatShape(shape)}.`,
    );
  }
  if (mask === 'even' || mask === 'odd') {
    const parity = mask === 'even' ? 0 : 1;
    return partition(Array.from({ length }, (_, i) => i % 2 === parity));
  }
  if (length % 2 !== 0) {
    throw new ShapeError(
      `${functionName}: x must have an even last axis for mask '${mask}', got event shape ${formatShape(shape)}. Masks 'even' and 'odd', or an array, take any length.`,
    );
  }
  return partition(Array.from({ length }, (_, i) => i < length / 2 === (mask === 'first-half')));
}

/**
 * 1 where row + column is even (or odd), row-major [height, width].
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function checkerboard(
  height: number,
  width: number,
  mask: 'checkerboard-even' | 'checkerboard-odd' = 'checkerboard-even',
): Float32Array {
  checkInteger(['checkerboard', 'height'], height, { min: 1, max: 2 ** 15 });
  checkInteger(['checkerboard', 'width'], width, { min: 1, max: 2 ** 15 });
  const parity = mask === 'checkerboard-even' ? 0 : 1;
  return Float32Array.from({ length: height * width }, (_, at) =>
    (Math.floor(at / width) + (at % width)) % 2 === parity ? 1 : 0,
  );
}

function partition(unchanged: readonly boolean[]): ResolvedMask {
  const indices = unchanged.map((_, i) => i);
  const first = indices.filter((i) => unchanged[i]);
  const ordered = [...first, ...indices.filter((i) => !unchanged[i])];
  return { kind: 'partition', indices: ordered, inverse: inverseOrder(ordered), unchanged: first.length };
}

function checkBinary(functionName: string, data: ArrayLike<number>): void {
  let ones = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== 0 && data[i] !== 1) {
      throw new OptionError(`${functionName}: mask must hold 0 and 1 alone, got ${data[i]} at ${i}.`);
    }
    ones += data[i]!;
  }
  if (ones > 0 && ones < data.length) return;
  throw new OptionError(`${functionName}: mask must hold both 0 and 1, got ${ones === 0 ? 'no 1' : 'no 0'}.`);
}
