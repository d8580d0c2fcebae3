import { checkInteger, checkKnownOptions, checkOneOf, OptionError, ShapeError } from '@tfkit/core';
import { countPairs } from './histogram';
import { addSparse, type ImageCounts, sparseCounts } from './imageCounts';
import { type ConfusionMatrixJson, toJson } from './json';
import type { LabelArray } from './labels';
import { addPairCounts, emptyPairCounts, type PairCounts } from './pairCounts';

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
  private totals: PairCounts;
  private kept: ImageCounts[] = [];
  private imageCount = 0;

  constructor(options: ConfusionMatrixOptions) {
    const { numClasses, ignoreIndex, outOfRange = 'count', keepImages = false, classNames } = options;
    checkKnownOptions('ConfusionMatrix', options, known);
    // More classes would need a matrix of over two gigabytes.
    checkInteger(['ConfusionMatrix', 'numClasses'], numClasses, { min: 1, max: 16384 });
    checkOneOf(['ConfusionMatrix', 'outOfRange'], outOfRange, ['count', 'error']);
    this.ignoreIndex = ([ignoreIndex ?? []].flat() as number[]).sort();
    for (const label of this.ignoreIndex) checkInteger(['ConfusionMatrix', 'ignoreIndex'], label);
    if (classNames && classNames.length !== numClasses) {
      throw new OptionError(
        `ConfusionMatrix: classNames must have ${numClasses} entries, got ${classNames.length}.`,
      );
    }
    this.numClasses = numClasses;
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
        `update: predictions must have the length of targets, a multiple of ${images}, got ${predictions.length} and ${targets.length}.`,
      );
    }
    if (names && names.length !== images) {
      throw new OptionError(`update: names must have ${images} entries, got ${names.length}.`);
    }
    const parts = this.keepImages ? images : 1;
    const size = targets.length / parts;
    const rules = {
      numClasses: this.numClasses,
      ignore: new Set(this.ignoreIndex),
      strict: this.outOfRange === 'error',
    };
    // All are counted before any is added: a refused batch leaves the matrix as it was.
    const counted = Array.from({ length: parts }, (_, part) =>
      countPairs(imageOf(predictions, part, size), imageOf(targets, part, size), rules),
    );
    counted.forEach((counts, part) => {
      const name = names?.[part] ?? `${this.imageCount}`;
      this.addCounts(counts, images / parts, this.keepImages ? [sparseCounts(counts, name)] : []);
    });
    return this;
  }

  /**
   * Adds counts that were made elsewhere (a GPU kernel, a file, another matrix), and returns this.
   *
   * @param images how many images they are of.
   * @param kept each image's counts; taken over by a matrix with `keepImages`, which must have all of them.
   */
  addCounts(counts: PairCounts, images: number, kept: readonly ImageCounts[] = []): this {
    if (this.keepImages && kept.length < images) {
      throw new OptionError(`addCounts: kept must hold the counts of ${images} images, got ${kept.length}.`);
    }
    addPairCounts(this.totals, counts);
    this.imageCount += images;
    if (this.keepImages) for (const image of kept) this.kept.push(image);
    return this;
  }

  /** Adds the counts of another matrix of the same classes and ignored labels, and returns this. */
  merge(other: ConfusionMatrix): this {
    if (other.numClasses !== this.numClasses) {
      throw new ShapeError(`merge: other must have ${this.numClasses} classes, got ${other.numClasses}.`);
    }
    if (`${other.ignoreIndex}` !== `${this.ignoreIndex}`) {
      throw new OptionError(`merge: other must ignore [${this.ignoreIndex}], got [${other.ignoreIndex}].`);
    }
    return this.addCounts(other.totals, other.imageCount, other.kept);
  }

  /** One image as a matrix of its own. */
  image(index: number): ConfusionMatrix {
    checkInteger(['image', 'index'], index, { min: 0, max: this.kept.length - 1 }, 'Needs keepImages.');
    return this.weighted([[this.kept[index]!, 1]]);
  }

  /** A matrix of kept images, each counted `weight` times; what a bootstrap resamples. */
  weighted(images: Iterable<readonly [ImageCounts, number]>): ConfusionMatrix {
    const { numClasses, ignoreIndex, outOfRange, classNames } = this;
    const result = new ConfusionMatrix({ numClasses, ignoreIndex, outOfRange, classNames });
    for (const [image, weight] of images) {
      addSparse(result.totals, image, weight);
      result.imageCount += weight;
    }
    return result;
  }

  /** This matrix, emptied. */
  reset(): this {
    this.totals = emptyPairCounts(this.numClasses);
    this.kept = [];
    this.imageCount = 0;
    return this;
  }

  toJSON(): ConfusionMatrixJson {
    return toJson(this, this.totals);
  }
}

/** One image of a batch: a view where the array has one, so nothing is copied. */
function imageOf(labels: LabelArray, image: number, size: number): LabelArray {
  const start = image * size;
  return ArrayBuffer.isView(labels)
    ? (labels.subarray(start, start + size) as LabelArray)
    : labels.slice(start, start + size);
}
