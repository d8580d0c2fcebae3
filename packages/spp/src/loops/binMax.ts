/**
 * Maxima of bins of a map and the cells they were found in, over plain arrays. The first cell in row-major order of a bin
 * is taken of equal ones; a NaN wins and stays; an empty bin gives 0 and the cell -1.
 */
import { finerBins } from '../bins';
import { type BinMaxGeometry, edgeNumbers, type ImageIds } from './geometry';
import { isFirstNaN, type Runs, runMaxima } from './runMaxima';

export interface FoundMaxima {
  /** [regions, bins, channels]. */
  readonly values: Float32Array;
  /** The cell (d H + h) W + w of each, of the same shape. */
  readonly cells: Int32Array;
}

export function binMax(x: Float32Array, edges: Int32Array, geometry: BinMaxGeometry): FoundMaxima {
  const { regions, bins, plan, shape } = geometry;
  const channels = shape[4];
  const values = new Float32Array(regions * bins * channels);
  const cells = new Int32Array(values.length).fill(-1);
  const found = { values, cells };
  const runs = runMaxima(x, edges, geometry, true);
  const finer = finerBins(plan);
  for (let region = 0; region < regions; region++) {
    for (const [index, { bins: counts, offset }] of plan.entries()) {
      const count = counts[0] * counts[1] * counts[2];
      for (let bin = 0; bin < count; bin++) {
        const row = region * bins + offset + bin;
        const sources = finer[index]?.[bin];
        if (sources) ofBins(sources, row, region * bins, channels, found);
        else ofCells(runs, edges, row, geometry, found);
      }
    }
  }
  return found;
}

function ofCells(
  runs: readonly Runs[],
  edges: Int32Array,
  row: number,
  { shape: [images, depth, height, width, channels] }: BinMaxGeometry,
  { values, cells }: FoundMaxima,
): void {
  const at = row * edgeNumbers;
  const [image, d0, d1, h0, h1, w0, w1] = edges.subarray(at, at + edgeNumbers) as unknown as number[];
  if (image! < 0 || image! >= images || d0! >= d1! || h0! >= h1! || w0! >= w1!) return;
  const start = image! * depth * height * width;
  const out = row * channels;
  const first = (d0! * height + h0!) * width + w0!;
  const power = Math.min(runs.length - 1, Math.floor(Math.log2(w1! - w0!)));
  const { values: x, cells: of } = runs[power]!;
  const length = 2 ** power;
  values.fill(-Infinity, out, out + channels);
  cells.fill(first, out, out + channels);
  for (let d = d0!; d < d1!; d++) {
    for (let h = h0!; h < h1!; h++) {
      const line = (d * height + h) * width;
      // Runs from the row's start on, the last one drawn back to its end.
      for (let w = w0!; w < w1!; w += length) {
        const cell = line + Math.min(w, w1! - length);
        const from = (start + cell) * channels;
        for (let c = 0; c < channels; c++) {
          const value = x[from + c]!;
          const best = values[out + c]!;
          if (value > best || isFirstNaN(value, best)) {
            values[out + c] = value;
            cells[out + c] = of ? of[from + c]! : cell;
          }
        }
      }
    }
  }
}

/** One bin of a level, of the bins of a finer one; of equal maxima that of the lowest cell. */
function ofBins(
  sources: readonly number[],
  row: number,
  firstRow: number,
  channels: number,
  { values, cells }: FoundMaxima,
): void {
  const out = row * channels;
  for (const source of sources) {
    const from = (firstRow + source) * channels;
    for (let c = 0; c < channels; c++) {
      const cell = cells[from + c]!;
      if (cell < 0) continue;
      const value = values[from + c]!;
      const best = values[out + c]!;
      const bestCell = cells[out + c]!;
      const equal = value === best || (Number.isNaN(value) && Number.isNaN(best));
      if (bestCell < 0 || value > best || isFirstNaN(value, best) || (equal && cell < bestCell)) {
        values[out + c] = value;
        cells[out + c] = cell;
      }
    }
  }
}

/** dx [images, cellCount, channels]: each dy [regions, bins, channels] added to the cell its maximum came from. */
export function scatter(
  dy: Float32Array,
  found: Int32Array,
  imageIds: ImageIds,
  { bins, channels, cellCount, images }: ScatterGeometry,
): Float32Array {
  const dx = new Float32Array(images * cellCount * channels);
  for (let i = 0; i < dy.length; i++) {
    const image = imageIds[Math.floor(i / (bins * channels))]!;
    const cell = found[i]!;
    if (cell < 0 || cell >= cellCount || image < 0 || image >= images) continue;
    dx[(image * cellCount + cell) * channels + (i % channels)]! += dy[i]!;
  }
  return dx;
}

/** The transpose of `scatter`: what x holds in the cells, 0 where there is none. */
export function gather(
  x: Float32Array,
  found: Int32Array,
  imageIds: ImageIds,
  { bins, channels, cellCount, images }: ScatterGeometry,
): Float32Array {
  const out = new Float32Array(found.length);
  for (let i = 0; i < out.length; i++) {
    const image = imageIds[Math.floor(i / (bins * channels))]!;
    const cell = found[i]!;
    if (cell < 0 || cell >= cellCount || image < 0 || image >= images) continue;
    out[i] = x[(image * cellCount + cell) * channels + (i % channels)]!;
  }
  return out;
}

export interface ScatterGeometry {
  readonly bins: number;
  readonly channels: number;
  readonly cellCount: number;
  readonly images: number;
}
