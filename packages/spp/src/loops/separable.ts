/**
 * y[r, i, j] = sum over h, w of a[r, i, h] b[r, j, w] x[image[r], h, w], channel by channel, and its transpose. The
 * matrices are nearly empty (a bin's averages, an interpolation): only what is not zero is visited.
 */
import type { ImageIds } from './geometry';

export interface SeparableGeometry {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly regions: number;
  readonly rows: number;
  readonly columns: number;
}

/** Weights of the rows and columns; one matrix of rows * height (columns * width) numbers serves all regions. */
export interface Weights {
  readonly a: Float32Array;
  readonly b: Float32Array;
}

export function separable(
  x: Float32Array,
  weights: Weights,
  imageIds: ImageIds,
  geometry: SeparableGeometry,
): Float32Array {
  const { channels, regions, rows, columns } = geometry;
  const out = new Float32Array(regions * rows * columns * channels);
  visit(weights, imageIds, geometry, (bin, cell, weight) => {
    const [to, from] = [bin * channels, cell * channels];
    for (let c = 0; c < channels; c++) out[to + c]! += weight * x[from + c]!;
  });
  return out;
}

export function separableBackprop(
  dy: Float32Array,
  weights: Weights,
  imageIds: ImageIds,
  geometry: SeparableGeometry,
): Float32Array {
  const { channels, images, height, width } = geometry;
  const dx = new Float32Array(images * height * width * channels);
  visit(weights, imageIds, geometry, (bin, cell, weight) => {
    const [to, from] = [cell * channels, bin * channels];
    for (let c = 0; c < channels; c++) dx[to + c]! += weight * dy[from + c]!;
  });
  return dx;
}

/** Every pair of a bin and a cell whose weight is not 0. */
function visit(
  { a, b }: Weights,
  imageIds: ImageIds,
  { images, height, width, regions, rows, columns }: SeparableGeometry,
  body: (bin: number, cell: number, weight: number) => void,
): void {
  const strideA = a.length === rows * height ? 0 : rows * height;
  const strideB = b.length === columns * width ? 0 : columns * width;
  for (let r = 0; r < regions; r++) {
    const image = imageIds[r]!;
    if (image < 0 || image >= images) continue;
    for (let i = 0; i < rows; i++) {
      for (let h = 0; h < height; h++) {
        const wa = a[r * strideA + i * height + h]!;
        if (wa === 0) continue;
        const line = (image * height + h) * width;
        for (let j = 0; j < columns; j++) {
          const from = r * strideB + j * width;
          for (let w = 0; w < width; w++) {
            const wb = b[from + w]!;
            if (wb !== 0) body((r * rows + i) * columns + j, line + w, wa * wb);
          }
        }
      }
    }
  }
}
