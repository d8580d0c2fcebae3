/** Measures of a pair of surfaces, each a function of its `SurfaceDistances`. */
import { checkNumber, checkOneOf } from '@tfkit/core';
import type { SurfaceDistances } from './surfaceDistances';

/** How the two directions become one number; 'pooled' joins both lists first. */
export type Combine =
  | 'prediction-to-target'
  | 'target-to-prediction'
  | 'max-of-directed'
  | 'mean-of-directed'
  | 'pooled';

const combines = [
  ...(['prediction-to-target', 'target-to-prediction'] as const),
  ...(['max-of-directed', 'mean-of-directed', 'pooled'] as const),
];

interface Points {
  readonly distances: Float64Array;
  readonly sizes: Float64Array | undefined;
}

/**
 * The Hausdorff distance, or its percentile, in the unit of spacing.
 *
 * @param options.percentile 100 (default): the maximum; 95: HD95. Edge pixels: linear interpolation between sorted
 *   values; surface elements: the first distance where the cumulated size reaches the share.
 * @param options.combine 'max-of-directed' (default; MONAI, DeepMind), 'pooled' (medpy), 'mean-of-directed', or one side.
 * @returns Infinity if one side is empty, NaN if both are.
 * @throws OptionError if an option or a number is out of its range.
 */
export function hausdorffDistance(
  surfaces: SurfaceDistances,
  options: { readonly percentile?: number; readonly combine?: Combine } = {},
): number {
  const { percentile = 100, combine = 'max-of-directed' } = options;
  checkNumber(['hausdorffDistance', 'percentile'], percentile, { min: 0, max: 100 });
  checkOneOf(['hausdorffDistance', 'combine'], combine, combines);
  if (surfaces.empty !== 'none') return surfaces.empty === 'both' ? NaN : Infinity;
  return combined(surfaces, combine, (points) => quantile(points, percentile / 100));
}

/**
 * The mean distance between surfaces, in the unit of spacing: ASSD with 'pooled' (default; MONAI's symmetric form) or
 * 'mean-of-directed' (medpy), ASD with one side. Infinity if one side is empty, NaN if both are.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function averageSurfaceDistance(
  surfaces: SurfaceDistances,
  options: { readonly combine?: Combine } = {},
): number {
  const { combine = 'pooled' } = options;
  checkOneOf(['averageSurfaceDistance', 'combine'], combine, combines);
  if (surfaces.empty !== 'none') return surfaces.empty === 'both' ? NaN : Infinity;
  return combined(surfaces, combine, (points) => weightedMean(points, (d) => d));
}

/**
 * The root mean square distance between surfaces; as `averageSurfaceDistance`.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function rmsSurfaceDistance(
  surfaces: SurfaceDistances,
  options: { readonly combine?: Combine } = {},
): number {
  const { combine = 'pooled' } = options;
  checkOneOf(['rmsSurfaceDistance', 'combine'], combine, combines);
  if (surfaces.empty !== 'none') return surfaces.empty === 'both' ? NaN : Infinity;
  return combined(surfaces, combine, (points) => Math.sqrt(weightedMean(points, (d) => d * d)));
}

/** Shares of the surfaces within `tolerance` of the other (in the unit of spacing), in [0, 1]. */
export interface SurfaceOverlap {
  /** NSD, surface Dice: of both surfaces together; 0 if one side is empty, NaN if both are. */
  readonly nsd: number;
  /** Of the prediction's surface; NaN if it is empty. */
  readonly precision: number;
  /** Of the target's surface; NaN if it is empty. */
  readonly recall: number;
}

/**
 * Normalised surface distance (surface Dice) at a tolerance, with its precision and recall.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * Source: Nikolov et al., Deep learning to achieve clinically applicable segmentation, 2018 (arXiv:1809.04430).
 */
export function surfaceOverlap(surfaces: SurfaceDistances, tolerance: number): SurfaceOverlap {
  checkNumber(['surfaceOverlap', 'tolerance'], tolerance, { min: 0 });
  const within = ({ distances, sizes }: Points) => {
    let near = 0;
    let all = 0;
    for (let i = 0; i < distances.length; i++) {
      const size = sizes ? sizes[i]! : 1;
      all += size;
      if (distances[i]! <= tolerance) near += size;
    }
    return { near, all };
  };
  const p = within(predictionPoints(surfaces));
  const t = within(targetPoints(surfaces));
  return {
    nsd: (p.near + t.near) / (p.all + t.all),
    precision: p.near / p.all,
    recall: t.near / t.all,
  };
}

/** NSD alone: `surfaceOverlap(surfaces, tolerance).nsd`. */
export const normalizedSurfaceDistance = (surfaces: SurfaceDistances, tolerance: number): number =>
  surfaceOverlap(surfaces, tolerance).nsd;

const predictionPoints = (s: SurfaceDistances): Points => ({
  distances: s.predictionToTarget,
  sizes: s.predictionSizes,
});
const targetPoints = (s: SurfaceDistances): Points => ({
  distances: s.targetToPrediction,
  sizes: s.targetSizes,
});

function combined(surfaces: SurfaceDistances, combine: Combine, measure: (points: Points) => number): number {
  const p = predictionPoints(surfaces);
  const t = targetPoints(surfaces);
  switch (combine) {
    case 'prediction-to-target':
      return measure(p);
    case 'target-to-prediction':
      return measure(t);
    case 'max-of-directed':
      return Math.max(measure(p), measure(t));
    case 'mean-of-directed':
      return (measure(p) + measure(t)) / 2;
    case 'pooled':
      return measure({
        distances: joined(p.distances, t.distances),
        sizes: p.sizes && t.sizes ? joined(p.sizes, t.sizes) : undefined,
      });
  }
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const all = new Float64Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function quantile({ distances, sizes }: Points, share: number): number {
  if (!sizes) {
    const sorted = distances.slice().sort();
    const position = share * (sorted.length - 1);
    const below = Math.floor(position);
    const above = sorted[Math.min(below + 1, sorted.length - 1)]!;
    return sorted[below]! + (position - below) * (above - sorted[below]!);
  }
  const order = Array.from(distances.keys()).sort(
    (i, j) => distances[i]! - distances[j]! || sizes[i]! - sizes[j]!,
  );
  const total = order.reduce((sum, i) => sum + sizes[i]!, 0);
  let reached = 0;
  for (const i of order) {
    reached += sizes[i]!;
    if (reached / total >= share) return distances[i]!;
  }
  return distances[order.at(-1)!]!;
}

function weightedMean({ distances, sizes }: Points, value: (distance: number) => number): number {
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < distances.length; i++) {
    const size = sizes ? sizes[i]! : 1;
    sum += size * value(distances[i]!);
    weight += size;
  }
  return sum / weight;
}
