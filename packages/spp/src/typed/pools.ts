/** Pyramids of a map over plain arrays: [images, bins of all levels, channels]. */
import { type Bins3, planLevels } from '../bins';
import { hostTable, wholeRegions } from '../edges';
import { binMax, type FoundMaxima } from '../loops/binMax';
import { separable } from '../loops/separable';
import { averageWeights } from '../weights';
import type { LoopMap } from './map';

export function maxima({ data, images, size, channels }: LoopMap, levels: readonly Bins3[]): FoundMaxima {
  const edges = hostTable(wholeRegions(images, size), levels, size);
  const bins = levels.reduce((sum, [d, h, w]) => sum + d * h * w, 0);
  return binMax(data, edges, {
    shape: [images, ...size, channels],
    regions: images,
    bins,
    plan: planLevels(levels),
  });
}

/** Averages of one level. */
export function averages({ data, images, size, channels }: LoopMap, [d, h, w]: Bins3): Float32Array {
  const [depth, height, width] = size;
  const flat = alongAxes(
    data,
    [images * depth, height, width, channels],
    averageWeights(h, height),
    averageWeights(w, width),
  );
  if (depth === 1 && d === 1) return flat;
  return alongAxes(flat, [images, depth, 1, h * w * channels], averageWeights(d, depth), Float32Array.of(1));
}

/** One matrix [rows, height] and one [columns, width] over every image of [images, height, width, channels]. */
export function alongAxes(
  data: Float32Array,
  [images, height, width, channels]: readonly [number, number, number, number],
  a: Float32Array,
  b: Float32Array,
): Float32Array {
  const ids = Int32Array.from({ length: images }, (_, i) => i);
  const [rows, columns] = [a.length / height, b.length / width];
  return separable(data, { a, b }, ids, { images, height, width, channels, regions: images, rows, columns });
}
