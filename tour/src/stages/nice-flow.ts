/** NICE learns the density of MNIST's digits for a bounded number of steps, and draws digits from it. */
import { lineY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { key, split } from '@tfkit/core';
import { adam } from '@tfkit/core/tfjs';
import { dequantize, evaluate, type Flow, fit, interpolate, nice, quantize } from '@tfkit/nice-flow';
import { loadMnist } from '../data/mnist';
import { type Block, images, type Picture, plots, scores, seriesColors, text } from '../report/blocks';
import { grayPicture } from '../report/pictures';
import type { Stage, StageContext } from '../stage';

const full = { train: 10_000, test: 1000, steps: 120, batch: 100, hidden: [256, 256], rate: 2e-4 };
const quick = { train: 200, test: 50, steps: 4, batch: 50, hidden: [32], rate: 2e-4 };

const side = 28;
const size = side ** 2;
const quantization = { levels: 256 };
const temperatures = [0.5, 0.75, 1];
/** Under eight pictures in a card there is room for a number. */
const numbered = Array.from({ length: 8 }, (_, i) => `${i + 1}`);

export const stage: Stage = {
  name: 'nice-flow',
  title: 'A density of handwritten digits',
  method:
    'A normalizing flow is an invertible network: it turns digits into numbers that follow a known distribution, so that the probability density of a digit is exact, and running it backwards draws new digits.',
  paper: {
    citation: 'Dinh, Krueger, Bengio: NICE: Non-linear Independent Components Estimation, 2014',
    url: 'https://arxiv.org/abs/1410.8516',
  },
  package: '@tfkit/nice-flow',
  budget: 20,
  needs: [],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  const [modelKey, trainKey, sampleKey, noiseKey] = split(key(context.seed), 4) as ReturnType<typeof key>[];
  const train = (await loadMnist('train')).images.subarray(0, plan.train * size);
  const test = (await loadMnist('test')).images.subarray(0, plan.test * size);
  const flow = nice({ shape: [size], hidden: plan.hidden, quantization, key: modelKey! });
  const curve: number[] = [];
  const optimizer = adam({ learningRate: plan.rate });
  try {
    fitPixels(flow, train, plan.hidden.length);
    const { bitsPerDim: before } = await evaluate(flow, test, { signal: context.signal });
    await fit(flow, train, {
      ...{ key: trainKey!, steps: plan.steps, batchSize: plan.batch, optimizer, clipNorm: 500 },
      learningRate: (step) =>
        plan.rate * Math.min(1, (step + 1) / 20, (plan.steps - step) / (0.6 * plan.steps)),
      signal: context.signal,
      onProgress: ({ step, bitsPerDim }) => {
        curve.push(bitsPerDim!);
        const done = `step ${step} of ${plan.steps}, ${bitsPerDim!.toFixed(2)} bits/dim`;
        return context.progress((0.9 * step) / plan.steps, done);
      },
    });
    const score = await evaluate(flow, test, { signal: context.signal });
    await context.progress(0.95, 'drawing digits');
    const rows = await Promise.all(temperatures.map((temperature) => samples(flow, temperature, sampleKey!)));
    const ends = dequantize(test.subarray(0, 2 * size), quantization, noiseKey!);
    const way = await between(flow, ends);
    return report(
      plan,
      flow,
      curve,
      { before: before!, bits: score.bitsPerDim!, nats: score.logLikelihood },
      rows,
      way,
    );
  } finally {
    optimizer.dispose();
    flow.dispose();
  }
}

/**
 * Gives the flow, whose couplings start as the identity, the best logistic of each pixel on its own: the median as location
 * (biases of the last two couplings, each of which shifts one half of the pixels) and 2 ln 2 / E|x - median| as scale.
 */
function fitPixels(flow: Flow, train: Uint8Array, lastLayer: number): void {
  const count = Math.min(2000, train.length / size);
  const medians = new Float32Array(size);
  const logScales = new Float32Array(size);
  for (let pixel = 0; pixel < size; pixel++) {
    // The fractions spread evenly over each gray level, as dequantization's noise does.
    const values = Float64Array.from(
      { length: count },
      (_, i) => (train[i * size + pixel]! + ((i * 0.618034) % 1)) / quantization.levels,
    );
    const median = values.toSorted()[Math.floor(count / 2)]!;
    const deviation = values.reduce((sum, value) => sum + Math.abs(value - median), 0) / count;
    medians[pixel] = median;
    logScales[pixel] = Math.log((2 * Math.LN2) / deviation);
  }
  const half = (first: number) => tf.tensor1d(medians.filter((_, i) => i % 2 === first).map((m) => -m));
  tf.tidy(() =>
    flow.assign({
      [`coupling2.net.${lastLayer}.bias`]: half(1),
      [`coupling3.net.${lastLayer}.bias`]: half(0),
      'scaling.logScale': tf.tensor1d(logScales),
    }),
  );
}

async function samples(
  flow: Flow,
  temperature: number,
  sampleKey: ReturnType<typeof key>,
): Promise<Picture[]> {
  const x = flow.sample(8, { key: sampleKey, temperature });
  return pictures(x);
}

/** From the first test digit to the second in the latent space. */
async function between(flow: Flow, ends: Float32Array): Promise<Picture[]> {
  const way = tf.tidy(() => {
    const [from, to] = [0, 1].map((i) => tf.tensor2d(ends.slice(i * size, (i + 1) * size), [1, size]));
    return interpolate(flow, from!, to!, { steps: 8 });
  });
  return pictures(way);
}

async function pictures(x: tf.Tensor): Promise<Picture[]> {
  const bytes = quantize(await x.data(), quantization) as Uint8Array;
  x.dispose();
  return Array.from({ length: bytes.length / size }, (_, i) =>
    grayPicture(bytes.subarray(i * size, (i + 1) * size), side, side),
  );
}

function report(
  plan: typeof full,
  flow: Flow,
  curve: readonly number[],
  score: { before: number; bits: number; nats: number },
  rows: readonly Picture[][],
  way: readonly Picture[],
): Block[] {
  return [
    text(
      `NICE with 4 additive couplings (${flow.parameterCount.toLocaleString('en')} parameters; the paper's has 19,158,352) starts as one logistic per pixel, its location and scale set from training digits, which alone gives ${score.before.toFixed(2)} bits per pixel. It then saw ${plan.steps} batches of ${plan.batch} digits. The paper trained for 1,500 epochs, and reports 1980.50 nats, 4.36 bits per pixel; \`npm run reproduce -- nice-mnist\` runs its settings. Most of the gain over raw pixels is that start: so few steps teach the couplings little of how pixels depend on each other, and the samples show it.`,
    ),
    scores(
      {
        label: 'Bits per pixel of test digits',
        value: score.bits.toFixed(3),
        note: `of pixels left as they are: 8; of independent pixels, before training: ${score.before.toFixed(3)}`,
      },
      {
        label: 'Log-likelihood of a test digit, nats',
        value: score.nats.toFixed(1),
        note: 'pixels on [0, 1]',
      },
    ),
    plots({
      title: 'Bits per pixel of each batch, before the step on it',
      options: {
        x: { label: 'step' },
        y: { label: 'bits per pixel', grid: true },
        marks: [
          lineY(
            curve.map((bits, i) => ({ step: i + 1, bits })),
            { x: 'step', y: 'bits', stroke: seriesColors[0]!, strokeWidth: 1.5 },
          ),
        ],
      },
    }),
    images({
      items: rows.map((row, i) => ({ pictures: row, caption: `temperature ${temperatures[i]}` })),
      labels: numbered,
      caption: 'The first eight samples at three temperatures, from the same noise, not chosen.',
    }),
    images({
      items: [{ pictures: way, caption: 'left and right: the first two test digits' }],
      labels: numbered,
      caption: 'On the way between two real digits, in the latent space.',
    }),
  ];
}
