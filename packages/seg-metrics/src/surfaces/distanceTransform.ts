/**
 * Exact distance transforms in any number of dimensions, axis by axis, with a step per axis.
 *
 * Euclidean: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012 (lower envelope of
 * parabolas, linear time). Chessboard and taxicab: the same separation with max and + in the place of the sum of squares.
 */
import { checkNumber, checkOneOf, OptionError, ShapeError, sizeOf } from '@tfkit/core';

/** The distance between cells. */
export type DistanceMetric = 'euclidean' | 'chessboard' | 'taxicab';

/** Where the set pixels are: anything truthy a pixel. */
export type Mask = ArrayLike<number | boolean>;

export interface DistanceOptions {
  /** Sizes of the axes, last fastest: [rows, columns] or [planes, rows, columns]. */
  readonly shape: readonly number[];
  /** Step along each axis, in any unit; distances come out in it. Default 1 each. */
  readonly spacing?: readonly number[];
  /** Default 'euclidean'. */
  readonly distance?: DistanceMetric;
}

/**
 * The distance of every pixel to the nearest set pixel of `mask`, in the unit of `spacing`; Infinity if none is set.
 * Float64Array of `shape`.
 *
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 *
 * @example
 * distanceTransform([1, 0, 0, 0], { shape: [1, 4] }); // 0, 1, 2, 3
 */
export function distanceTransform(mask: Mask, options: DistanceOptions): Float64Array {
  const { shape, spacing, distance = 'euclidean' } = options;
  const steps = checkGrid('distanceTransform', mask.length, shape, spacing);
  checkOneOf(['distanceTransform', 'distance'], distance, ['euclidean', 'chessboard', 'taxicab']);
  const field = new Float64Array(mask.length);
  for (let i = 0; i < field.length; i++) field[i] = mask[i] ? 0 : Infinity;
  transform(field, shape, steps, distance);
  return distance === 'euclidean' ? field.map(Math.sqrt) : field;
}

export function checkGrid(
  functionName: string,
  length: number,
  shape: readonly number[],
  spacing: readonly number[] | undefined,
): readonly number[] {
  if (sizeOf(shape) !== length || shape.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new ShapeError(`${functionName}: mask must have the shape [${shape}], got ${length} pixels.`);
  }
  if (!spacing) return shape.map(() => 1);
  if (spacing.length !== shape.length) {
    throw new OptionError(
      `${functionName}: spacing must have ${shape.length} steps, got ${spacing.length}. One for each axis of shape.`,
    );
  }
  for (const step of spacing) checkNumber([functionName, 'spacing'], step, { min: 0, open: 'min' });
  return spacing;
}

/** Turns 0 / Infinity into distances, in place; squared ones for 'euclidean'. With `wanted`, only its pixels are right. */
export function transform(
  field: Float64Array,
  shape: readonly number[],
  spacing: readonly number[],
  metric: DistanceMetric,
  wanted?: Mask,
): void {
  for (let axis = 0; axis < shape.length; axis++) {
    const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    if (axis === 0) sweepFirstAxis(field, shape[0]!, inner, spacing[0]!, metric);
    else transformAxis(field, shape[axis]!, inner, spacing[axis]!, metric, inner === 1 ? wanted : undefined);
  }
}

/** Along the first axis the field is 0 or Infinity, so that counting steps forth and back is enough. */
function sweepFirstAxis(
  field: Float64Array,
  size: number,
  inner: number,
  step: number,
  metric: DistanceMetric,
) {
  for (let i = inner; i < field.length; i++) {
    if (field[i] !== 0) field[i] = field[i - inner]! + 1;
  }
  for (let i = (size - 1) * inner - 1; i >= 0; i--) {
    const next = field[i + inner]! + 1;
    if (next < field[i]!) field[i] = next;
  }
  for (let i = 0; i < field.length; i++) {
    const along = field[i]! * step;
    field[i] = metric === 'euclidean' ? along * along : along;
  }
}

function transformAxis(
  field: Float64Array,
  size: number,
  inner: number,
  step: number,
  metric: DistanceMetric,
  wanted: Mask | undefined,
): void {
  const line = new Float64Array(size);
  const sites = new Int32Array(size);
  const bounds = new Float64Array(size + 1);
  for (let outer = 0; outer < field.length; outer += size * inner) {
    for (let start = outer; start < outer + inner; start++) {
      const few = wanted ? countSet(wanted, start, size) : size;
      if (few === 0) continue;
      if (wanted && few * 8 < size && metric === 'euclidean') {
        searchWanted(field, start, size, step, wanted, line);
        continue;
      }
      for (let i = 0; i < size; i++) line[i] = field[start + i * inner]!;
      if (metric === 'euclidean') envelope(line, step, sites, bounds, field, start, inner);
      else searchLine(line, step, metric, field, start, inner);
    }
  }
}

function countSet(mask: Mask, start: number, size: number): number {
  let count = 0;
  for (let i = start; i < start + size; i++) if (mask[i]) count++;
  return count;
}

/** Where few pixels of a line are wanted, looking outwards from each costs less than the envelope of the whole line. */
function searchWanted(
  field: Float64Array,
  start: number,
  size: number,
  step: number,
  wanted: Mask,
  line: Float64Array,
): void {
  for (let i = 0; i < size; i++) line[i] = field[start + i]!;
  for (let q = 0; q < size; q++) {
    if (!wanted[start + q]) continue;
    let best = line[q]!;
    for (let d = 1; d < size; d++) {
      const along = d * step * (d * step);
      if (along >= best) break;
      if (q >= d && line[q - d]! + along < best) best = line[q - d]! + along;
      if (q + d < size && line[q + d]! + along < best) best = line[q + d]! + along;
    }
    field[start + q] = best;
  }
}

function envelope(
  line: Float64Array,
  step: number,
  sites: Int32Array,
  bounds: Float64Array,
  field: Float64Array,
  start: number,
  inner: number,
): void {
  const squared = step * step;
  let last = -1;
  for (let q = 0; q < line.length; q++) {
    const height = line[q]!;
    if (height === Infinity) continue;
    let from = -Infinity;
    while (last >= 0) {
      const v = sites[last]!;
      from = ((height - line[v]!) / squared + (q - v) * (q + v)) / (2 * (q - v));
      if (from > bounds[last]!) break;
      last--;
      from = -Infinity;
    }
    last++;
    sites[last] = q;
    bounds[last] = from;
  }
  if (last < 0) return;
  bounds[last + 1] = Infinity;
  for (let q = 0, k = 0; q < line.length; q++) {
    while (bounds[k + 1]! < q) k++;
    const offset = (q - sites[k]!) * step;
    field[start + q * inner] = offset * offset + line[sites[k]!]!;
  }
}

/** Looks outwards from each pixel until nothing farther can be nearer. */
function searchLine(
  line: Float64Array,
  step: number,
  metric: DistanceMetric,
  field: Float64Array,
  start: number,
  inner: number,
): void {
  for (let q = 0; q < line.length; q++) {
    let best = line[q]!;
    for (let d = 1; d < line.length && d * step < best; d++) {
      const nearest = Math.min(line[q - d] ?? Infinity, line[q + d] ?? Infinity);
      best = Math.min(best, metric === 'taxicab' ? nearest + d * step : Math.max(nearest, d * step));
    }
    field[start + q * inner] = best;
  }
}
