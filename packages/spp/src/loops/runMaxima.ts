/**
 * Maxima of all runs of 2, 4, 8, ... cells along the rows of a map, from which any longer run is two that overlap. Made once
 * and shared by many windows, as the sparse table of range-maximum queries (Bender, Farach-Colton, LATIN 2000, section 3).
 */
import { extentOf } from './extent';
import type { BinMaxGeometry } from './geometry';

export interface Runs {
  /** Entry w of a row is of the cells [w, w + 2^p) of it; the map itself for p = 0. */
  readonly values: Float32Array;
  /** The first cell, in its image, with that maximum; undefined for p = 0, where it is the cell itself, and where cells are not asked for. */
  readonly cells: Int32Array | undefined;
}

// biome-ignore lint/suspicious/noSelfCompare: the fastest test for NaN, in an inner loop
export const isFirstNaN = (value: number, best: number): boolean => value !== value && best === best;

/** Runs by the power of two of their length; the map alone where the bins of cells are too few for more to pay. */
export function runMaxima(
  x: Float32Array,
  edges: Int32Array,
  geometry: BinMaxGeometry,
  withCells: boolean,
): Runs[] {
  const { visits, rows, longest } = extentOf(edges, geometry);
  const levels = [{ values: x, cells: undefined as Int32Array | undefined }];
  const powers = Math.floor(Math.log2(longest));
  const [images, depth, height, width, channels] = geometry.shape;
  // Making an entry costs about two visits.
  if (visits < 2 * (rows + powers * images * depth * height * width)) return levels;
  for (let power = 1; power <= powers; power++) {
    const half = levels[power - 1]!;
    const length = 2 ** (power - 1);
    levels.push(
      withCells
        ? doubled(half, length, depth * height * width, width, channels)
        : { values: doubledValues(half.values, length * channels), cells: undefined },
    );
  }
  return levels;
}

function doubled(half: Runs, length: number, imageCells: number, width: number, channels: number): Runs {
  const values = new Float32Array(half.values.length);
  const cells = new Int32Array(values.length);
  const ahead = length * channels;
  for (let cell = 0; cell * channels < values.length; cell++) {
    if ((cell % width) + 2 * length > width) continue;
    const inImage = cell % imageCells;
    for (let at = cell * channels; at < (cell + 1) * channels; at++) {
      const first = half.values[at]!;
      const second = half.values[at + ahead]!;
      const later = second > first || isFirstNaN(second, first);
      values[at] = later ? second : first;
      if (half.cells) cells[at] = half.cells[later ? at + ahead : at]!;
      else cells[at] = later ? inImage + length : inImage;
    }
  }
  return { values, cells };
}

/** Runs that leave their row are made too, and not read. */
function doubledValues(half: Float32Array, ahead: number): Float32Array {
  const values = new Float32Array(half.length);
  for (let at = 0, next = ahead; next < half.length; at++, next++) {
    const first = half[at]!;
    const second = half[next]!;
    values[at] = second > first || isFirstNaN(second, first) ? second : first;
  }
  return values;
}
