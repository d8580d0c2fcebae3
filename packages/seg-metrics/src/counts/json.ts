/** The portable form of a confusion matrix: versioned, sparse, whole numbers; adds across machines and languages. */
import { FormatError } from '@tfkit/core';
import type { ConfusionMatrix, ConfusionMatrixOptions, ImageCounts } from './confusionMatrix';
import { emptyPairCounts, type PairCounts } from './histogram';

const format = 'tfkit-confusion-matrix';
const version = 1;

/** [flat cell, pixels, flat cell, pixels, ...] */
type Pairs = number[];

export interface ConfusionMatrixJson {
  readonly format: typeof format;
  readonly version: typeof version;
  readonly numClasses: number;
  readonly ignoreIndex: readonly number[];
  readonly outOfRange: 'count' | 'error';
  readonly classNames: readonly string[];
  readonly numImages: number;
  readonly counts: Pairs;
  readonly invalidPredictions: Pairs;
  readonly ignoredPixels: number;
  readonly invalidTargets: number;
  readonly images?: readonly {
    readonly name: string;
    readonly counts: Pairs;
    readonly invalidPredictions: Pairs;
    readonly ignoredPixels: number;
    readonly invalidTargets: number;
  }[];
}

export function toJson(matrix: ConfusionMatrix): ConfusionMatrixJson {
  return {
    format,
    version,
    numClasses: matrix.numClasses,
    ignoreIndex: matrix.ignoreIndex,
    outOfRange: matrix.outOfRange,
    classNames: matrix.classNames,
    numImages: matrix.numImages,
    counts: pairsOf(matrix.counts),
    invalidPredictions: pairsOf(matrix.invalidPredictions),
    ignoredPixels: matrix.ignoredPixels,
    invalidTargets: matrix.invalidTargets,
    ...(matrix.keepImages && {
      images: matrix.images.map((image) => ({
        name: image.name,
        counts: interleave(image.cells, image.pixels),
        invalidPredictions: interleave(image.invalidClasses, image.invalidPixels),
        ignoredPixels: image.ignored,
        invalidTargets: image.invalidTargets,
      })),
    }),
  };
}

export function fromJson(json: unknown): {
  options: ConfusionMatrixOptions;
  totals: PairCounts;
  images: ImageCounts[];
  imageCount: number;
} {
  const value = json as ConfusionMatrixJson;
  if (typeof value !== 'object' || value === null || value.format !== format) {
    throw fault(`have format '${format}'`, (value as ConfusionMatrixJson | null)?.format);
  }
  if (value.version !== version) throw fault(`have version ${version}`, value.version);
  const n = whole(value.numClasses, 'numClasses');
  const totals = emptyPairCounts(n);
  spread(value.counts, totals.cells, 'counts');
  spread(value.invalidPredictions, totals.invalidPredictions, 'invalidPredictions');
  totals.ignored = whole(value.ignoredPixels, 'ignoredPixels');
  totals.invalidTargets = whole(value.invalidTargets, 'invalidTargets');
  const { ignoreIndex, outOfRange, classNames, images } = value;
  return {
    options: { numClasses: n, ignoreIndex, outOfRange, classNames, keepImages: images !== undefined },
    totals,
    imageCount: whole(value.numImages, 'numImages'),
    images: (images ?? []).map((image) => {
      spread(image.counts, new Float64Array(n * n), 'images.counts');
      spread(image.invalidPredictions, new Float64Array(n), 'images.invalidPredictions');
      return {
        name: String(image.name),
        cells: Uint32Array.from(image.counts.filter((_, i) => i % 2 === 0)),
        pixels: Float64Array.from(image.counts.filter((_, i) => i % 2 === 1)),
        invalidClasses: Uint32Array.from(image.invalidPredictions.filter((_, i) => i % 2 === 0)),
        invalidPixels: Float64Array.from(image.invalidPredictions.filter((_, i) => i % 2 === 1)),
        ignored: whole(image.ignoredPixels, 'images.ignoredPixels'),
        invalidTargets: whole(image.invalidTargets, 'images.invalidTargets'),
      };
    }),
  };
}

const fault = (rule: string, got: unknown) =>
  new FormatError(`ConfusionMatrix.fromJSON: json must ${rule}, got ${JSON.stringify(got)}.`);

function whole(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw fault(`have a whole number as ${name}`, value);
}

const pairsOf = (values: Float64Array): Pairs => [...values].flatMap((value, i) => (value ? [i, value] : []));

const interleave = (keys: Uint32Array, values: Float64Array): Pairs =>
  [...keys].flatMap((key, i) => [key, values[i]!]);

function spread(pairs: unknown, into: Float64Array, name: string): void {
  if (!Array.isArray(pairs) || pairs.length % 2 !== 0) throw fault(`have pairs as ${name}`, pairs);
  for (let k = 0; k < pairs.length; k += 2) {
    const cell = whole(pairs[k], name);
    if (cell >= into.length) throw fault(`have cells below ${into.length} in ${name}`, cell);
    into[cell] = whole(pairs[k + 1], name);
  }
}
