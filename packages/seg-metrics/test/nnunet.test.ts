import { describe, expect, it } from 'vitest';
import { ConfusionMatrix } from '../src/index';
import { nnunetSummary, parseNnunetDataset } from '../src/io/nnunet';

describe('parseNnunetDataset', () => {
  it('reads labels, regions, the ignored label and the file ending', () => {
    const labels = { background: 0, whole: [1, 2], core: 2, ignore: 3 };
    expect(parseNnunetDataset({ labels, file_ending: '.png' })).toEqual({
      numClasses: 3,
      classNames: ['background', '1', 'core'],
      regions: { whole: [1, 2], core: [2] },
      ignoreIndex: 3,
      fileEnding: '.png',
    });
    expect(parseNnunetDataset({ labels: { background: 0, liver: 1 } })).toEqual({
      numClasses: 2,
      classNames: ['background', 'liver'],
      fileEnding: '.nii.gz',
    });
  });

  it.each([null, {}, { labels: { liver: 1 } }, { labels: { background: 0, liver: 1.5 } }])(
    'refuses %j',
    (json) => {
      expect(() => parseNnunetDataset(json)).toThrow(/^parseNnunetDataset: /);
    },
  );
});

describe('nnunetSummary', () => {
  const matrix = new ConfusionMatrix({ numClasses: 3, keepImages: true });
  matrix.update([0, 1, 1, 2], [0, 1, 0, 2], { names: ['a'] });
  matrix.update([0, 1, 0, 0], [1, 1, 0, 0], { names: ['b'] });

  it("has the keys and means of nnU-Net's summary.json", () => {
    const summary = nnunetSummary(matrix);
    expect(Object.keys(summary).sort()).toEqual(['foreground_mean', 'mean', 'metric_per_case']);
    const [a, b] = summary.metric_per_case;
    expect(a).toMatchObject({ prediction_file: 'a', reference_file: 'a' });
    expect(a!.metrics['1']).toEqual({
      ...{ Dice: 2 / 3, IoU: 1 / 2, FN: 0, FP: 1, TN: 2, TP: 1, n_pred: 2, n_ref: 1 },
    });
    expect(b!.metrics['2']!.Dice).toBeNaN();
    expect(Object.keys(summary.mean)).toEqual(['1', '2']);
    expect(summary.mean['1']!.Dice).toBeCloseTo(2 / 3, 14);
    expect(summary.mean['2']).toMatchObject({ Dice: 1, TP: 0.5, n_ref: 0.5 });
    expect(summary.foreground_mean.Dice).toBeCloseTo((2 / 3 + 1) / 2, 14);
  });

  it('names regions by their labels', () => {
    const { mean } = nnunetSummary(matrix, { whole: [1, 2], core: [2] });
    expect(Object.keys(mean).sort()).toEqual(['(1, 2)', '2']);
    expect(mean['(1, 2)']!.Dice).toBeCloseTo((4 / 5 + 2 / 3) / 2, 14);
  });
});
