import { ShapeError, ValueError } from '@tfkit/core';
import type { ConfusionMatrix } from './confusionMatrix';
import { sparseCounts } from './imageCounts';
import { emptyPairCounts, hasInvalid } from './pairCounts';

/** What a table of counts brings beside them. */
export interface TableOptions {
  /** Of the image, if the matrix keeps images. */
  readonly name?: string;
  /** How many images the table counts. Default 1. */
  readonly images?: number;
  readonly ignored?: number;
  readonly invalidTargets?: number;
}

/**
 * Adds a table that was counted elsewhere (a GPU kernel, another program) to `matrix`, and returns it.
 *
 * @param table [numClasses, numClasses + 1] pixel counts, flat; rows are targets, the last column predictions that are no
 *   class.
 * @throws ShapeError for another size; ValueError if the matrix refuses labels that are no class and the table has some.
 */
export function addTable(
  matrix: ConfusionMatrix,
  table: ArrayLike<number>,
  options: TableOptions = {},
): ConfusionMatrix {
  const n = matrix.numClasses;
  if (table.length !== n * (n + 1)) {
    throw new ShapeError(`addTable: table must have ${n} x ${n + 1} cells, got ${table.length}.`);
  }
  const counts = emptyPairCounts(n);
  for (let t = 0; t < n; t++) {
    for (let p = 0; p < n; p++) counts.cells[t * n + p] = table[t * (n + 1) + p]!;
    counts.invalidPredictions[t] = table[t * (n + 1) + n]!;
  }
  counts.ignored = options.ignored ?? 0;
  counts.invalidTargets = options.invalidTargets ?? 0;
  if (matrix.outOfRange === 'error' && hasInvalid(counts)) {
    throw new ValueError(`addTable: labels must be in [0, ${n - 1}], got pixels that are no class.`);
  }
  const name = options.name ?? String(matrix.numImages);
  return matrix.addCounts(counts, options.images ?? 1, matrix.keepImages ? [sparseCounts(counts, name)] : []);
}
