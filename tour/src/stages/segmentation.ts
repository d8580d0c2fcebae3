/** The first stage: a fully convolutional network learns to segment handwritten digits by class. */
import { barY, lineY, ruleY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { adam } from '@tfkit/core/tfjs';
import { type Canvases, canvasSize, classNames, drawCanvases } from '../data/canvases';
import { loadMnist } from '../data/mnist';
import { confusionMatrix, type SegmentationScores, scoresOf } from '../models/metrics';
import { createSegmenter, type SegmenterVariables, segment } from '../models/segmenter';
import { batchOf, classWeights, trainStep } from '../models/training';
import { type Block, images, plots, scores, seriesColors, table, text } from '../report/blocks';
import { classPicture, grayPicture } from '../report/pictures';
import type { Stage, StageContext } from '../stage';

/** What later stages load as ('segmentation', 'test'): the test canvases and what the network made of them. */
export interface SegmentationTest extends Canvases {
  /** Predicted class of each pixel [count, 64, 64]. */
  readonly predictions: Uint8Array;
  readonly classNames: readonly string[];
}

/** What later stages load as ('segmentation', 'network'): the trained variables by name. */
export type SegmentationNetwork = Record<string, { shape: number[]; values: Float32Array }>;

const full = { train: 3200, test: 200, steps: 400, batch: 8, rate: 0.006 };
const quick = { train: 64, test: 20, steps: 8, batch: 8, rate: 0.006 };

const classes = classNames.length;

/** Background, then the digits 0 to 9: hues that stay apart on dark, also for most colour-blind readers. */
const palette = [
  '#10141a',
  '#e6e6e6',
  '#56b4e9',
  '#e69f00',
  '#009e73',
  '#f0e442',
  '#0072b2',
  '#d55e00',
  '#cc79a7',
  '#9d7ae0',
  '#8c564b',
];

export const stage: Stage = {
  name: 'segmentation',
  title: 'Segmenting handwritten digits',
  method:
    'A fully convolutional network gives each pixel a class; skip connections add the fine levels of its encoder to the upsampled coarse ones, so that it knows both what is there and where its edges are.',
  paper: {
    citation: 'Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, CVPR 2015',
    url: 'https://arxiv.org/abs/1411.4038',
  },
  package: '@tfkit/core',
  budget: 60,
  needs: [],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  await context.progress(0, 'drawing canvases');
  const train = drawCanvases(await loadMnist('train'), plan.train, context.seed);
  await context.progress(0.05, 'drawing canvases');
  const test = drawCanvases(await loadMnist('test'), plan.test, context.seed + 1);
  const variables = createSegmenter(classes, context.seed);
  try {
    const losses = await fit(variables, train, plan, context);
    const predictions = await predict(variables, test, context);
    context.save('test', { ...test, predictions, classNames } satisfies SegmentationTest);
    context.save('network', await valuesOf(variables));
    return report(plan, test, predictions, losses);
  } finally {
    tf.dispose(variables);
  }
}

/** Trains with Adam and returns the loss of every step. The learning rate warms up, then falls linearly to 0. */
async function fit(
  variables: SegmenterVariables,
  train: Canvases,
  { steps, batch, rate }: typeof full,
  context: StageContext,
): Promise<number[]> {
  const weights = tf.tensor1d(classWeights(train.targets, classes));
  const optimizer = adam({ learningRate: rate });
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      const factor = Math.min(1, (step + 1) / 20, (steps - step) / (0.6 * steps));
      (optimizer as unknown as { learningRate: number }).learningRate = rate * factor;
      const samples = batchOf(train, step * batch, batch);
      const loss = trainStep(variables, optimizer, samples, weights);
      losses.push((await loss.data())[0]!);
      tf.dispose([loss, samples]);
      await context.progress(
        0.1 + 0.85 * ((step + 1) / steps),
        `step ${step + 1} of ${steps}, loss ${losses.at(-1)!.toFixed(3)}`,
      );
    }
  } finally {
    optimizer.dispose();
    weights.dispose();
  }
  return losses;
}

/** Class ids [count, 64, 64] of every canvas. */
async function predict(
  variables: SegmenterVariables,
  test: Canvases,
  context: StageContext,
): Promise<Uint8Array> {
  const predictions = new Uint8Array(test.targets.length);
  const batch = 20;
  for (let start = 0; start < test.count; start += batch) {
    const samples = batchOf(test, start, Math.min(batch, test.count - start));
    const ids = segment(variables, samples.images);
    predictions.set(await ids.data(), start * canvasSize ** 2);
    tf.dispose([ids, samples]);
    await context.progress(0.95 + (0.05 * start) / test.count, 'scoring the test canvases');
  }
  return predictions;
}

async function valuesOf(variables: SegmenterVariables): Promise<SegmentationNetwork> {
  const entries = Object.entries(variables).map(async ([name, variable]) => {
    const values = (await variable.data()) as Float32Array;
    return [name, { shape: variable.shape, values: Float32Array.from(values) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function report(plan: typeof full, test: Canvases, predictions: Uint8Array, losses: number[]): Block[] {
  const ours = scoresOf(confusionMatrix(predictions, test.targets, classes), classes);
  const constant = bestConstant(test.targets);
  return [
    text(
      `Digits of MNIST at random places and sizes on ${canvasSize}x${canvasSize} canvases, among pieces of other digits, strokes and noise of the same brightness. The network saw ${plan.train} canvases drawn from the training split, ${plan.steps} steps of ${plan.batch}; it is scored on ${plan.test} drawn from the test split, whose digits it has never seen. The same seed gives the same canvases everywhere and the same numbers on the same backend.`,
    ),
    scores(
      {
        label: 'Mean IoU over 11 classes',
        value: ours.meanIoU.toFixed(3),
        note: `best constant prediction (${constant.name}): ${constant.scores.meanIoU.toFixed(3)}`,
      },
      {
        label: 'Pixel accuracy',
        value: ours.pixelAccuracy.toFixed(3),
        note: `best constant prediction: ${constant.scores.pixelAccuracy.toFixed(3)}`,
      },
    ),
    examples(test, predictions),
    plots(lossPlot(losses), iouPlot(ours)),
    classTable(ours, test.targets),
  ];
}

/** The class that, given to every pixel, has the highest mean IoU. */
function bestConstant(targets: Uint8Array): { name: string; scores: SegmentationScores } {
  const candidates = classNames.map((name, id) => {
    const everywhere = new Uint8Array(targets.length).fill(id);
    return { name, scores: scoresOf(confusionMatrix(everywhere, targets, classes), classes) };
  });
  return candidates.reduce((best, next) => (next.scores.meanIoU > best.scores.meanIoU ? next : best));
}

/** The first canvases of the test set, not the best. */
function examples(test: Canvases, predictions: Uint8Array): Block {
  const size = canvasSize ** 2;
  const items = Array.from({ length: Math.min(9, test.count) }, (_, index) => {
    const part = (values: Uint8Array) => values.subarray(index * size, (index + 1) * size);
    return {
      pictures: [
        grayPicture(part(test.images), canvasSize, canvasSize),
        classPicture(part(test.targets), canvasSize, canvasSize, palette),
        classPicture(part(predictions), canvasSize, canvasSize, palette),
      ],
    };
  });
  return images({
    items,
    labels: ['input', 'truth', 'prediction'],
    legend: palette.map((color, id) => ({ color, label: classNames[id]! })),
    caption: 'The first nine test canvases, not chosen.',
  });
}

function lossPlot(losses: readonly number[]) {
  let average = losses[0] ?? 0;
  const smooth = losses.map((loss) => {
    average += 0.1 * (loss - average);
    return average;
  });
  const points = losses.map((loss, step) => ({ step: step + 1, loss, smooth: smooth[step] }));
  return {
    title: 'Training loss (class-weighted cross-entropy, nats)',
    options: {
      x: { label: 'step' },
      y: { label: 'loss', grid: true, zero: true },
      marks: [
        ruleY([0]),
        lineY(points, {
          x: 'step',
          y: 'loss',
          stroke: seriesColors[0]!,
          strokeOpacity: 0.35,
          strokeWidth: 1,
        }),
        lineY(points, { x: 'step', y: 'smooth', stroke: seriesColors[0]!, strokeWidth: 2 }),
      ],
    },
  };
}

function iouPlot({ iou }: SegmentationScores) {
  const bars = classNames.map((name, id) => ({ class: name, IoU: iou[id] }));
  return {
    title: 'IoU of each class on the test canvases',
    options: {
      x: {
        label: null,
        domain: classNames,
        tickFormat: (name: string) => (name === 'background' ? 'bg' : name),
      },
      y: { label: 'IoU', domain: [0, 1], grid: true },
      marks: [barY(bars, { x: 'class', y: 'IoU', fill: seriesColors[0]! }), ruleY([0])],
    },
  };
}

function classTable({ iou }: SegmentationScores, targets: Uint8Array): Block {
  const pixels = new Array<number>(classes).fill(0);
  for (const target of targets) pixels[target]!++;
  return table({
    columns: ['class', { label: 'IoU', digits: 3 }, { label: '% of pixels', digits: 2 }],
    rows: classNames.map((name, id) => [
      name,
      Number.isNaN(iou[id]) ? null : iou[id]!,
      (100 * pixels[id]!) / targets.length,
    ]),
    caption: 'IoU of each class on the test canvases.',
  });
}
