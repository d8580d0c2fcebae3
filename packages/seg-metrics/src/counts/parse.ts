import { FormatError } from '@tfkit/core';
import { ConfusionMatrix } from './confusionMatrix';
import type { ImageCounts } from './imageCounts';
import { type ConfusionMatrixJson, format, version } from './json';
import { emptyPairCounts } from './pairCounts';

/** The matrix that `JSON.stringify(matrix)` (or a CLI's JSON) wrote. Throws FormatError for anything else. */
export function parseConfusionMatrix(json: unknown): ConfusionMatrix {
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
  const kept = images?.map((image): ImageCounts => {
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
  });
  const options = { numClasses: n, ignoreIndex, outOfRange, classNames, keepImages: kept !== undefined };
  return new ConfusionMatrix(options).addCounts(totals, whole(value.numImages, 'numImages'), kept);
}

const fault = (rule: string, got: unknown) =>
  new FormatError(`parseConfusionMatrix: json must ${rule}, got ${JSON.stringify(got)}.`);

function whole(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw fault(`have a whole number as ${name}`, value);
}

function spread(pairs: unknown, into: Float64Array, name: string): void {
  if (!Array.isArray(pairs) || pairs.length % 2 !== 0) throw fault(`have pairs as ${name}`, pairs);
  for (let k = 0; k < pairs.length; k += 2) {
    const cell = whole(pairs[k], name);
    if (cell >= into.length) throw fault(`have cells below ${into.length} in ${name}`, cell);
    into[cell] = whole(pairs[k + 1], name);
  }
}
