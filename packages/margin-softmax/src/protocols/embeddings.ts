/** From embeddings to scores: the cosine or squared distance of pairs, and of probes against a gallery. */
import { checkInteger, checkOneOf, ShapeError } from '@tfkit/core';
import { checkLength, checkNoNaN, checkRows, type NumberArray } from './checks';

export interface PairScoreOptions {
  /** 'squared-distance' |x / |x| - x' / |x'||^2 in [0, 4] (insightface, LFW), or 'cosine' in [-1, 1]. Default 'cosine'. */
  readonly metric?: 'cosine' | 'squared-distance';
}

/**
 * The score of each consecutive pair of rows: pair i is rows 2i and 2i + 1, as insightface's verification sets store
 * them. Rows need not have unit length; a zero row has cosine 0 with everything.
 *
 * @param embeddings [2 * pairs, dimension], row-major.
 * @param dimension numbers a row.
 * @returns one number a pair, computed in float64. A squared distance comes from the difference of the unit rows, so
 *   it keeps its digits for near-identical pairs, where 2 - 2 cos has none.
 * @throws ShapeError if the length is no even number of rows; ValueError if a number is NaN.
 */
export function pairScores(
  embeddings: NumberArray,
  dimension: number,
  options: PairScoreOptions = {},
): Float64Array {
  const { metric = 'cosine' } = options;
  checkInteger(['pairScores', 'dimension'], dimension, { min: 1 });
  checkOneOf(['pairScores', 'metric'], metric, ['cosine', 'squared-distance']);
  const rows = checkRows('pairScores', 'embeddings', embeddings, dimension);
  if (rows % 2 !== 0) {
    throw new ShapeError(`pairScores: embeddings must hold two rows a pair, got ${rows} rows.`);
  }
  checkNoNaN('pairScores', 'embeddings', embeddings);
  const units = unitRows(embeddings, dimension);
  return Float64Array.from({ length: rows / 2 }, (_, pair) => {
    const first = 2 * pair * dimension;
    const second = first + dimension;
    let sum = 0;
    for (let k = 0; k < dimension; k++) {
      const [a, b] = [units[first + k]!, units[second + k]!];
      sum += metric === 'cosine' ? a * b : (a - b) ** 2;
    }
    return sum;
  });
}

/** Rows divided by their length, in float64; the largest magnitude is divided out first, so no square overflows. */
export function unitRows(values: NumberArray, dimension: number): Float64Array {
  const units = Float64Array.from(values);
  for (let start = 0; start < units.length; start += dimension) {
    const row = units.subarray(start, start + dimension);
    let largest = 0;
    for (const value of row) largest = Math.max(largest, Math.abs(value));
    if (largest === 0) continue;
    let sum = 0;
    for (const value of row) sum += (value / largest) ** 2;
    const norm = Math.sqrt(sum);
    for (let k = 0; k < dimension; k++) row[k] = row[k]! / largest / norm;
  }
  return units;
}

/**
 * Similarities of probes (rows) to a gallery (columns), one row at a time, so that the whole matrix need never exist.
 * Anything of this form will do: an index of your own, a file of scores.
 */
export interface Similarities {
  readonly probes: number;
  readonly gallery: number;
  /** The similarities of one probe to every gallery entry, higher is more alike. Valid until the next call. */
  row(probe: number): NumberArray;
}

/**
 * Similarities that are already computed.
 *
 * @param scores [probes, gallery], row-major.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree;
 * ValueError if a value is not as described.
 */
export function similarityMatrix(scores: NumberArray, probes: number, gallery: number): Similarities {
  checkInteger(['similarityMatrix', 'probes'], probes, { min: 1 });
  checkInteger(['similarityMatrix', 'gallery'], gallery, { min: 1 });
  checkLength('similarityMatrix', 'scores', scores, probes * gallery, 'probes * gallery');
  checkNoNaN('similarityMatrix', 'scores', scores);
  const values = ArrayBuffer.isView(scores) ? (scores as Float64Array) : Float64Array.from(scores);
  return { probes, gallery, row: (probe) => values.subarray(probe * gallery, (probe + 1) * gallery) };
}

/**
 * Cosines of probe and gallery embeddings, computed in float64 a row at a time. Rows need not have unit length.
 *
 * @param probes [count, dimension], row-major.
 * @param gallery [count, dimension], row-major.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree;
 * ValueError if a value is not as described.
 */
export function cosineSimilarities(
  probes: NumberArray,
  gallery: NumberArray,
  dimension: number,
): Similarities {
  const name = 'cosineSimilarities';
  checkInteger([name, 'dimension'], dimension, { min: 1 });
  const probeCount = checkRows(name, 'probes', probes, dimension);
  const galleryCount = checkRows(name, 'gallery', gallery, dimension);
  checkNoNaN(name, 'probes', probes);
  checkNoNaN(name, 'gallery', gallery);
  const a = unitRows(probes, dimension);
  const b = probes === gallery ? a : unitRows(gallery, dimension);
  const row = new Float64Array(galleryCount);
  return {
    probes: probeCount,
    gallery: galleryCount,
    row(probe) {
      const from = probe * dimension;
      for (let entry = 0, k = 0; entry < galleryCount; entry++) {
        let sum = 0;
        for (let axis = 0; axis < dimension; axis++) sum += a[from + axis]! * b[k++]!;
        row[entry] = sum;
      }
      return row;
    },
  };
}
