/**
 * Maxima over a k x k window around every cell of [N, H, W, C], the map ending at its edges: first along rows, then along
 * columns. Of equal maxima the first in row-major order stays; a NaN wins and stays.
 */
import type { FoundMaxima } from './binMax';

export function slidingMax(
  x: Float32Array,
  [images, height, width, channels]: readonly [number, number, number, number],
  radius: number,
): FoundMaxima {
  const positions = Int32Array.from({ length: images * height * width }, (_, i) => i % (height * width));
  const cells = new Int32Array(x.length);
  for (let i = 0; i < positions.length; i++) cells.fill(positions[i]!, i * channels, (i + 1) * channels);
  const rows = along({ values: x, cells }, images * height, width, channels, radius);
  return along(rows, images, height, width * channels, radius);
}

/** Maxima along the middle axis of [outer, size, inner]. */
function along(
  { values, cells }: FoundMaxima,
  outer: number,
  size: number,
  inner: number,
  radius: number,
): FoundMaxima {
  const out = { values: new Float32Array(values.length), cells: new Int32Array(values.length) };
  for (let o = 0; o < outer; o++) {
    for (let s = 0; s < size; s++) {
      const to = (o * size + s) * inner;
      const first = (o * size + Math.max(0, s - radius)) * inner;
      const last = (o * size + Math.min(size - 1, s + radius)) * inner;
      for (let c = 0; c < inner; c++) {
        let [best, cell] = [values[first + c]!, cells[first + c]!];
        for (let at = first + inner + c; at <= last + c; at += inner) {
          const value = values[at]!;
          if (value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
            best = value;
            cell = cells[at]!;
          }
        }
        out.values[to + c] = best;
        out.cells[to + c] = cell;
      }
    }
  }
  return out;
}
