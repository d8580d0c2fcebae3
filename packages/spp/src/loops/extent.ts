/** How often the bins of cells read the map: what says whether a table that they share pays. */
import { type BinMaxGeometry, edgeNumbers } from './geometry';

export interface Extent {
  /** The bins that are made of cells and not empty. */
  readonly count: number;
  /** Cells of all these bins. */
  readonly visits: number;
  /** Rows of all these bins. */
  readonly rows: number;
  /** The most columns of a bin, 1 at least. */
  readonly longest: number;
}

export function extentOf(
  edges: Int32Array,
  { regions, bins, plan }: Pick<BinMaxGeometry, 'regions' | 'bins' | 'plan'>,
): Extent {
  let [count, visits, rows, longest] = [0, 0, 0, 1];
  for (const { source, offset, bins: counts } of plan) {
    if (source !== undefined) continue;
    const perRegion = counts[0] * counts[1] * counts[2];
    for (let region = 0; region < regions; region++) {
      let at = (region * bins + offset) * edgeNumbers;
      for (let bin = 0; bin < perRegion; bin++, at += edgeNumbers) {
        const depth = edges[at + 2]! - edges[at + 1]!;
        const height = edges[at + 4]! - edges[at + 3]!;
        const width = edges[at + 6]! - edges[at + 5]!;
        if (depth <= 0 || height <= 0 || width <= 0) continue;
        count++;
        rows += depth * height;
        visits += depth * height * width;
        if (width > longest) longest = width;
      }
    }
  }
  return { count, visits, rows, longest };
}
