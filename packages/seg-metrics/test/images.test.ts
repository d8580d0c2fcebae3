/** What kept images allow, against closed forms and hand counts. */
import { seededUniform } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import {
  bootstrap,
  ConfusionMatrix,
  comparePaired,
  pixelAccuracy,
  scoreBySize,
  worstImages,
} from '../src/index';

const kept = (images: readonly (readonly [p: number[], t: number[]])[]) => {
  const matrix = new ConfusionMatrix({ numClasses: 2, keepImages: true });
  images.forEach(([p, t], i) => {
    matrix.update(p, t, { names: [`image${i}`] });
  });
  return matrix;
};
/** An image of 20 pixels of which `right` are right. */
const image = (right: number): [number[], number[]] => [
  Array.from({ length: 20 }, (_, i) => (i < right ? 1 : 0)),
  Array(20).fill(1),
];

describe('bootstrap', () => {
  const right = Array.from(seededUniform(3, 40, 0, 21), Math.floor);
  const matrix = kept(right.map(image));
  const mean = right.reduce((a, b) => a + b, 0) / 40 / 20;
  const deviation = Math.sqrt(right.reduce((a, b) => a + (b / 20 - mean) ** 2, 0) / 40);

  it('of a mean has the closed form: deviation / sqrt(images), and a normal interval', () => {
    const { value, low, high, standardError, images } = bootstrap(matrix, pixelAccuracy, { samples: 3000 });
    const closed = deviation / Math.sqrt(40);
    expect([value, images]).toEqual([expect.closeTo(mean, 14), 40]);
    expect(standardError / closed).toBeGreaterThan(0.95);
    expect(standardError / closed).toBeLessThan(1.05);
    expect((mean - low) / closed).toBeCloseTo(1.96, 0);
    expect((high - mean) / closed).toBeCloseTo(1.96, 0);
  });

  it('is the same for the same seed, and narrower at less confidence', () => {
    const run = (seed: number, confidence = 0.95) =>
      bootstrap(matrix, pixelAccuracy, { samples: 200, seed, confidence });
    expect(run(4)).toEqual(run(4));
    expect(run(4).low).not.toBe(run(5).low);
    expect(run(4, 0.5).high - run(4, 0.5).low).toBeLessThan(run(4).high - run(4).low);
  });

  it('needs kept images', () => {
    const without = new ConfusionMatrix({ numClasses: 2 }).update([0], [0]);
    expect(() => bootstrap(without, pixelAccuracy)).toThrow(/must keep its images, got 1 images/);
  });
});

describe('comparePaired', () => {
  const better = kept(Array.from({ length: 8 }, () => image(20)));
  const worse = kept(Array.from({ length: 8 }, () => image(10)));

  it('of a constant difference has the exact p of the sign test', () => {
    const result = comparePaired(better, worse, pixelAccuracy, { samples: 4000 });
    expect(result).toMatchObject({ value: 0.5, low: 0.5, high: 0.5, probabilityFirstHigher: 1, images: 8 });
    // 2 of 2^8 assignments are as extreme; six standard deviations of 4000 draws are 0.0084.
    expect(Math.abs(result.pValue - 2 / 256)).toBeLessThan(0.0084);
    expect(comparePaired(worse, better, pixelAccuracy, { samples: 50 }).value).toBe(-0.5);
  });

  it('of a model with itself is nothing', () => {
    const same = comparePaired(better, better, pixelAccuracy, { samples: 50 });
    expect(same).toMatchObject({ value: 0, low: 0, high: 0, pValue: 1, probabilityFirstHigher: 0 });
  });

  it('refuses other images', () => {
    expect(() => comparePaired(better, kept([image(1)]), pixelAccuracy)).toThrow(/lacks 'image1'/);
  });
});

describe('by image', () => {
  const matrix = kept([
    [
      [0, 0, 1, 1],
      [0, 0, 0, 1],
    ],
    [
      [0, 1, 1, 0],
      [0, 1, 1, 1],
    ],
    [
      [1, 1, 1, 1],
      [1, 1, 1, 0],
    ],
  ]);

  it('scoreBySize is the mean over (image, class) pairs of a stratum', () => {
    expect(scoreBySize(matrix, 'iou', { bounds: [2] })).toEqual([
      { above: 0, upTo: 2, pairs: 3, value: expect.closeTo((1 / 2 + 1 / 2 + 0) / 3, 14) },
      { above: 2, upTo: Infinity, pairs: 3, value: expect.closeTo((2 / 3 + 2 / 3 + 3 / 4) / 3, 14) },
    ]);
    const foreground = scoreBySize(matrix, 'iou', { bounds: [2], policy: 'without-class-0' });
    expect(foreground.map(({ pairs }) => pairs)).toEqual([1, 2]);
  });

  it('worstImages ranks', () => {
    expect(worstImages(matrix, { count: 1 })).toEqual([{ index: 2, name: 'image2', value: 3 / 8 }]);
  });
});
