/** Checks of typed arrays at the public edge of the protocols. */
import { formatValue, ShapeError, ValueError } from '@tfkit/core';

/** Numbers as the protocols read them: typed arrays or plain ones. */
export type NumberArray = ArrayLike<number>;

/** Similarity scores (higher is more alike) or distances (lower is more alike). */
export type ScoreType = 'similarity' | 'distance';

/** Scores and `same` of equal, positive length; scores are no NaN; `same` holds 0, 1, false and true alone. */
export function checkPairs(name: string, scores: NumberArray, same: ArrayLike<number | boolean>): void {
  checkLength(name, 'same', same, scores.length, 'one entry a score');
  if (scores.length === 0) throw new ShapeError(`${name}: scores must not be empty, got length 0.`);
  checkNoNaN(name, 'scores', scores);
  for (let i = 0; i < same.length; i++) {
    const value = Number(same[i]);
    if (value !== 0 && value !== 1) {
      throw new ValueError(`${name}: same must hold 0 or 1, got ${formatValue(same[i])} at ${i}.`);
    }
  }
}

export function checkNoNaN(name: string, argument: string, values: NumberArray): void {
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! <= Infinity)) {
      throw new ValueError(`${name}: ${argument} must be numbers, got ${formatValue(values[i])} at ${i}.`);
    }
  }
}

export function checkLength(
  name: string,
  argument: string,
  values: ArrayLike<unknown>,
  length: number,
  rule: string,
): void {
  if (values.length === length) return;
  throw new ShapeError(
    `${name}: ${argument} must have length ${length} (${rule}), got length ${values.length}.`,
  );
}

/** Rows of `dimension` numbers: the number of rows. */
export function checkRows(name: string, argument: string, values: NumberArray, dimension: number): number {
  if (values.length === 0 || values.length % dimension !== 0) {
    throw new ShapeError(
      `${name}: ${argument} must hold rows of ${dimension} numbers, got length ${values.length}.`,
    );
  }
  return values.length / dimension;
}
