/** Presets against the programs' own results, which the reference cases hold beside ours (entries not to compare). */
import { fileURLToPath } from 'node:url';
import { findGoldenCases, readGoldenCase } from '@tfkit/test-kit/golden';
import { describe, expect, it } from 'vitest';
import { ConfusionMatrix, presetScores } from '../src/index';
import { numbersOf } from './golden/compare';
import { newMatrix } from './golden/confusion';

interface PeerEntry {
  readonly block: string;
  readonly metric: string;
  // biome-ignore lint/suspicious/noExplicitAny: a peer's own options
  readonly options: any;
  readonly compare: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: numbers, lists, or what was raised
  readonly values: any;
}

const paths = await findGoldenCases(fileURLToPath(new URL('./golden/cases', import.meta.url)));
const documents = (await Promise.all(paths.map((path) => readGoldenCase(path, 'cpu')))).filter(
  ({ document }) => document.config.op === 'confusion',
);

function matrixOf(document: {
  config: { num_classes: number };
  inputs: Record<string, { shape: number[]; data: number[] }>;
}) {
  const { target, pred } = document.inputs;
  return newMatrix(document.config).update(Int32Array.from(pred!.data), Int32Array.from(target!.data), {
    images: target!.shape[0],
  });
}

/** The preset's key for a peer's call; undefined for calls that a preset does not give. */
function keyOf({
  block,
  metric,
  options,
}: PeerEntry): [preset: 'mmseg' | 'torchmetrics' | 'monai', key: string] | undefined {
  const name = metric.replace('peer.', '');
  if (block.startsWith('mmseg')) return ['mmseg', name];
  if (block.startsWith('torchmetrics') && 'average' in options && Object.keys(options).length === 1) {
    return ['torchmetrics', `${name}/${options.average}`];
  }
  if (name === 'DiceScore' && options.include_background && ['macro', 'micro'].includes(options.average)) {
    return ['torchmetrics', `segmentation.DiceScore/${options.aggregation_level}/${options.average}`];
  }
  if (name === 'DiceMetric' && options.ignore_empty) {
    return [
      'monai',
      `DiceMetric/include_background=${options.include_background ? 'True' : 'False'}/${options.reduction}`,
    ];
  }
  return undefined;
}

describe('presetScores', () => {
  it.each(documents.map(({ name, document }) => [name, document]))(
    '%s: the numbers are the programs own',
    (_, document) => {
      const matrix = matrixOf(document);
      const scores = {
        mmseg: presetScores(matrix, 'mmseg'),
        torchmetrics: presetScores(matrix, 'torchmetrics'),
        monai: presetScores(matrix, 'monai'),
      };
      let compared = 0;
      for (const entry of document.expected as PeerEntry[]) {
        const found = entry.compare ? undefined : keyOf(entry);
        if (!found || entry.values?.raises) continue;
        const [preset, key] = found;
        const ours = scores[preset][key];
        if (ours === undefined) continue;
        const single = typeof ours === 'number';
        const theirs = numbersOf([entry.values].flat());
        // mmseg computes in float64 here; the others print float32.
        const tolerance = preset === 'mmseg' ? 1e-12 : 2e-6;
        expect(single ? [ours] : [...ours], `${preset} ${key}`).toBeAllclose(theirs, {
          rtol: tolerance,
          atol: tolerance,
        });
        compared++;
      }
      expect(compared).toBeGreaterThan(5);
    },
  );

  const isImageWise = ({ metric, options, compare }: PeerEntry) =>
    compare && metric === 'iou' && options.reduction === 'per_class_mean_over_images';
  it.each(
    documents
      .map(
        ({ name, document }) =>
          [name, document, (document.expected as PeerEntry[]).find(isImageWise)] as const,
      )
      .filter(([, , entry]) => entry),
  )("%s: nnU-Net's IoU is the reference's mean over images, without class 0", (_, document, entry) => {
    expect(presetScores(matrixOf(document), 'nnunet').IoU).toBeAllclose(numbersOf(entry!.values).slice(1), {
      rtol: 1e-12,
    });
  });

  it("gives nnU-Net's means: image-wise, 0/0 skipped, foreground over labels", () => {
    const matrix = new ConfusionMatrix({ numClasses: 3, keepImages: true });
    matrix.update([0, 1, 1, 0], [0, 1, 0, 0]);
    matrix.update([0, 1, 2, 2], [0, 1, 2, 0]);
    const { Dice, 'foreground_mean/Dice': mean } = presetScores(matrix, 'nnunet');
    expect(Dice).toEqual([(2 / 3 + 1) / 2, 2 / 3]);
    expect(mean).toBeCloseTo(((2 / 3 + 1) / 2 + 2 / 3) / 2, 15);
  });

  it('names a preset that is none', () => {
    const matrix = new ConfusionMatrix({ numClasses: 2 });
    expect(() => presetScores(matrix, 'keras' as 'mmseg')).toThrow(/preset must be one of 'mmseg'/);
  });
});
