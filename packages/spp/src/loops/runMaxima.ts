/**
 * Maxima of all runs of 2, 4, 8, ... cells along the rows of a map, from which any longer run is two that overlap. Made once
 * and shared by many windows, as the sparse table of range-maximum queries (Bender, Farach-Colton, LATIN 2000, section 3).
 */
import { type BinMaxGeometry, edgeNumbers } from './geometry';

export interface Runs {
  /** Entry w of a row is of the cells [w, w + 2^p) of it; the map itself for p = 0. */
  readonly values: Float32Array;
  /** The first cell, in its image, with that maximum; undefined for p = 0, where it is the cell itself. */
  readonly cells: Int32Array | undefined;
}

// biome-ignore lint/suspicious/noSelfCompare: the fastest test for NaN, in an inner loop
export const isFirstNaN = (value: number, best: number): boolean => value !== value && best === best;

/** Runs by the power of two of their length; the map alone where the bins of cells are too few for more to pay. */
export function runMaxima(x: Float32Array, edges: Int32Array, geometry: BinMaxGeometry): Runs[] {
  const { regions, bins, plan, shape } = geometry;
  let [visits, rows, longest] = [0, 0, 1];
  for (let region = 0; region < regions; region++) {
    for (const { source, offset, bins: counts } of plan) {
      if (source !== undefined) continue;
      const end = region * bins + offset + counts[0] * counts[1] * counts[2];
      for (let row = region * bins + offset; row < end; row++) {
        const [, d0, d1, h0, h1, w0, w1] = edges.subarray(row * edgeNumbers) as unknown as number[];
        const binRows = Math.max(0, d1! - d0!) * Math.max(0, h1! - h0!);
        visits += binRows * Math.max(0, w1! - w0!);
        rows += binRows;
        longest = Math.max(longest, w1! - w0!);
      }
    }
  }
  const levels = [{ values: x, cells: undefined as Int32Array | undefined }];
  const powers = Math.floor(Math.log2(longest));
  const [images, depth, height, width, channels] = shape;
  // Making an entry costs about two visits.
  if (visits < 2 * (rows + powers * images * depth * height * width)) return levels;
  for (let power = 1; power <= powers; power++) {
    levels.push(doubled(levels[power - 1]!, 2 ** (power - 1), depth * height * width, width, channels));
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
