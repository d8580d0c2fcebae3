import { ShapeError } from '@tfkit/core';

/** Of a state: positive integers, the batch first. */
export function checkBatchShape(
  name: string,
  shape: readonly number[] | undefined,
): asserts shape is readonly number[] {
  const ok = Array.isArray(shape) && shape.length > 0 && shape.every((n) => Number.isSafeInteger(n) && n > 0);
  if (!ok) {
    throw new ShapeError(`${name}: shape must be positive integers, the batch first, got [${shape}].`);
  }
}
