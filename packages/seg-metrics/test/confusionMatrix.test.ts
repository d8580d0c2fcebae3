import { type Collective, type CollectiveArray, soloCollective } from '@tfkit/core';
import { seededUniform } from '@tfkit/test-kit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addTable,
  ConfusionMatrix,
  meanIou,
  mergeAll,
  parseConfusionMatrix,
  score,
  updateLogits,
} from '../src/index';

/** A slow plain count. */
function plain(p: ArrayLike<number>, t: ArrayLike<number>, n: number, ignore: number[]) {
  const cells = new Float64Array(n * n);
  let [ignored, invalidTargets, invalidPredictions] = [0, 0, 0];
  for (let i = 0; i < t.length; i++) {
    if (ignore.includes(t[i]!)) ignored++;
    else if (t[i]! < 0 || t[i]! >= n) invalidTargets++;
    else if (p[i]! < 0 || p[i]! >= n) invalidPredictions++;
    else cells[t[i]! * n + p[i]!]!++;
  }
  return { cells, ignored, invalidTargets, invalidPredictions };
}

const labels = (seed: number, size: number, below: number) =>
  Uint8Array.from(seededUniform(seed, size, 0, below), (v) => Math.floor(v));

describe('ConfusionMatrix', () => {
  it.each([
    ['noise, whole words', 65536, 0, 1],
    ['noise, unaligned', 65537, 1, 1],
    ['runs, with a rest', 65539, 0, 64],
  ])('counts bytes as a plain loop does: %s', (_, size, offset, run) => {
    const spread = (seed: number, below: number) => {
      const base = labels(seed, size, below);
      const buffer = new Uint8Array(size + 4).subarray(offset, offset + size);
      return buffer.map((__, i) => base[Math.floor(i / run)]!);
    };
    const [p, t] = [spread(1, 22), spread(2, 24)];
    const matrix = new ConfusionMatrix({ numClasses: 19, ignoreIndex: [3, 23] }).update(p, t);
    const expected = plain(p, t, 19, [3, 23]);
    expect(matrix.counts).toEqual(expected.cells);
    expect(matrix.ignoredPixels).toBe(expected.ignored);
    expect(matrix.invalidTargets).toBe(expected.invalidTargets);
    expect(matrix.invalidPredictions.reduce((a, b) => a + b, 0)).toBe(expected.invalidPredictions);
    expect(expected.invalidPredictions).toBeGreaterThan(0);
  });

  it('counts bytes where classes or ignored labels pass a byte', () => {
    const [p, t] = [labels(1, 40000, 256), labels(2, 40000, 256)];
    const matrix = new ConfusionMatrix({ numClasses: 300, ignoreIndex: [-1, 7, 300] }).update(p, t);
    const expected = plain(p, t, 300, [-1, 7, 300]);
    expect(matrix.counts).toEqual(expected.cells);
    expect([matrix.ignoredPixels, matrix.invalidTargets]).toEqual([expected.ignored, 0]);
  });

  it('gives the same counts from any array type', () => {
    const [p, t] = [labels(1, 500, 5), labels(2, 500, 5)];
    const expected = new ConfusionMatrix({ numClasses: 4 }).update(p, t).toJSON();
    for (const type of [Int8Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array]) {
      expect(new ConfusionMatrix({ numClasses: 4 }).update(type.from(p), type.from(t)).toJSON()).toEqual(
        expected,
      );
    }
    const big = (values: Uint8Array) => BigInt64Array.from(values, BigInt);
    expect(new ConfusionMatrix({ numClasses: 4 }).update(big(p), big(t)).toJSON()).toEqual(expected);
  });

  it('reads 64-bit labels at any offset, negative and beyond 32 bits', () => {
    const labels64 = BigInt64Array.of(9n, -1n, 2n ** 40n, -(2n ** 33n), 1n).subarray(1);
    const matrix = new ConfusionMatrix({ numClasses: 2, ignoreIndex: [-1, 2 ** 40] });
    matrix.update(BigUint64Array.of(1n, 1n, 1n, 2n ** 63n), labels64);
    expect([matrix.ignoredPixels, matrix.invalidTargets, ...matrix.invalidPredictions]).toEqual([2, 1, 0, 1]);
  });

  it('leaves out an ignored label that is a class, in any array type', () => {
    const [p, t] = [labels(1, 500, 5), labels(2, 500, 5)];
    const expected = plain(p, t, 4, [0, 3]);
    for (const type of [Uint8Array, Int32Array, Float32Array]) {
      const matrix = new ConfusionMatrix({ numClasses: 4, ignoreIndex: [0, 3] });
      matrix.update(type.from(p), type.from(t));
      expect(matrix.counts).toEqual(expected.cells);
      expect(matrix.ignoredPixels).toBe(expected.ignored);
    }
  });

  it('is exact beyond 2^31 pixels, and does not grow with them', () => {
    const matrix = new ConfusionMatrix({ numClasses: 2 });
    addTable(matrix, [3e9, 1, 0, 0, 2 ** 40 + 1, 0]);
    addTable(matrix, [1, 0, 0, 0, 1, 0]);
    expect([...matrix.counts]).toEqual([3e9 + 1, 1, 0, 2 ** 40 + 2]);
    expect([...parseConfusionMatrix(JSON.parse(JSON.stringify(matrix))).counts]).toEqual([...matrix.counts]);
  });

  it("throws for labels out of range with 'error', naming value and pixel, and counts nothing", () => {
    const matrix = new ConfusionMatrix({ numClasses: 3, ignoreIndex: 255, outOfRange: 'error' });
    expect(() => matrix.update([0, 7], [255, 1])).toThrow(
      /update: predictions must be in \[0, 2\], got 7 at pixel 1/,
    );
    expect(() => matrix.update([0, 0], [0, 9])).toThrow(
      /update: targets must be in \[0, 2\], got 9 at pixel 1/,
    );
    expect(matrix.numImages).toBe(0);
    expect(matrix.counts.every((count) => count === 0)).toBe(true);
    expect(() => matrix.update([0.5], [0])).toThrow(/predictions must be whole numbers, got 0.5/);
    expect(() => matrix.update([0, 1], [0])).toThrow(/predictions must have the length of targets/);
  });

  it('merges in any grouping and order, through JSON and over a process group', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 1, maxLength: 60 }),
        fc.nat(59),
        async (pixels, cut) => {
          const part = (pairs: typeof pixels) =>
            new ConfusionMatrix({ numClasses: 4, ignoreIndex: 5, keepImages: true }).update(
              pairs.map(([p]) => p),
              pairs.map(([, t]) => t),
            );
          const whole = part(pixels);
          const restored = parseConfusionMatrix(JSON.parse(JSON.stringify(part(pixels.slice(cut)))));
          const merged = await mergeAll(restored.merge(part(pixels.slice(0, cut))), soloCollective);
          expect(merged.counts).toEqual(whole.counts);
          expect(merged.images.length).toBe(2);
        },
      ),
    );
  });

  it('sums over two ranks, in rank order, and leaves both as they are', async () => {
    const parts = [0, 1].map((rank) =>
      new ConfusionMatrix({ numClasses: 2, keepImages: true }).update([rank, 1], [1, 1], {
        names: [`r${rank}`],
      }),
    );
    const waiting: { data: CollectiveArray; give: (all: CollectiveArray[]) => void }[] = [];
    const rankOf = (rank: number): Collective => ({
      ...soloCollective,
      rank,
      size: 2,
      allGather: (data) =>
        new Promise((resolve) => {
          waiting[rank] = { data, give: resolve as (all: CollectiveArray[]) => void };
          if (Object.keys(waiting).length === 2)
            for (const { give } of waiting) give(waiting.map((w) => w.data));
        }),
    });
    const sums = await Promise.all([mergeAll(parts[0]!, rankOf(0)), mergeAll(parts[1]!, rankOf(1))]);
    for (const sum of sums) {
      expect([...sum.counts]).toEqual([0, 0, 1, 3]);
      expect(sum.images.map(({ name }) => name)).toEqual(['r0', 'r1']);
    }
    expect(parts.map(({ numImages }) => numImages)).toEqual([1, 1]);
  });

  it('refuses a fractional target wherever it points', () => {
    const matrix = new ConfusionMatrix({ numClasses: 2 });
    expect(() => matrix.update([0], [0.5])).toThrow(/targets must be whole numbers, got 0.5 at pixel 0/);
  });

  it('permuting the classes permutes the scores, and Dice is 2J/(1+J)', () => {
    const [p, t] = [labels(5, 3000, 6), labels(6, 3000, 6)];
    const order = [4, 2, 0, 5, 1, 3];
    const through = (values: Uint8Array) => values.map((label) => order[label]!);
    const plainScore = score(new ConfusionMatrix({ numClasses: 6 }).update(p, t), 'iou');
    const permuted = new ConfusionMatrix({ numClasses: 6 }).update(through(p), through(t));
    plainScore.perClass.forEach((value, label) => {
      expect(score(permuted, 'iou').perClass[order[label]!]).toBe(value);
    });
    const dice = score(permuted, 'dice').perClass;
    score(permuted, 'iou').perClass.forEach((j, i) => {
      expect(dice[i]).toBeCloseTo((2 * j) / (1 + j), 14);
    });
    expect(meanIou(permuted).classesUsed).toBe(6);
  });

  it('takes the argmax of logits in both layouts', () => {
    const last = [0, 1, 2, 5, 5, 1];
    const first = [0, 5, 1, 5, 2, 1];
    for (const [logits, layout] of [
      [last, 'channels-last'],
      [first, 'channels-first'],
    ] as const) {
      const matrix = updateLogits(new ConfusionMatrix({ numClasses: 3 }), logits, [2, 0], { layout });
      expect([...matrix.counts]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
    const withNaN = updateLogits(new ConfusionMatrix({ numClasses: 3 }), [0, NaN, 2], [2]);
    expect([...withNaN.invalidPredictions]).toEqual([0, 0, 1]);
  });

  it('refuses JSON that is none of its own', () => {
    const json = new ConfusionMatrix({ numClasses: 2 }).toJSON();
    for (const [broken, message] of [
      [null, /format/],
      [{ ...json, version: 9 }, /version 1, got 9/],
      [{ ...json, counts: [9, 1] }, /cells below 4/],
      [{ ...json, counts: [0, -1] }, /whole number/],
    ] as const) {
      expect(() => parseConfusionMatrix(broken)).toThrow(message);
    }
  });
});
