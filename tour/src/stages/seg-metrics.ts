/** Scores what the segmentation stage saved: every number with the definition it follows. */
import { cell, text as label } from '@observablehq/plot';
import {
  bootstrap,
  ConfusionMatrix,
  classMasks,
  hausdorffDistance,
  type Interval,
  meanDistance,
  meanIou,
  type RankedImage,
  type Score,
  score,
  surfaceDistances,
  worstImages,
} from '@tfkit/seg-metrics';
import { canvasSize } from '../data/canvases';
import { type Block, images, type Picture, plots, scores, table, text } from '../report/blocks';
import { grayPicture } from '../report/pictures';
import type { Stage, StageContext } from '../stage';
import type { SegmentationTest } from './segmentation';

const shape: [number, number] = [canvasSize, canvasSize];
const size = canvasSize ** 2;

export const stage: Stage = {
  name: 'seg-metrics',
  title: 'Scoring a segmentation',
  method:
    'One matrix of pixel counts, kept for each image, gives the scores of segmentation papers, their confidence intervals and the worst images; distances between outlines show what overlap scores hide.',
  paper: {
    citation:
      'Garcia-Garcia et al.: A Review on Deep Learning Techniques Applied to Semantic Segmentation, 2017',
    url: 'https://arxiv.org/abs/1704.06857',
  },
  package: '@tfkit/seg-metrics',
  budget: 10,
  needs: ['segmentation'],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const test = await context.load<SegmentationTest>('segmentation', 'test');
  const matrix = new ConfusionMatrix({
    ...{ numClasses: test.classNames.length, classNames: test.classNames, keepImages: true },
  });
  matrix.update(test.predictions, test.targets, { images: test.count });
  await context.progress(0.1, 'resampling images');
  const interval = bootstrap(matrix, (sample) => meanIou(sample).value, {
    ...{ samples: context.quick ? 100 : 1000, seed: context.seed },
  });
  await context.progress(0.4, 'measuring distances');
  const hd95 = await distances(test, context);
  const worst = worstImages(matrix, { policy: 'nan-skipped', count: 6 });
  return [
    text(
      'The predictions on the test canvases of the stage before, scored. mIoU is the mean over classes of the counts summed over all canvases; the interval comes from drawing the canvases again with replacement; the mean of each canvas’ own mIoU is another number, and so is said to be.',
    ),
    headline(matrix, interval),
    plots(confusionPlot(matrix)),
    classTable(matrix, hd95),
    worstPictures(test, worst),
  ];
}

type DistanceMean = ReturnType<typeof meanDistance>;

/** HD95 of each class over the canvases that have it on both sides. */
async function distances(test: SegmentationTest, context: StageContext): Promise<DistanceMean[]> {
  const means: DistanceMean[] = [];
  for (let id = 0; id < test.classNames.length; id++) {
    const pairs = Array.from({ length: test.count }, (_, i) => {
      const part = (labels: Uint8Array) => labels.subarray(i * size, (i + 1) * size);
      const { prediction, target } = classMasks(part(test.predictions), part(test.targets), id);
      return surfaceDistances(prediction, target, { shape });
    });
    const values = pairs.map((pair) => hausdorffDistance(pair, { percentile: 95 }));
    means.push(meanDistance(pairs, values, 'exclude'));
    await context.progress(0.4 + (0.6 * (id + 1)) / test.classNames.length, 'measuring distances');
  }
  return means;
}

function headline(matrix: ConfusionMatrix, { low, high }: Interval): Block {
  const miou = meanIou(matrix);
  const perImage = score(matrix, 'iou', { level: 'image-means' });
  const dice = score(matrix, 'dice');
  const used = ({ classesUsed }: Score) => `${classesUsed} of ${matrix.numClasses} classes`;
  return scores(
    {
      label: 'mIoU, all canvases together',
      value: miou.value.toFixed(3),
      note: `95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}; ${used(miou)}`,
    },
    { label: 'Mean Dice', value: dice.value.toFixed(3), note: used(dice) },
    {
      label: 'mIoU, mean over canvases',
      value: perImage.value.toFixed(3),
      note: `${perImage.imagesUsed} canvases`,
    },
  );
}

function confusionPlot(matrix: ConfusionMatrix) {
  const n = matrix.numClasses;
  const counts = matrix.counts;
  const cells = Array.from(counts, (pixels, i) => {
    const target = Math.floor(i / n);
    const total = counts.subarray(target * n, (target + 1) * n).reduce((a, b) => a + b, 0);
    const percent = total ? (100 * pixels) / total : 0;
    return { target: matrix.classNames[target], prediction: matrix.classNames[i % n], percent };
  });
  return {
    title: 'Confusion matrix: where each class went, in percent of its pixels',
    options: {
      x: { domain: matrix.classNames, label: 'predicted', tickFormat: short },
      y: { domain: matrix.classNames, label: 'true', tickFormat: short },
      color: { scheme: 'blues' as const, domain: [0, 100] },
      marks: [
        cell(cells, { x: 'prediction', y: 'target', fill: 'percent', inset: 0.5 }),
        label(cells, {
          x: 'prediction',
          y: 'target',
          text: ({ percent }: { percent: number }) => (percent >= 1 ? percent.toFixed(0) : ''),
          fill: ({ percent }: { percent: number }) => (percent > 55 ? 'white' : 'black'),
        }),
      ],
    },
  };
}

const short = (name: string) => (name === 'background' ? 'bg' : name);

function classTable(matrix: ConfusionMatrix, hd95: readonly DistanceMean[]): Block {
  const columns = (['iou', 'dice', 'precision', 'recall'] as const).map((metric) => score(matrix, metric));
  const defined = (value: number) => (Number.isNaN(value) ? null : value);
  return table({
    columns: [
      'class',
      ...['IoU', 'Dice', 'precision', 'recall'].map((name) => ({ label: name, digits: 3 })),
      { label: 'HD95 (pixels)', digits: 2 },
      'missed',
      'invented',
    ],
    rows: matrix.classNames.map((name, id) => [
      name,
      ...columns.map(({ perClass }) => defined(perClass[id]!)),
      defined(hd95[id]!.value),
      hd95[id]!.emptyPrediction,
      hd95[id]!.emptyTarget,
    ]),
    caption:
      'Each class against the rest. HD95 is over the canvases that have the class on both sides; missed and invented count those that have it in the truth alone, in the prediction alone.',
  });
}

function worstPictures(test: SegmentationTest, worst: readonly RankedImage[]): Block {
  return images({
    items: worst.map(({ index, value }) => {
      const part = (values: Uint8Array) => values.subarray(index * size, (index + 1) * size);
      return {
        pictures: [
          grayPicture(part(test.images), canvasSize, canvasSize),
          errorPicture(part(test.images), part(test.predictions), part(test.targets)),
        ],
        caption: `canvas ${index}: mIoU ${value.toFixed(3)}`,
      };
    }),
    labels: ['input', 'errors'],
    legend: [
      { color: '#009e73', label: 'right' },
      { color: '#e69f00', label: 'another digit' },
      { color: '#d55e00', label: 'missed' },
      { color: '#cc79a7', label: 'invented' },
    ],
    caption: 'The six canvases with the lowest mIoU of their own.',
  });
}

/** The input in gray, with what the prediction did to the digits over it. */
function errorPicture(gray: Uint8Array, prediction: Uint8Array, target: Uint8Array): Picture {
  const data = new Uint8Array(3 * size);
  for (let i = 0; i < size; i++) {
    const [p, t] = [prediction[i]!, target[i]!];
    const dim = gray[i]! >> 1;
    const right = t === 0 ? [dim, dim, dim] : [0, 158, 115];
    const wrong = t === 0 ? [204, 121, 167] : p === 0 ? [213, 94, 0] : [230, 159, 0];
    data.set(p === t ? right : wrong, 3 * i);
  }
  return { data, width: canvasSize, height: canvasSize, channels: 3 };
}
