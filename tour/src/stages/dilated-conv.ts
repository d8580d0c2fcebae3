/** Gridding shown: the same network with rates [2, 2, 2], which leave holes, and [1, 2, 5], which leave none. */
import { lineY, ruleY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { adam } from '@tfkit/core/tfjs';
import { coverage, hdcRule, hitsMap2d, receptiveField, suggestRates } from '@tfkit/dilated-conv';
import { type Canvases, canvasSize, classNames, drawCanvases } from '../data/canvases';
import { loadMnist } from '../data/mnist';
import {
  createDilatedSegmenter,
  type DilatedVariables,
  dilatedGeometry,
  dilatedLogits,
} from '../models/dilatedSegmenter';
import { confusionMatrix, type SegmentationScores, scoresOf } from '../models/metrics';
import { batchOf, classWeights, weightedCrossEntropy } from '../models/training';
import { type Block, images, type Picture, plots, scores, seriesColors, table, text } from '../report/blocks';
import type { Stage, StageContext } from '../stage';

const schedules: readonly (readonly number[])[] = [
  [2, 2, 2],
  [1, 2, 5],
];
const classes = classNames.length;
const full = { train: 1080, test: 60, steps: 540, batch: 2, rate: 0.015 };
const quick = { train: 32, test: 10, steps: 4, batch: 2, rate: 0.015 };

export const stage: Stage = {
  name: 'dilated-conv',
  title: 'Dilation without gridding',
  method:
    'Dilated convolutions see far without downsampling, but equal rates read only every other position; rates that grow right read all of them with as many weights.',
  paper: {
    citation: 'Wang et al.: Understanding Convolution for Semantic Segmentation, WACV 2018',
    url: 'https://arxiv.org/abs/1702.08502',
  },
  package: '@tfkit/dilated-conv',
  budget: 20,
  needs: [],
  run,
};

interface Result {
  readonly rates: readonly number[];
  readonly losses: readonly number[];
  readonly scores: SegmentationScores;
}

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  await context.progress(0, 'drawing canvases');
  const train = drawCanvases(await loadMnist('train'), plan.train, context.seed + 2);
  const test = drawCanvases(await loadMnist('test'), plan.test, context.seed + 3);
  const results: Result[] = [];
  for (const [i, rates] of schedules.entries()) {
    const share = (fraction: number) => 0.05 + (0.95 * (i + fraction)) / schedules.length;
    results.push(await trained(rates, train, test, plan, context, share));
  }
  return report(plan, results, bestConstant(test.targets));
}

/** Trains from the same start on the same batches, and scores. */
async function trained(
  rates: readonly number[],
  train: Canvases,
  test: Canvases,
  plan: typeof full,
  context: StageContext,
  share: (fraction: number) => number,
): Promise<Result> {
  const variables = createDilatedSegmenter(classes, rates.length, context.seed);
  const weights = tf.tensor1d(classWeights(train.targets, classes));
  const optimizer = adam({ learningRate: plan.rate });
  const losses: number[] = [];
  try {
    for (let step = 0; step < plan.steps; step++) {
      const factor = Math.min(1, (step + 1) / 20, (plan.steps - step) / (0.6 * plan.steps));
      (optimizer as unknown as { learningRate: number }).learningRate = plan.rate * factor;
      const batch = batchOf(train, step * plan.batch, plan.batch);
      const loss = optimizer.minimize(
        () => weightedCrossEntropy(dilatedLogits(variables, batch.images, rates), batch.targets, weights),
        true,
        Object.values(variables),
      ) as tf.Scalar;
      losses.push((await loss.data())[0]!);
      tf.dispose([loss, batch]);
      const progress = share((0.95 * (step + 1)) / plan.steps);
      await context.progress(
        progress,
        `rates ${rates}: step ${step + 1} of ${plan.steps}, loss ${losses.at(-1)!.toFixed(3)}`,
      );
    }
    const predictions = await predict(variables, rates, test, context, share);
    return { rates, losses, scores: scoresOf(confusionMatrix(predictions, test.targets, classes), classes) };
  } finally {
    optimizer.dispose();
    tf.dispose([weights, variables]);
  }
}

async function predict(
  variables: DilatedVariables,
  rates: readonly number[],
  test: Canvases,
  context: StageContext,
  share: (fraction: number) => number,
): Promise<Uint8Array> {
  const predictions = new Uint8Array(test.targets.length);
  const batch = 10;
  for (let start = 0; start < test.count; start += batch) {
    const samples = batchOf(test, start, Math.min(batch, test.count - start));
    const ids = tf.tidy(() => tf.argMax(dilatedLogits(variables, samples.images, rates), -1));
    predictions.set(await ids.data(), start * canvasSize ** 2);
    tf.dispose([ids, samples]);
    await context.progress(share(0.95 + (0.05 * start) / test.count), `rates ${rates}: scoring`);
  }
  return predictions;
}

/** The highest mean IoU of one class given to every pixel. */
function bestConstant(targets: Uint8Array): number {
  const scoreOf = (id: number) =>
    scoresOf(confusionMatrix(new Uint8Array(targets.length).fill(id), targets, classes), classes).meanIoU;
  return Math.max(...classNames.map((_, id) => scoreOf(id)));
}

function report(plan: typeof full, results: readonly Result[], constant: number): Block[] {
  const wanted = receptiveField(dilatedGeometry([1, 2, 5])).size;
  const suggested = suggestRates(coverage([1, 2, 5]).receptiveField, { layers: 3 });
  return [
    text(
      `Three dilated 3x3 convolutions at a quarter of the resolution, between a strided stem and a dense upsampling convolution, trained twice from the same weights on the same ${plan.steps} batches of ${plan.batch} canvases: once with rates [2, 2, 2], once with [1, 2, 5]. tfjs itself has no gradient for either. The published rule (M2 not above the kernel size) passes both; the exact test does not. Asked for the second block's field, the designer answers [${suggested.rates.join(', ')}]; the whole network then sees ${wanted} pixels.`,
    ),
    scores(
      ...results.map(({ rates, scores: { meanIoU, pixelAccuracy } }) => ({
        label: `Mean IoU with rates [${rates.join(', ')}]`,
        value: meanIoU.toFixed(3),
        note: `pixel accuracy ${pixelAccuracy.toFixed(3)}; best constant prediction ${constant.toFixed(3)}; block reads ${percent(coverage(rates).fraction2d)} of its field`,
      })),
    ),
    hitsPictures(results),
    plots(lossPlot(results)),
    scheduleTable(results),
  ];
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

function hitsPictures(results: readonly Result[]): Block {
  return images({
    items: results.map(({ rates }) => ({
      pictures: [hitsPicture(rates)],
      caption: `rates [${rates.join(', ')}]: ${coverage(rates).covered ** 2} of ${coverage(rates).receptiveField ** 2} positions`,
    })),
    labels: ['hits map'],
    caption:
      'How many paths lead from each position of the receptive field to one output of the block, on a logarithmic scale. Black positions are never read.',
  });
}

/** Each position a square of pixels; brightness by the logarithm of its count. */
function hitsPicture(rates: readonly number[]): Picture {
  const { size, data } = hitsMap2d(rates);
  const scale = 8;
  const largest = Math.log1p(Math.max(...data));
  const side = size * scale;
  const pixels = Uint8Array.from({ length: side * side }, (_, i) => {
    const position = Math.floor(i / side / scale) * size + Math.floor((i % side) / scale);
    const count = data[position]!;
    return count === 0 ? 0 : Math.round(70 + (185 * Math.log1p(count)) / largest);
  });
  return { data: pixels, width: side, height: side, channels: 1 };
}

function lossPlot(results: readonly Result[]) {
  const curves = results.map(({ rates, losses }, i) => {
    const points = losses.map((_, step) => {
      const recent = losses.slice(Math.max(0, step - 39), step + 1);
      return {
        step: step + 1,
        loss: recent.reduce((a, b) => a + b) / recent.length,
        rates: `[${rates.join(', ')}]`,
      };
    });
    return lineY(points, { x: 'step', y: 'loss', stroke: seriesColors[i]!, title: 'rates', strokeWidth: 2 });
  });
  const names = results.map(({ rates }) => `[${rates.join(', ')}]`);
  return {
    title: 'Training loss, mean of 40 steps (nats)',
    options: {
      y: { label: 'loss', grid: true },
      color: { domain: names, range: seriesColors.slice(0, names.length), legend: true },
      marks: [ruleY([0]), ...curves],
    },
  };
}

function scheduleTable(results: readonly Result[]): Block {
  return table({
    columns: [
      ...['rates', 'field of the block', 'positions read'],
      { label: 'share in 2-D', digits: 2 },
      ...['largest gap', 'M2 of the rule', 'rule passes', 'field of the network (pixels)'],
      { label: 'mean IoU', digits: 3 },
      { label: 'loss of the last 40 steps', digits: 3 },
    ],
    rows: results.map(({ rates, scores: { meanIoU }, losses }) => {
      const covered = coverage(rates);
      const rule = hdcRule(rates);
      const last = losses.slice(-40);
      return [
        `[${rates.join(', ')}]`,
        ...[covered.receptiveField, covered.covered, covered.fraction2d, covered.largestGap],
        ...[rule.secondDistance, rule.passes ? 'yes' : 'no', receptiveField(dilatedGeometry(rates)).size],
        ...[meanIoU, last.reduce((a, b) => a + b) / last.length],
      ];
    }),
    caption:
      'One seed each, and training far from its end: the scores of two runs differ by chance as well, so their difference does not tell which rates are better.',
  });
}
