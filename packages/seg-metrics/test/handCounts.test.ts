/** Components, mean distances, generalized Dice and presets against hand counts and torchmetrics 1.9.0's own numbers. */
import { describe, expect, it } from 'vitest';
import { ConfusionMatrix, componentScores, generalizedDice, meanDistance, presetScores } from '../src/index';

const maps = [
  [
    [0, 1, 1, 1, 0, 2, 2, 2, 0, 0, 2, 1],
    [0, 0, 1, 1, 0, 2, 2, 1, 0, 2, 2, 1],
  ],
  [
    [0, 0, 1, 1, 0, 2, 1, 1, 0, 0, 0, 1],
    [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1],
  ],
] as const;
const matrix = new ConfusionMatrix({ numClasses: 3, keepImages: true });
for (const [p, t] of maps) matrix.update(p, t);

describe('generalizedDice', () => {
  it.each([
    ['uniform', [0.75, 0.75]],
    ['simple', [0.75, 53 / 71]],
    ['square', [0.75, (2 * (5 / 49 + 4 / 25)) / (13 / 49 + 11 / 25)]],
  ] as const)(
    "%s weights: torchmetrics where all classes occur, MONAI's rule (the largest other weight) where not",
    (weights, expected) => {
      expected.forEach((value, i) => {
        expect(generalizedDice(matrix.image(i), { weights })).toBeCloseTo(value, 6);
      });
    },
  );
});

describe('presets', () => {
  it('torchmetrics: segmentation.MeanIoU and GeneralizedDiceScore', () => {
    const scores = presetScores(matrix, 'torchmetrics');
    expect(scores['segmentation.MeanIoU']).toBeCloseTo(0.5152778029441833, 7);
    expect(scores['segmentation.GeneralizedDiceScore/linear']).toEqual([0.75, 0.75]);
  });

  it('monai: MeanIoU leaves out classes that the target lacks', () => {
    const scores = presetScores(matrix, 'monai');
    const batch = scores['MeanIoU/include_background=True/mean_batch'] as number[];
    [(0.6 + 5 / 8) / 2, (0.6 + 4 / 6) / 2, 0.6].forEach((value, i) => {
      expect(batch[i]).toBeCloseTo(value, 14);
    });
    expect(scores['MeanIoU/include_background=True/mean']).toBeCloseTo((0.6 + (5 / 8 + 4 / 6) / 2) / 2, 14);
    expect(scores['MeanIoU/include_background=False/mean']).toBeCloseTo((0.6 + 4 / 6) / 2, 14);
  });

  it('cityscapes: classes, and categories as groups of classes', () => {
    const scores = presetScores(matrix.image(0), 'cityscapes', { regions: { flat: [0, 1], sky: [2] } });
    expect(scores['IoU Class']).toEqual([0.6, 0.6, 0.6]);
    expect(scores.averageScoreClasses).toBeCloseTo(0.6, 14);
    expect(scores['IoU Category']).toEqual([7 / 9, 0.6]);
    expect(scores.averageScoreCategories).toBeCloseTo((7 / 9 + 0.6) / 2, 14);
  });
});

describe('componentScores', () => {
  const target = [1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
  const prediction = [1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0];
  const of = (options: object) =>
    componentScores(Uint8Array.from(prediction), Uint8Array.from(target), { shape: [3, 8], ...options });

  it('counts found, missed and invented components', () => {
    expect(of({})).toMatchObject({ tp: 2, fn: 1, fp: 1, precision: 2 / 3, recall: 2 / 3, f1: 2 / 3 });
    expect(of({}).lesionDice).toBeCloseTo((0.75 + 0.5 + 0) / 4, 14);
    const sorted = [...of({}).components].sort((a, b) => a.pixels - b.pixels);
    expect(sorted).toEqual([
      { pixels: 1, dice: 0, iou: 0 },
      { pixels: 3, dice: 0.5, iou: 1 / 3 },
      { pixels: 4, dice: 0.75, iou: 0.6 },
    ]);
  });

  it('takes a threshold, a smallest size and size strata', () => {
    expect(of({ iouThreshold: 0.5 })).toMatchObject({ tp: 1, fn: 2, fp: 1, lesionDice: 0.75 / 4 });
    expect(of({ minPixels: 2 })).toMatchObject({ tp: 2, fn: 0, fp: 0 });
    expect(of({ sizeBounds: [2] }).bySize).toEqual([
      { above: 0, upTo: 2, components: 1, found: 0, meanDice: 0 },
      { above: 2, upTo: Infinity, components: 2, found: 2, meanDice: 0.625 },
    ]);
  });
});

describe('meanDistance', () => {
  const images = (['none', 'prediction', 'both', 'target'] as const).map((empty) => ({
    empty,
    diagonal: 10,
  }));
  it.each([
    ['inf', Infinity, 3],
    ['diagonal', 22 / 3, 3],
    ['nan', NaN, 4],
    ['exclude', 2, 1],
  ] as const)('%s', (policy, value, used) => {
    expect(meanDistance(images, [2, Infinity, NaN, Infinity], policy)).toEqual({
      ...{ value, policy, used, emptyPrediction: 1, emptyTarget: 1, bothEmpty: 1 },
    });
  });
});
