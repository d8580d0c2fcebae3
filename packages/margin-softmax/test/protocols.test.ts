import {
  areaUnderCurve,
  bestAccuracy,
  chooseThreshold,
  cosineSimilarities,
  cumulativeMatch,
  equalErrorRate,
  mateRanks,
  openSetIdentification,
  pairScores,
  rankRate,
  retrievalScores,
  rocCurve,
  similarityMatrix,
  tarAtFar,
  tenFoldVerification,
  tpirOverAllPairs,
} from '@tfkit/margin-softmax/protocols';
import { seededNormal } from '@tfkit/test-kit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Scores on a coarse grid, so that ties are common; both kinds of pairs occur. */
const scoredPairs = fc
  .array(fc.tuple(fc.integer({ min: -6, max: 6 }), fc.boolean()), { minLength: 1, maxLength: 40 })
  .map((pairs) => [...pairs, [0, true] as const, [1, false] as const])
  .map((pairs) => ({
    scores: pairs.map(([score]) => score / 4),
    same: pairs.map(([, same]) => Number(same)),
  }));

const rates = (scores: readonly number[], same: readonly number[], threshold: number) => {
  const accepted = (kind: number) =>
    scores.filter((score, i) => same[i] === kind && score >= threshold).length;
  const total = (kind: number) => same.filter((value) => value === kind).length;
  return { tpr: accepted(1) / total(1), fpr: accepted(0) / total(0) };
};

describe('rocCurve', () => {
  it('has the rates of every distinct score, by counting', () => {
    fc.assert(
      fc.property(scoredPairs, ({ scores, same }) => {
        const curve = rocCurve(Float32Array.from(scores), same);
        const distinct = [...new Set(scores)].sort((a, b) => b - a);
        expect(Array.from(curve.thresholds)).toEqual([Infinity, ...distinct]);
        distinct.forEach((threshold, i) => {
          const { tpr, fpr } = rates(scores, same, threshold);
          expect([curve.tpr[i + 1], curve.fpr[i + 1]]).toEqual([tpr, fpr]);
        });
      }),
    );
  });

  it('gives the share of rightly ordered pairs of pairs as area, ties half', () => {
    fc.assert(
      fc.property(scoredPairs, ({ scores, same }) => {
        const mates = scores.filter((_, i) => same[i]);
        const others = scores.filter((_, i) => !same[i]);
        let wins = 0;
        for (const m of mates) for (const o of others) wins += m > o ? 1 : m === o ? 0.5 : 0;
        const expected = wins / (mates.length * others.length);
        expect(areaUnderCurve(rocCurve(scores, same))).toBeCloseTo(expected, 12);
        expect(areaUnderCurve(rocCurve(scores, same, { dropIntermediate: true }))).toBeCloseTo(expected, 12);
      }),
    );
  });

  it('does not depend on the order of pairs, and distances are negated similarities', () => {
    fc.assert(
      fc.property(scoredPairs, ({ scores, same }) => {
        const curve = rocCurve(scores, same);
        const reversed = rocCurve([...scores].reverse(), [...same].reverse());
        expect(reversed).toEqual(curve);
        const distances = rocCurve(
          scores.map((score) => -score),
          same,
          { scoreType: 'distance' },
        );
        expect(distances.fpr).toEqual(curve.fpr);
        expect(distances.tpr).toEqual(curve.tpr);
        expect(Array.from(distances.thresholds, (value) => -value + 0)).toEqual(
          Array.from(curve.thresholds, (value) => value + 0),
        );
      }),
    );
  });

  it('reads accuracy, EER and TAR from the curve', () => {
    // Accepting from 0.8 on: one mate of four missed below, one other of four above.
    const scores = [0.9, 0.8, 0.7, 0.2, 0.85, 0.3, 0.1, 0];
    const same = [1, 1, 1, 1, 0, 0, 0, 0];
    const curve = rocCurve(scores, same);
    expect(bestAccuracy(curve)).toEqual({ accuracy: 0.75, threshold: 0.7 });
    expect(equalErrorRate(curve)).toEqual({ eer: 0.25, threshold: 0.7 });
    expect(equalErrorRate(curve, { convention: 'nearest-point' })).toEqual({ eer: 0.25, threshold: 0.7 });
    expect(tarAtFar(curve, 0.2)).toEqual({ tar: 0.25, far: 0, threshold: 0.9 });
    expect(tarAtFar(curve, 0.2, { convention: 'nearest' })).toEqual({ tar: 0.75, far: 0.25, threshold: 0.7 });
    expect(tarAtFar(curve, 0.2, { convention: 'interpolated' }).tar).toBeCloseTo(0.25, 12);
    expect(tarAtFar(curve, 1)).toEqual({ tar: 1, far: 1, threshold: 0 });
  });

  it('chooses the most permissive threshold that keeps the FAR', () => {
    fc.assert(
      fc.property(scoredPairs, fc.double({ min: 0, max: 1, noNaN: true }), ({ scores, same }, far) => {
        const chosen = chooseThreshold(scores, same, { far });
        expect(rates(scores, same, chosen.threshold)).toEqual({ tpr: chosen.tar, fpr: chosen.far });
        expect(chosen.far).toBeLessThanOrEqual(far);
        const next = Math.max(...scores.filter((score) => score < chosen.threshold));
        if (next > -Infinity) expect(rates(scores, same, next).fpr).toBeGreaterThan(far);
        expect(chosen.resolution).toBe(1 / same.filter((value) => value === 0).length);
      }),
    );
    expect(chooseThreshold([0.2, 0.5], [1, 0], { far: 0 }).threshold).toBe(Infinity);
    expect(chooseThreshold([0.2, 0.5], [0, 1], { far: 0, scoreType: 'distance' }).threshold).toBe(-Infinity);
  });

  it('names what is wrong with its input', () => {
    expect(() => rocCurve([1, 2], [1])).toThrow(/^rocCurve: same must have length 2 .*got length 1/);
    expect(() => rocCurve([], [])).toThrow(/^rocCurve: scores must not be empty/);
    expect(() => rocCurve([1, NaN], [1, 0])).toThrow(/^rocCurve: scores must be numbers, got NaN at 1/);
    expect(() => rocCurve([1, 2], [1, 2])).toThrow(/^rocCurve: same must hold 0 or 1, got 2 at 1/);
    expect(() => rocCurve([1, 2], [1, 1])).toThrow(/both kinds, got none of different identity/);
    expect(() => rocCurve([1, 2], [0, 1], { scoreType: 'cosine' as 'distance' })).toThrow(
      /scoreType must be one of/,
    );
    expect(() => tarAtFar(rocCurve([1, 2], [0, 1]), 1.5)).toThrow(
      /^tarAtFar: far must be a number in \[0, 1\], got 1.5/,
    );
  });
});

describe('tenFoldVerification', () => {
  it('chooses the threshold without the fold that it is measured on', () => {
    // Two folds of two pairs. The first alone would choose 1, the second 3.
    const distances = [0.5, 1.5, 2.5, 3.5];
    const same = [1, 0, 1, 0];
    const result = tenFoldVerification(distances, same, {
      ...{
        folds: 2,
        thresholds: { start: 0, step: 1, count: 5 },
        farTargets: [0],
        farThresholds: { start: 0, step: 0.5, count: 9 },
      },
    });
    expect(Array.from(result.thresholdPerFold)).toEqual([3, 1]);
    expect(Array.from(result.accuracyPerFold)).toEqual([0.5, 0.5]);
    expect([result.accuracy, result.accuracyStd]).toEqual([0.5, 0]);
    // Accepted below 3.5 on the second fold, 1.5 on the first.
    expect(Array.from(result.validation[0]!.thresholdPerFold)).toEqual([3.5, 1.5]);
    expect(Array.from(result.validation[0]!.farPerFold)).toEqual([1, 0]);
    expect(Array.from(result.validation[0]!.valPerFold)).toEqual([1, 0]);
  });

  it('refuses fewer pairs than folds, and grids that do not ascend', () => {
    expect(() => tenFoldVerification([1, 2], [0, 1])).toThrow(
      /folds must be at most the number of pairs 2, got 10/,
    );
    const thresholds = { start: 0, step: 0, count: 3 };
    expect(() => tenFoldVerification([1, 2], [0, 1], { folds: 2, thresholds })).toThrow(
      /thresholds.step must be .* > 0/,
    );
  });
});

describe('pairScores', () => {
  it('gives cosines and squared distances of unit rows, zero rows and huge ones too', () => {
    const embeddings = [3, 4, 4, 3, 0, 0, 1, 1, 1e200, 0, 0, 1e-200];
    expect(Array.from(pairScores(embeddings, 2))).toBeAllclose([0.96, 0, 0]);
    expect(Array.from(pairScores(embeddings, 2, { metric: 'squared-distance' }))).toBeAllclose([0.08, 1, 2]);
  });

  it('refuses an odd number of rows', () => {
    expect(() => pairScores([1, 2, 3, 4, 5, 6], 2)).toThrow(/two rows a pair, got 3 rows/);
    expect(() => pairScores([1, 2, 3], 2)).toThrow(/rows of 2 numbers, got length 3/);
  });
});

describe('identification', () => {
  const search = similarityMatrix(Float32Array.of(9, 5, 5, 1, 3, 3, 3, 0, 1, 2, 3, 4), 3, 4);
  const gallery = [1, 2, 3, 2];

  it('ranks the best entry of the identity, equal ones as stated', () => {
    expect(Array.from(mateRanks(search, gallery, [1, 2, 3]).ranks)).toEqual([1, 2, 2]);
    expect(Array.from(mateRanks(search, gallery, [3, 2, 1]).ranks)).toEqual([3, 2, 4]);
    expect(Array.from(mateRanks(search, gallery, [3, 3, 1], { ties: 'pessimistic' }).ranks)).toEqual([
      3, 3, 4,
    ]);
  });

  it('leaves out probes that are not enrolled, and gives the CMC', () => {
    const mates = mateRanks(search, gallery, [7, 2, 3]);
    expect(Array.from(mates.matedProbes)).toEqual([1, 2]);
    expect(Array.from(cumulativeMatch(mates, 3))).toEqual([0, 1, 1]);
    expect(rankRate(mates, 2)).toBe(1);
  });

  it('sets the open-set threshold on probes that are not enrolled', () => {
    // Tops of the unmated: 9 and 4; the mated probe's top is 3.
    const [none, half, all] = openSetIdentification(search, gallery, [7, 1, 8], { fpirTargets: [0, 0.5, 1] });
    expect(none).toEqual({ fpirTarget: 0, threshold: 9, fpir: 0, dir: 0 });
    expect(half).toEqual({ fpirTarget: 0.5, threshold: 4, fpir: 0.5, dir: 0 });
    expect(all).toEqual({ fpirTarget: 1, threshold: -Infinity, fpir: 1, dir: 1 });
    expect(() => openSetIdentification(search, gallery, [1, 2, 3], { fpirTargets: [0] })).toThrow(
      /got 3 and 0/,
    );
  });

  it('takes the n-th largest of all impostor scores, as a full sort would', () => {
    const scores = seededNormal(11, 60 * 50);
    const ids = Array.from({ length: 50 }, (_, i) => i % 20);
    const probeIds = Array.from({ length: 60 }, (_, i) => i % 30);
    const points = tpirOverAllPairs(similarityMatrix(scores, 60, 50), ids, probeIds, {
      fpirTargets: [0.01, 0.5, 1],
    });
    const impostors = Array.from(scores).filter((_, i) => ids[i % 50] !== probeIds[Math.floor(i / 50)]);
    impostors.sort((a, b) => b - a);
    expect(points.map(({ threshold }) => threshold)).toEqual([impostors[0], impostors[29], impostors[59]]);
  });
});

describe('retrievalScores', () => {
  /** By the definitions, over a full stable sort. */
  function bruteForce(
    scores: (i: number, j: number) => number,
    labels: readonly number[],
    ks: readonly number[],
  ) {
    const sums = { first: 0, recall: ks.map(() => 0), rPrecision: 0, map: 0, queries: 0 };
    labels.forEach((label, q) => {
      const order = labels.map((_, j) => j).filter((j) => j !== q);
      order.sort((a, b) => scores(q, b) - scores(q, a) || a - b);
      const hits = order.map((j) => Number(labels[j] === label));
      const R = hits.reduce((a, b) => a + b, 0);
      if (R === 0) return;
      const upTo = (n: number) => hits.slice(0, n).reduce((a, b) => a + b, 0);
      sums.queries++;
      sums.first += hits[0]!;
      ks.forEach((k, i) => {
        sums.recall[i]! += Number(upTo(k) > 0);
      });
      sums.rPrecision += upTo(R) / R;
      for (let i = 0; i < R; i++) sums.map += (hits[i]! * upTo(i + 1)) / (i + 1) / R;
    });
    const { queries } = sums;
    return {
      precisionAt1: sums.first / queries,
      recallAtK: sums.recall.map((value) => value / queries),
      rPrecision: sums.rPrecision / queries,
      mapAtR: sums.map / queries,
    };
  }

  it('equals the definitions over a full sort, ties by index', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 25 }),
        fc.integer({ min: 0, max: 1000 }),
        (classes, seed) => {
          const labels = [...classes, 0, 0];
          const n = labels.length;
          const matrix = seededNormal(seed, n * n).map((value) => Math.round(2 * value));
          const ks = [1, 3, 40];
          const result = retrievalScores(similarityMatrix(matrix, n, n), labels, labels, {
            ks,
            excludeSelf: true,
          });
          const expected = bruteForce((i, j) => matrix[i * n + j]!, labels, ks);
          expect(result.precisionAt1).toBeCloseTo(expected.precisionAt1, 12);
          expect(Array.from(result.recallAtK)).toBeAllclose(expected.recallAtK);
          expect(result.rPrecision).toBeCloseTo(expected.rPrecision, 12);
          expect(result.mapAtR).toBeCloseTo(expected.mapAtR, 12);
          expect(result.queries + result.withoutMatch).toBe(n);
        },
      ),
    );
  });

  it('is 1 for separated classes, from embeddings', () => {
    const x = [1, 0, 1, 0.1, 0, 1, 0.1, 1];
    const { mapAtR, recallAtK } = retrievalScores(cosineSimilarities(x, x, 2), [0, 0, 1, 1], [0, 0, 1, 1], {
      ...{ excludeSelf: true, ks: [1] },
    });
    expect([mapAtR, recallAtK[0]]).toEqual([1, 1]);
  });

  it('refuses labels that do not fit and queries without a match', () => {
    const matrix = similarityMatrix([1, 2, 3, 4], 2, 2);
    expect(() => retrievalScores(matrix, [0], [0, 1])).toThrow(/referenceLabels must have length 2/);
    expect(() => retrievalScores(matrix, [0, 0], [5, 5])).toThrow(
      /queryLabels must have a class of the references/,
    );
    expect(() => retrievalScores(similarityMatrix([1, 2], 1, 2), [0, 0], [0], { excludeSelf: true })).toThrow(
      /square/,
    );
  });
});
