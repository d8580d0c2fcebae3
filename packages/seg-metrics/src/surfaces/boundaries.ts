/** Scores of the pixels near boundaries, in 2-D. */
import { checkInteger, checkNumber, ShapeError } from '@tfkit/core';
import { ConfusionMatrix } from '../counts/confusionMatrix';
import { type LabelArray, numericLabels } from '../counts/labels';
import { distanceTransform, type Mask } from './distanceTransform';
import type { Border } from './edges';
import { surfaceOverlap } from './measures';
import { surfaceDistances } from './surfaceDistances';

/** [rows, columns] */
export type MapShape = readonly [rows: number, columns: number];

/**
 * The width of the boundary band in pixels: max(1, round(ratio * diagonal)), ties to the even number.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function boundaryWidth([rows, columns]: MapShape, ratio = 0.02): number {
  checkNumber(['boundaryWidth', 'ratio'], ratio, { min: 0, open: 'min' });
  const width = ratio * Math.sqrt(rows * rows + columns * columns);
  const floor = Math.floor(width);
  const isTie = width - floor === 0.5;
  return Math.max(1, isTie ? floor + (floor % 2) : Math.round(width));
}

/**
 * Set pixels within `width` pixels (8-connected) of one that is not set; outside the map is not set. Uint8Array.
 *
 * @throws OptionError if mask has not rows * columns elements, or width is no number > 0.
 */
export function boundaryBand(mask: Mask, [rows, columns]: MapShape, width: number): Uint8Array {
  checkNumber(['boundaryBand', 'rows * columns'], rows * columns, { min: mask.length, max: mask.length });
  checkNumber(['boundaryBand', 'columns'], columns, { min: 0, max: mask.length });
  checkNumber(['boundaryBand', 'rows'], rows, { min: 0, max: mask.length });
  checkNumber(['boundaryBand', 'width'], width, { min: 0, open: 'min' });
  // A square erosion is a row erosion, then a column erosion: runs of set pixels before and after must reach `width`.
  const inRows = erodeLines(mask, rows, columns, columns, 1, width);
  const eroded = erodeLines(inRows, columns, rows, 1, columns, width);
  const band = new Uint8Array(mask.length);
  for (let i = 0; i < band.length; i++) band[i] = mask[i] && !eroded[i] ? 1 : 0;
  return band;
}

function erodeLines(
  mask: Mask,
  lines: number,
  size: number,
  lineStride: number,
  stride: number,
  width: number,
): Uint8Array {
  const eroded = new Uint8Array(mask.length);
  for (let line = 0; line < lines; line++) {
    let run = 0;
    for (let i = 0, at = line * lineStride; i < size; i++, at += stride) {
      run = mask[at] ? run + 1 : 0;
      // The run that ends here is long enough for the pixel `width` back to have `width` set pixels on both sides.
      if (run > 2 * width) eroded[at - width * stride] = 1;
    }
  }
  return eroded;
}

/** Pixels of two boundary bands in both and in either, and their ratio. */
export interface BoundaryOverlap {
  /** Pixels in both bands. */
  readonly intersection: number;
  readonly union: number;
  /** intersection / union; NaN if both bands are empty. */
  readonly boundaryIou: number;
}

/**
 * Boundary IoU of two masks: the IoU of their inner boundary bands.
 *
 * @param options.ratio the band's width as a share of the diagonal. Default 0.02.
 * @throws ShapeError if ranks or shapes disagree.
 * Source: Cheng et al., Boundary IoU, CVPR 2021 (arXiv:2103.16562); equals boundary-iou-api.
 */
export function boundaryIou(
  prediction: Mask,
  target: Mask,
  options: { readonly shape: MapShape; readonly ratio?: number },
): BoundaryOverlap {
  checkMaps('boundaryIou', prediction, target, options.shape);
  const width = boundaryWidth(options.shape, options.ratio);
  const p = boundaryBand(prediction, options.shape, width);
  const t = boundaryBand(target, options.shape, width);
  let intersection = 0;
  let union = 0;
  for (let i = 0; i < p.length; i++) {
    intersection += p[i]! & t[i]!;
    union += p[i]! | t[i]!;
  }
  return { intersection, union, boundaryIou: intersection / union };
}

/** Precision, recall and F1 of boundary pixels, each in [0, 1]. */
export interface BoundaryF1 {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/**
 * Boundary F1 in the distance form: edge pixels within `tolerance` pixels of the other's. NaN if either has no edge.
 *
 * @param options.tolerance pixels. Default 0.0075 of the diagonal, not rounded.
 * @param options.border whether a mask has edge along the map's border. Default 'counts'.
 * @throws ShapeError if ranks or shapes disagree.
 * Source: Csurka et al., What is a good evaluation measure for semantic segmentation?, BMVC 2013.
 */
export function boundaryF1(
  prediction: Mask,
  target: Mask,
  options: { readonly shape: MapShape; readonly tolerance?: number; readonly border?: Border },
): BoundaryF1 {
  const { shape, tolerance = 0.0075 * Math.hypot(...shape), border } = options;
  checkMaps('boundaryF1', prediction, target, shape);
  const surfaces = surfaceDistances(prediction, target, { shape, border });
  if (surfaces.empty !== 'none') return { precision: NaN, recall: NaN, f1: NaN };
  const { precision, recall } = surfaceOverlap(surfaces, tolerance);
  return { precision, recall, f1: harmonic(precision, recall) };
}

/**
 * Boundary F in the form of DAVIS: one-sided boundary maps, dilated by a disk. Both empty: 1; one empty: 0.
 *
 * @param options.tolerance radius of the disk in whole pixels. Default ceil(0.008 * diagonal).
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 * Source: Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation, CVPR 2016.
 */
export function davisBoundaryF1(
  prediction: Mask,
  target: Mask,
  options: { readonly shape: MapShape; readonly tolerance?: number },
): BoundaryF1 & { readonly predictionPixels: number; readonly targetPixels: number } {
  const { shape, tolerance = Math.ceil(0.008 * Math.hypot(...shape)) } = options;
  checkMaps('davisBoundaryF1', prediction, target, shape);
  checkInteger(['davisBoundaryF1', 'tolerance'], tolerance, { min: 0 });
  const p = davisMap(prediction, shape);
  const t = davisMap(target, shape);
  const near = (points: Uint8Array, other: Uint8Array) => {
    const distance = distanceTransform(other, { shape });
    // Squares of whole pixels are exact; the root is compared half a step above.
    return points.reduce(
      (sum, set, i) => sum + (set && distance[i]! ** 2 <= tolerance ** 2 + 0.5 ? 1 : 0),
      0,
    );
  };
  const predictionPixels = p.reduce((a, b) => a + b, 0);
  const targetPixels = t.reduce((a, b) => a + b, 0);
  const precision = predictionPixels ? near(p, t) / predictionPixels : 1;
  const recall = targetPixels ? near(t, p) / targetPixels : 1;
  return { precision, recall, f1: harmonic(precision, recall), predictionPixels, targetPixels };
}

/** Set where the mask differs from its east, south or south-east neighbour. */
function davisMap(mask: Mask, [rows, columns]: MapShape): Uint8Array {
  const map = new Uint8Array(mask.length);
  const set = (y: number, x: number) => Boolean(mask[y * columns + x]);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const here = set(y, x);
      const east = x + 1 < columns && set(y, x + 1) !== here;
      const south = y + 1 < rows && set(y + 1, x) !== here;
      const southEast = x + 1 < columns && y + 1 < rows && set(y + 1, x + 1) !== here;
      map[y * columns + x] = Number(east || south || southEast);
    }
  }
  return map;
}

/**
 * Counts over the trimap: the pixels within `radius` pixels of a label change in the target. `ignoreIndex` is an
 * ordinary value for where labels change, and left out of the counts. Score them as any matrix: meanIou, pixelAccuracy.
 *
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 *
 * Source: Kohli et al., Robust Higher Order Potentials, IJCV 2009.
 */
export function trimapCounts(
  predictions: LabelArray,
  targets: LabelArray,
  options: {
    readonly shape: MapShape;
    readonly radius: number;
    readonly numClasses: number;
    readonly ignoreIndex?: number | null;
  },
): { readonly matrix: ConfusionMatrix; readonly pixels: number } {
  const { shape, radius, numClasses, ignoreIndex } = options;
  checkNumber(['trimapCounts', 'radius'], radius, { min: 0 });
  const p = numericLabels(predictions);
  const t = numericLabels(targets);
  checkMaps('trimapCounts', p, t, shape);
  const distance = distanceTransform(labelChanges(t, shape), { shape });
  const inside: number[] = [];
  distance.forEach((d, i) => {
    if (d <= radius) inside.push(i);
  });
  const matrix = new ConfusionMatrix({ numClasses, ignoreIndex });
  matrix.update(
    Float64Array.from(inside, (i) => p[i]!),
    Float64Array.from(inside, (i) => t[i]!),
  );
  return { matrix, pixels: inside.length };
}

function labelChanges(labels: ArrayLike<number>, [rows, columns]: MapShape): Uint8Array {
  const changes = new Uint8Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const x = i % columns;
    const differs = (j: number) => labels[j] !== labels[i];
    changes[i] = Number(
      (x > 0 && differs(i - 1)) ||
        (x + 1 < columns && differs(i + 1)) ||
        (i >= columns && differs(i - columns)) ||
        (i + columns < rows * columns && differs(i + columns)),
    );
  }
  return changes;
}

const harmonic = (a: number, b: number) => (a + b === 0 ? 0 : (2 * a * b) / (a + b));

function checkMaps(
  functionName: string,
  prediction: ArrayLike<unknown>,
  target: ArrayLike<unknown>,
  shape: MapShape,
) {
  if (shape.length === 2 && prediction.length === target.length && target.length === shape[0] * shape[1])
    return;
  throw new ShapeError(
    `${functionName}: prediction and target must have the shape [${shape}], got ${prediction.length} and ${target.length} pixels.`,
  );
}
