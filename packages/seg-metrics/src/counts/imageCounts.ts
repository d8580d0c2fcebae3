import type { PairCounts } from './pairCounts';

/** One image's counts, kept sparse: `cells[k]` is target * numClasses + prediction, `pixels[k]` how many. */
export interface ImageCounts {
  readonly name: string;
  readonly cells: Uint32Array;
  readonly pixels: Float64Array;
  /** Pixels a target class lost to predictions that are no class: class ids and counts. */
  readonly invalidClasses: Uint32Array;
  readonly invalidPixels: Float64Array;
  readonly ignored: number;
  readonly invalidTargets: number;
}

/** Adds `weight` times an image's counts to `sum`. */
export function addSparse(sum: PairCounts, image: ImageCounts, weight: number): void {
  const scatter = (into: Float64Array, keys: Uint32Array, pixels: Float64Array) =>
    keys.forEach((key, k) => {
      into[key]! += weight * pixels[k]!;
    });
  scatter(sum.cells, image.cells, image.pixels);
  scatter(sum.invalidPredictions, image.invalidClasses, image.invalidPixels);
  sum.ignored += weight * image.ignored;
  sum.invalidTargets += weight * image.invalidTargets;
}

/** The cells that are not zero. */
export function sparseCounts(counts: PairCounts, name: string): ImageCounts {
  const [cells, pixels] = nonZero(counts.cells);
  const [invalidClasses, invalidPixels] = nonZero(counts.invalidPredictions);
  const { ignored, invalidTargets } = counts;
  return { name, cells, pixels, invalidClasses, invalidPixels, ignored, invalidTargets };
}

function nonZero(values: Float64Array): [indices: Uint32Array, values: Float64Array] {
  const indices: number[] = [];
  const kept: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] === 0) continue;
    indices.push(i);
    kept.push(values[i]!);
  }
  return [new Uint32Array(indices), new Float64Array(kept)];
}
