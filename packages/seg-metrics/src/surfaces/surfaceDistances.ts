import { checkKnownOptions, checkOneOf, OptionError, ShapeError } from '@tfkit/core';
import { type LabelArray, numericLabels } from '../counts/labels';
import { checkGrid, type DistanceOptions, type Mask, transform } from './distanceTransform';
import { type Border, edgePixels, type Surface, surfaceElements } from './edges';

/** 'pixels': edge pixels, each alike. 'subvoxel': surface elements between pixels with their length or area. */
export type SurfaceForm = 'pixels' | 'subvoxel';

export interface SurfaceOptions extends DistanceOptions {
  /** Default 'pixels' (MONAI, medpy, nnU-Net); 'subvoxel' is DeepMind's surface-distance. */
  readonly form?: SurfaceForm;
  /** For 'pixels'. Default 'counts': outside the map is background. */
  readonly border?: Border;
}

/** Distances of each side's surface points to the other surface; the measures are functions of this. */
export interface SurfaceDistances {
  /** Of each point of the prediction's surface; Infinity each if the target is empty. */
  readonly predictionToTarget: Float64Array;
  readonly targetToPrediction: Float64Array;
  /** Lengths or areas of the same points, undefined for 'pixels' (all 1). */
  readonly predictionSizes: Float64Array | undefined;
  readonly targetSizes: Float64Array | undefined;
  /** Which side has no surface. */
  readonly empty: 'none' | 'prediction' | 'target' | 'both';
  /** Length of the map's diagonal in the unit of spacing: the penalty some challenges give an empty side. */
  readonly diagonal: number;
}

const known = ['shape', 'spacing', 'distance', 'form', 'border'];

/**
 * The distances between the surfaces of two masks, in the unit of `spacing`.
 *
 * @param prediction, target truthy where set, flat, of `options.shape` (2-D or 3-D).
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 * @example
 * const distances = surfaceDistances(prediction, target, { shape: [512, 512], spacing: [0.9, 0.9] });
 * const hd95 = hausdorffDistance(distances, { percentile: 95 });
 */
export function surfaceDistances(prediction: Mask, target: Mask, options: SurfaceOptions): SurfaceDistances {
  const { shape, distance = 'euclidean', form = 'pixels', border = 'counts' } = options;
  checkKnownOptions('surfaceDistances', options, known);
  checkOneOf(['surfaceDistances', 'distance'], distance, ['euclidean', 'chessboard', 'taxicab']);
  checkOneOf(['surfaceDistances', 'form'], form, ['pixels', 'subvoxel']);
  checkOneOf(['surfaceDistances', 'border'], border, ['counts', 'ignored']);
  if (shape.length !== 2 && shape.length !== 3) {
    throw new ShapeError(`surfaceDistances: shape must have 2 or 3 axes, got [${shape}].`);
  }
  if (form === 'subvoxel' && distance !== 'euclidean') {
    throw new OptionError(
      `surfaceDistances: distance must be 'euclidean' with form 'subvoxel', got '${distance}'.`,
    );
  }
  if (prediction.length !== target.length) {
    throw new ShapeError(
      `surfaceDistances: prediction must have the length of target ${target.length}, got ${prediction.length}.`,
    );
  }
  const spacing = checkGrid('surfaceDistances', target.length, shape, options.spacing);
  const surfaceOf = (mask: Mask): Surface =>
    form === 'subvoxel'
      ? surfaceElements(mask, shape, spacing)
      : { points: edgePixels(mask, shape, border), sizes: undefined, shape };
  const [p, t] = crop(surfaceOf(prediction), surfaceOf(target));
  const toTarget = gather(p, t, spacing, distance);
  const toPrediction = gather(t, p, spacing, distance);
  const noPrediction = toTarget.length === 0;
  const noTarget = toPrediction.length === 0;
  return {
    predictionToTarget: toTarget,
    targetToPrediction: toPrediction,
    predictionSizes: sizesOf(p),
    targetSizes: sizesOf(t),
    empty: noPrediction ? (noTarget ? 'both' : 'prediction') : noTarget ? 'target' : 'none',
    diagonal: Math.hypot(...shape.map((size, axis) => size * spacing[axis]!)),
  };
}

/**
 * Both masks of one class. Where the target is ignored the prediction is taken as ignored too, so void makes no edge.
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export function classMasks(
  predictions: LabelArray,
  targets: LabelArray,
  label: number,
  ignoreIndex?: number | null,
): { prediction: Uint8Array; target: Uint8Array } {
  const p = numericLabels(predictions);
  const t = numericLabels(targets);
  if (p.length !== t.length) {
    throw new ShapeError(
      `classMasks: predictions must have the length of targets ${t.length}, got ${p.length}.`,
    );
  }
  const prediction = new Uint8Array(p.length);
  const target = new Uint8Array(p.length);
  const ignored = ignoreIndex ?? NaN;
  for (let i = 0; i < p.length; i++) {
    if (t[i] === ignored) continue;
    if (p[i] === label) prediction[i] = 1;
    if (t[i] === label) target[i] = 1;
  }
  // With the ignore index as a class of its own, void pixels are that class on both sides.
  if (label === ignored)
    return classMasks(
      p.map((x, i) => (t[i] === ignored ? ignored : x)),
      t,
      label,
    );
  return { prediction, target };
}

/** Both surfaces cut to the box that holds them: distances between their points do not change. */
function crop(a: Surface, b: Surface): [Surface, Surface] {
  const low = a.shape.map((size) => size);
  const high = a.shape.map(() => -1);
  const axes = a.shape.length;
  const [rows, columns] = a.shape.slice(-2) as [number, number];
  for (let line = 0; line < a.points.length / columns; line++) {
    const start = line * columns;
    let first = 0;
    while (first < columns && !a.points[start + first] && !b.points[start + first]) first++;
    if (first === columns) continue;
    let last = columns - 1;
    while (!a.points[start + last] && !b.points[start + last]) last--;
    const position = [Math.floor(line / rows), line % rows].slice(3 - axes);
    position.forEach((at, axis) => {
      low[axis] = Math.min(low[axis]!, at);
      high[axis] = Math.max(high[axis]!, at);
    });
    low[axes - 1] = Math.min(low[axes - 1]!, first);
    high[axes - 1] = Math.max(high[axes - 1]!, last);
  }
  if (high[0] === -1) return [a, b];
  return [cut(a, low, high), cut(b, low, high)];
}

function cut(surface: Surface, low: number[], high: number[]): Surface {
  const shape = low.map((at, axis) => high[axis]! - at + 1);
  const [z0, y0, x0] = [...(low.length === 2 ? [0] : []), ...low] as [number, number, number];
  const [planes, rows, columns] = [...(low.length === 2 ? [1] : []), ...shape] as [number, number, number];
  const [oldRows, oldColumns] = surface.shape.slice(-2) as [number, number];
  const points = new Uint8Array(planes * rows * columns);
  const sizes = surface.sizes && new Float64Array(points.length);
  for (let z = 0; z < planes; z++) {
    for (let y = 0; y < rows; y++) {
      const from = ((z + z0) * oldRows + y + y0) * oldColumns + x0;
      const to = (z * rows + y) * columns;
      points.set(surface.points.subarray(from, from + columns), to);
      sizes?.set(surface.sizes!.subarray(from, from + columns), to);
    }
  }
  return { points, sizes, shape };
}

/** The distance from each point of one surface to the nearest of the other. */
function gather(
  from: Surface,
  to: Surface,
  spacing: readonly number[],
  distance: NonNullable<DistanceOptions['distance']>,
): Float64Array {
  const field = new Float64Array(to.points.length);
  for (let i = 0; i < field.length; i++) field[i] = to.points[i] ? 0 : Infinity;
  transform(field, to.shape, spacing, distance, from.points);
  const distances = new Float64Array(countSet(from.points));
  for (let i = 0, k = 0; i < field.length; i++) {
    if (from.points[i]) distances[k++] = distance === 'euclidean' ? Math.sqrt(field[i]!) : field[i]!;
  }
  return distances;
}

function sizesOf(surface: Surface): Float64Array | undefined {
  return surface.sizes?.filter((_, i) => surface.points[i] === 1);
}

function countSet(points: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < points.length; i++) count += points[i]!;
  return count;
}
