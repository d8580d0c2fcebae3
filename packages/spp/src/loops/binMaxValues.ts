/** Maxima of bins of a map over plain arrays, without the cells they were found in; a NaN wins, an empty bin gives 0. */
import { finerBins } from '../bins';
import { type BinMaxGeometry, edgeNumbers } from './geometry';
import { runMaxima } from './runMaxima';

/** [regions, bins, channels]. */
export function binMaxValues(x: Float32Array, edges: Int32Array, geometry: BinMaxGeometry): Float32Array {
  const { regions, bins, plan } = geometry;
  const [images, depth, height, width, channels] = geometry.shape;
  const values = new Float32Array(regions * bins * channels);
  const runs = runMaxima(x, edges, geometry, false);
  const finer = finerBins(plan);
  const raise = (out: number, of: Float32Array, from: number) => {
    for (let c = 0; c < channels; c++) {
      const value = of[from + c]!;
      // biome-ignore lint/suspicious/noSelfCompare: the fastest test for NaN, in an inner loop
      if (value > values[out + c]! || value !== value) values[out + c] = value;
    }
  };
  const isEmpty = (row: number) => {
    const [image, d0, d1, h0, h1, w0, w1] = edgesOf(edges, row);
    return image < 0 || image >= images || d0 >= d1 || h0 >= h1 || w0 >= w1;
  };
  const ofCells = (row: number) => {
    const [image, d0, d1, h0, h1, w0, w1] = edgesOf(edges, row);
    const power = Math.min(runs.length - 1, Math.floor(Math.log2(w1 - w0)));
    const length = 2 ** power;
    for (let d = d0; d < d1; d++) {
      for (let h = h0; h < h1; h++) {
        const line = ((image * depth + d) * height + h) * width;
        // Runs from the row's start on, the last one drawn back to its end.
        for (let w = w0; w < w1; w += length) {
          raise(row * channels, runs[power]!.values, (line + Math.min(w, w1 - length)) * channels);
        }
      }
    }
  };
  for (let region = 0; region < regions; region++) {
    for (const [index, { bins: counts, offset }] of plan.entries()) {
      const count = counts[0] * counts[1] * counts[2];
      for (let bin = 0; bin < count; bin++) {
        const row = region * bins + offset + bin;
        if (isEmpty(row)) continue;
        values.fill(-Infinity, row * channels, (row + 1) * channels);
        const sources = finer[index]?.[bin];
        if (!sources) ofCells(row);
        else {
          for (const source of sources) {
            const from = region * bins + source;
            if (!isEmpty(from)) raise(row * channels, values, from * channels);
          }
        }
      }
    }
  }
  return values;
}

type Edges = [image: number, d0: number, d1: number, h0: number, h1: number, w0: number, w1: number];

const edgesOf = (edges: Int32Array, row: number): Edges =>
  edges.subarray(row * edgeNumbers, (row + 1) * edgeNumbers) as unknown as Edges;
