import {
  type Collective,
  checkInteger,
  checkKnownOptions,
  checkOneOf,
  OptionError,
  ShapeError,
  ValueError,
} from '@tfkit/core';
import { argMaxLabels, type LogitsOptions } from './argMax';
import { emptyPairCounts, Histogram, type PairCounts, throwFirstInvalid } from './histogram';
import { type ConfusionMatrixJson, fromJson, toJson } from './json';
import type { LabelArray } from './labels';

export interface ConfusionMatrixOptions {
  /** Number of classes; labels are 0 .. numClasses - 1. */
  readonly numClasses: number;
  /** Target value(s) whose pixels are left out; may be one of the classes. Default none. */
  readonly ignoreIndex?: number | readonly number[] | null;
  /**
   * What to do with labels outside the classes. 'count': a prediction counts as a false negative of its target's class
   * and as nobody's false positive, a target is left out and counted in `invalidTargets`. 'error': throw. Default 'count'.
   */
  readonly outOfRange?: 'count' | 'error';
  /** Keep each image's counts too (sparse), for image-wise scores, bootstrap and worst images. Default false. */
  readonly keepImages?: boolean;
  /** Names for tables; one a class. */
  readonly classNames?: readonly string[];
}

export interface UpdateOptions {
  /** How many images of equal size the arrays hold. Default 1. */
  readonly images?: number;
  /** Names of the images, for worst images and reports. */
  readonly names?: readonly string[];
}

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

const known = ['numClasses', 'ignoreIndex', 'outOfRange', 'keepImages', 'classNames'];

/**
 * A confusion matrix that accumulates over images: rows are targets, columns predictions.
 *
 * Counts are float64, exact to 2^53 pixels; memory does not depend on the number of pixels.
 *
 * @example
 * import { ConfusionMatrix, meanIou } from '@tfkit/seg-metrics';
 * const matrix = new ConfusionMatrix({ numClasses: 2, ignoreIndex: 255 });
 * matrix.update(Uint8Array.of(0, 1, 1, 0), Uint8Array.of(0, 1, 0, 255));
 * console.log(meanIou(matrix).value); // 0.5
 */
export class ConfusionMatrix {
  readonly numClasses: number;
  readonly ignoreIndex: readonly number[];
  readonly outOfRange: 'count' | 'error';
  readonly keepImages: boolean;
  readonly classNames: readonly string[];
  private readonly totals: PairCounts;
  private readonly histogram = new Histogram();
  private readonly kept: ImageCounts[] = [];
  private imageCount = 0;

  constructor(options: ConfusionMatrixOptions) {
    const { numClasses, ignoreIndex, outOfRange = 'count', keepImages = false, classNames } = options;
    checkKnownOptions('ConfusionMatrix', options, known);
    // More classes would need a matrix of over two gigabytes.
    checkInteger(['ConfusionMatrix', 'numClasses'], numClasses, { min: 1, max: 16384 });
    checkOneOf(['ConfusionMatrix', 'outOfRange'], outOfRange, ['count', 'error']);
    const ignored =
      ignoreIndex == null ? [] : typeof ignoreIndex === 'number' ? [ignoreIndex] : [...ignoreIndex];
    for (const label of ignored) checkInteger(['ConfusionMatrix', 'ignoreIndex'], label);
    if (classNames && classNames.length !== numClasses) {
      throw new OptionError(
        `ConfusionMatrix: classNames must have ${numClasses} entries, got ${classNames.length}.`,
      );
    }
    this.numClasses = numClasses;
    this.ignoreIndex = ignored;
    this.outOfRange = outOfRange;
    this.keepImages = keepImages;
    this.classNames = classNames ? [...classNames] : Array.from({ length: numClasses }, (_, i) => String(i));
    this.totals = emptyPairCounts(numClasses);
  }

  /** [numClasses, numClasses] pixel counts, row-major, rows are targets. A copy. */
  get counts(): Float64Array {
    return this.totals.cells.slice();
  }
  /** Valid pixels of each target class whose prediction is no class. A copy. */
  get invalidPredictions(): Float64Array {
    return this.totals.invalidPredictions.slice();
  }
  /** Pixels left out because their target is an ignored label. */
  get ignoredPixels(): number {
    return this.totals.ignored;
  }
  /** Pixels left out because their target is neither a class nor ignored. */
  get invalidTargets(): number {
    return this.totals.invalidTargets;
  }
  /** Images counted so far. */
  get numImages(): number {
    return this.imageCount;
  }
  /** Each image's counts, in the order fed; empty unless `keepImages`. */
  get images(): readonly ImageCounts[] {
    return this.kept;
  }

  /**
   * Counts one or more images, and returns this.
   *
   * @param predictions class ids, flat; any typed array, read in place.
   * @param targets class ids of the same length and pixel order.
   * @throws ShapeError if lengths differ; ValueError for fractional labels, and with outOfRange 'error' for labels that
   *   are no class. Nothing is counted then.
   */
  update(predictions: LabelArray, targets: LabelArray, options: UpdateOptions = {}): this {
    const { images = 1, names } = options;
    checkKnownOptions('update', options, ['images', 'names']);
    checkInteger(['update', 'images'], images, { min: 1 });
    if (predictions.length !== targets.length || targets.length % images !== 0) {
      throw new ShapeError(
        `update: predictions must have the length of targets, a multiple of ${images} images, got ${predictions.length} and ${targets.length}.`,
      );
    }
    if (names && names.length !== images) {
      throw new OptionError(`update: names must have ${images} entries, got ${names.length}.`);
    }
    const parts = this.keepImages ? images : 1;
    const size = targets.length / parts;
    const counted = Array.from({ length: parts }, (_, part) =>
      parts === 1
        ? this.countPair(predictions, targets)
        : this.countPair(imageOf(predictions, part, size), imageOf(targets, part, size)),
    );
    counted.forEach((counts, part) => {
      this.addCounts(counts, names?.[part], this.keepImages ? 1 : images);
    });
    return this;
  }

  /**
   * Counts images given as logits or probabilities: the class with the largest value, ties to the lowest; a pixel with
   * a NaN is a prediction that is no class. No one-hot, and no map of the argmax beyond its 4 bytes a pixel.
   *
   * @param logits flat, [pixels, classes] ('channels-last', default) or [images, classes, pixels] ('channels-first').
   */
  updateLogits(
    logits: ArrayLike<number>,
    targets: LabelArray,
    options: UpdateOptions & LogitsOptions = {},
  ): this {
    const { layout = 'channels-last', ...rest } = options;
    const labels = argMaxLabels(logits, targets.length, this.numClasses, layout, rest.images ?? 1);
    return this.update(labels, targets, rest);
  }

  /**
   * Adds counts that were made elsewhere (a GPU kernel, another program): [numClasses, numClasses + 1] with the last
   * column the predictions that are no class. Used by `@tfkit/seg-metrics/tfjs`.
   */
  addTable(
    table: ArrayLike<number>,
    options: { name?: string; images?: number; ignored?: number; invalidTargets?: number } = {},
  ): this {
    const n = this.numClasses;
    if (table.length !== n * (n + 1)) {
      throw new ShapeError(`addTable: table must have ${n} x ${n + 1} cells, got ${table.length}.`);
    }
    const counts = emptyPairCounts(n);
    for (let t = 0; t < n; t++) {
      for (let p = 0; p < n; p++) counts.cells[t * n + p] = table[t * (n + 1) + p]!;
      counts.invalidPredictions[t] = table[t * (n + 1) + n]!;
    }
    counts.ignored = options.ignored ?? 0;
    counts.invalidTargets = options.invalidTargets ?? 0;
    if (this.outOfRange === 'error' && hasInvalid(counts)) {
      throw new ValueError(`addTable: labels must be in [0, ${n - 1}], got pixels that are no class.`);
    }
    this.addCounts(counts, options.name, options.images ?? 1);
    return this;
  }

  /** Adds the counts of another matrix of the same classes and ignored labels, and returns this. */
  merge(other: ConfusionMatrix): this {
    if (other.numClasses !== this.numClasses) {
      throw new ShapeError(`merge: other must have ${this.numClasses} classes, got ${other.numClasses}.`);
    }
    if ([...other.ignoreIndex].sort().join() !== [...this.ignoreIndex].sort().join()) {
      throw new OptionError(
        `merge: other must ignore [${this.ignoreIndex}], got [${other.ignoreIndex}]. Counts under different ignore rules do not add.`,
      );
    }
    if (this.keepImages && other.kept.length < other.imageCount) {
      throw new OptionError('merge: other must keep its images, as this matrix does.');
    }
    addPairCounts(this.totals, other.totals);
    this.imageCount += other.imageCount;
    if (this.keepImages) this.kept.push(...other.kept);
    return this;
  }

  /** The sum over all ranks of a process group, on every rank; images keep rank order. This matrix is left as it is. */
  async mergeAll(group: Collective): Promise<ConfusionMatrix> {
    const text = new TextEncoder().encode(JSON.stringify(this));
    const all = await group.allGather(text);
    const merged = new ConfusionMatrix({ ...this.options, keepImages: this.keepImages });
    for (const bytes of all) {
      merged.merge(ConfusionMatrix.fromJSON(JSON.parse(new TextDecoder().decode(bytes))));
    }
    return merged;
  }

  /** One image as a matrix of its own. */
  image(index: number): ConfusionMatrix {
    checkInteger(['image', 'index'], index, { min: 0, max: this.kept.length - 1 }, 'Needs keepImages.');
    return this.weighted([[this.kept[index]!, 1]]);
  }

  /** A matrix of kept images, each counted `weight` times; what a bootstrap resamples. */
  weighted(images: Iterable<readonly [ImageCounts, number]>): ConfusionMatrix {
    const result = new ConfusionMatrix(this.options);
    for (const [image, weight] of images) {
      addSparse(result.totals, image, weight);
      result.imageCount += weight;
    }
    return result;
  }

  /** An empty matrix of the same options. */
  reset(): this {
    this.totals.cells.fill(0);
    this.totals.invalidPredictions.fill(0);
    this.totals.ignored = 0;
    this.totals.invalidTargets = 0;
    this.kept.length = 0;
    this.imageCount = 0;
    return this;
  }

  toJSON(): ConfusionMatrixJson {
    return toJson(this);
  }

  /** The matrix that `toJSON` (or a CLI's JSON) wrote. Throws FormatError for anything else. */
  static fromJSON(json: unknown): ConfusionMatrix {
    const { options, totals, images, imageCount } = fromJson(json);
    const matrix = new ConfusionMatrix(options);
    addPairCounts(matrix.totals, totals);
    matrix.kept.push(...images);
    matrix.imageCount = imageCount;
    return matrix;
  }

  private get options(): ConfusionMatrixOptions {
    const { numClasses, ignoreIndex, outOfRange, classNames } = this;
    return { numClasses, ignoreIndex, outOfRange, classNames };
  }

  private countPair(predictions: LabelArray, targets: LabelArray): PairCounts {
    const rules = { numClasses: this.numClasses, ignore: new Set(this.ignoreIndex) };
    const counts = this.histogram.count(predictions, targets, rules, 'update');
    if (this.outOfRange === 'error' && hasInvalid(counts)) {
      throwFirstInvalid(predictions, targets, rules, 'update');
    }
    return counts;
  }

  private addCounts(counts: PairCounts, name: string | undefined, images: number): void {
    addPairCounts(this.totals, counts);
    if (this.keepImages) this.kept.push(sparse(counts, name ?? String(this.imageCount)));
    this.imageCount += images;
  }
}

const hasInvalid = (counts: PairCounts) =>
  counts.invalidTargets > 0 || counts.invalidPredictions.some((pixels) => pixels > 0);

function addPairCounts(sum: PairCounts, counts: PairCounts): void {
  for (let i = 0; i < sum.cells.length; i++) sum.cells[i]! += counts.cells[i]!;
  for (let i = 0; i < sum.invalidPredictions.length; i++) {
    sum.invalidPredictions[i]! += counts.invalidPredictions[i]!;
  }
  sum.ignored += counts.ignored;
  sum.invalidTargets += counts.invalidTargets;
}

function addSparse(sum: PairCounts, image: ImageCounts, weight: number): void {
  image.cells.forEach((cell, k) => {
    sum.cells[cell]! += weight * image.pixels[k]!;
  });
  image.invalidClasses.forEach((label, k) => {
    sum.invalidPredictions[label]! += weight * image.invalidPixels[k]!;
  });
  sum.ignored += weight * image.ignored;
  sum.invalidTargets += weight * image.invalidTargets;
}

function sparse(counts: PairCounts, name: string): ImageCounts {
  const nonZero = (values: Float64Array) => {
    const indices: number[] = [];
    for (let i = 0; i < values.length; i++) if (values[i] !== 0) indices.push(i);
    return indices;
  };
  const cells = nonZero(counts.cells);
  const labels = nonZero(counts.invalidPredictions);
  return {
    name,
    cells: Uint32Array.from(cells),
    pixels: Float64Array.from(cells, (i) => counts.cells[i]!),
    invalidClasses: Uint32Array.from(labels),
    invalidPixels: Float64Array.from(labels, (i) => counts.invalidPredictions[i]!),
    ignored: counts.ignored,
    invalidTargets: counts.invalidTargets,
  };
}

/** One image of a batch: a view where the array has one, so nothing is copied. */
function imageOf(labels: LabelArray, image: number, size: number): LabelArray {
  const start = image * size;
  return ArrayBuffer.isView(labels)
    ? (labels.subarray(start, start + size) as LabelArray)
    : labels.slice(start, start + size);
}
