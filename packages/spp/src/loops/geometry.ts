/** What the loops over plain arrays are told of a map. */
import type { PlannedLevel } from '../bins';

/** [images, depth, rows, columns, channels]; axes that a map lacks have 1. */
export type MapShape = readonly [
  images: number,
  depth: number,
  height: number,
  width: number,
  channels: number,
];

/** A bin's edges in the table of edges: image, then [start, end) along depth, rows and columns. */
export const edgeNumbers = 7;

export interface BinMaxGeometry {
  readonly shape: MapShape;
  readonly regions: number;
  /** Bins of a region, of all levels. */
  readonly bins: number;
  readonly plan: readonly PlannedLevel[];
}

/** Images that regions lie in, one for each; anything outside [0, images) is no image, and the region is empty. */
export type ImageIds = Int32Array;
