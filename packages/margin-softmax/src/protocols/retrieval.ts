/**
 * Scores of retrieval (CUB, SOP, In-Shop): every query ranks the references by similarity. As in Musgrave et al., A
 * Metric Learning Reality Check, ECCV 2020 (arXiv:2003.08505), and pytorch-metric-learning's AccuracyCalculator.
 */
import { checkInteger, checkKnownOptions, ShapeError, ValueError } from '@tfkit/core';
import { checkLength, type NumberArray } from './checks';
import type { Similarities } from './embeddings';
import { rankedIndices } from './largest';

export interface RetrievalOptions {
  /** The k of recall@k. Default [1, 2, 4, 8]. */
  readonly ks?: readonly number[];
  /**
   * Queries and references are the same rows: a query does not find itself. Default false; set it when both sides of
   * `cosineSimilarities` are one array.
   */
  readonly excludeSelf?: boolean;
}

export interface RetrievalScores {
  /** Share of queries whose first reference is of their class. */
  readonly precisionAt1: number;
  /** For each of `ks`: share of queries with a reference of their class among the first k. */
  readonly recallAtK: Float64Array;
  /** Mean over queries of (hits among the first R) / R, R the number of references of the query's class. */
  readonly rPrecision: number;
  /** Mean over queries of 1/R sum_(i <= R) [i-th is a hit] precision at i. */
  readonly mapAtR: number;
  /** Queries that the means are over. */
  readonly queries: number;
  /** Queries without a reference of their class, which no ranking can serve. They are left out of all means. */
  readonly withoutMatch: number;
}

/**
 * Precision@1, recall@k, R-precision and MAP@R. Equal similarities rank by reference index.
 *
 * @param similarities queries are its probes, references its gallery.
 * @param referenceLabels class of each reference.
 * @param queryLabels class of each query.
 * @throws ShapeError if labels do not fit; ValueError if no query has a reference of its class.
 * @example
 * import { cosineSimilarities, retrievalScores } from '@tfkit/margin-softmax/protocols';
 * const x = [1, 0, 1, 0.1, 0, 1, 0.1, 1];
 * const scores = retrievalScores(cosineSimilarities(x, x, 2), [0, 0, 1, 1], [0, 0, 1, 1], { excludeSelf: true });
 * console.log(scores.mapAtR); // 1
 */
export function retrievalScores(
  similarities: Similarities,
  referenceLabels: NumberArray,
  queryLabels: NumberArray,
  options: RetrievalOptions = {},
): RetrievalScores {
  const name = 'retrievalScores';
  checkKnownOptions(name, options, ['ks', 'excludeSelf']);
  const { ks = [1, 2, 4, 8], excludeSelf = false } = options;
  for (const k of ks) checkInteger([name, 'ks'], k, { min: 1 });
  const { probes, gallery } = similarities;
  checkLength(name, 'referenceLabels', referenceLabels, gallery, 'one a reference');
  checkLength(name, 'queryLabels', queryLabels, probes, 'one a query');
  if (excludeSelf && probes !== gallery) {
    throw new ShapeError(
      `${name}: similarities must be square with excludeSelf, got ${probes} queries and ${gallery} references.`,
    );
  }
  const sizes = new Map<number, number>();
  for (let i = 0; i < gallery; i++) {
    sizes.set(referenceLabels[i]!, (sizes.get(referenceLabels[i]!) ?? 0) + 1);
  }
  const ranked = rankedIndices(gallery);
  const firstHits = new Float64Array(ks.length);
  const sums = { first: 0, rPrecision: 0, mapAtR: 0, queries: 0 };
  for (let query = 0; query < probes; query++) {
    const label = queryLabels[query]!;
    const matches = (sizes.get(label) ?? 0) - (excludeSelf && referenceLabels[query] === label ? 1 : 0);
    if (matches === 0) continue;
    const best = ranked(similarities.row(query), Math.max(matches, 1, ...ks), excludeSelf ? query : -1);
    const { firstHit, hits, precisions } = scanHits(best, referenceLabels, label, matches);
    sums.queries++;
    sums.first += firstHit === 0 ? 1 : 0;
    sums.rPrecision += hits / matches;
    sums.mapAtR += precisions / matches;
    ks.forEach((k, i) => {
      if (firstHit < k) firstHits[i]!++;
    });
  }
  const { queries } = sums;
  if (queries === 0) {
    throw new ValueError(`${name}: queryLabels must have a class of the references, got none.`);
  }
  return {
    precisionAt1: sums.first / queries,
    recallAtK: firstHits.map((count) => count / queries),
    rPrecision: sums.rPrecision / queries,
    mapAtR: sums.mapAtR / queries,
    queries,
    withoutMatch: probes - queries,
  };
}

/** Index of the first hit (Infinity if none), hits within the first R, and the sum of precisions at them. */
function scanHits(ranked: Int32Array, labels: NumberArray, label: number, matches: number) {
  let [firstHit, hits, precisions] = [Infinity, 0, 0];
  for (let i = 0; i < ranked.length; i++) {
    if (labels[ranked[i]!] !== label) continue;
    if (firstHit === Infinity) firstHit = i;
    if (i >= matches) break;
    hits++;
    precisions += hits / (i + 1);
  }
  return { firstHit, hits, precisions };
}
