/** A classifier of digits with a spatial pyramid as its head, on canvases of sizes that it was not trained on. */
import { barY, ruleY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { spatialPyramidPool, sppLength } from '@tfkit/spp';
import { type Digits, loadMnist } from '../data/mnist';
import { createRandom } from '../random';
import { type Block, images, plots, scores, seriesColors, table, text } from '../report/blocks';
import { grayPicture } from '../report/pictures';
import type { Stage, StageContext } from '../stage';

const full = { steps: 400, batch: 32, test: 500 };
const quick = { steps: 12, batch: 16, test: 40 };

const levels = [1, 2, 4];
const channels = 32;
/** Sides of the canvases in pixels; a digit has 28. */
const trainedSizes = [32, 40];
const testedSizes = [36, 48, 64];
const digitSize = 28;

export const stage: Stage = {
  name: 'spp',
  title: 'One classifier, any image size',
  method:
    'Spatial pyramid pooling takes maxima over a fixed number of bins, however large the map is, so that convolutions for any image size end in a dense layer of one size.',
  paper: {
    citation:
      'He, Zhang, Ren, Sun: Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition, ECCV 2014',
    url: 'https://arxiv.org/abs/1406.4729',
  },
  package: '@tfkit/spp',
  budget: 20,
  needs: [],
  run,
};

type Network = Record<'conv1' | 'conv2' | 'dense' | 'offset1' | 'offset2' | 'offset', tf.Variable>;

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  await context.progress(0, 'reading digits');
  const train = await loadMnist('train');
  const test = await loadMnist('test');
  const network = createNetwork(context.seed);
  try {
    await fit(network, train, plan, context);
    const results: Result[] = [];
    for (const size of [...trainedSizes, ...testedSizes].sort((a, b) => a - b)) {
      results.push(await evaluate(network, test, size, plan.test, context));
      await context.progress(0.9 + 0.02 * results.length, `testing on ${size}x${size}`);
    }
    return report(plan, results);
  } finally {
    tf.dispose(network);
  }
}

function createNetwork(seed: number): Network {
  const random = createRandom(seed, 2);
  const variable = (shape: number[], deviation: number) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const values = Float32Array.from({ length: size }, () => deviation * random.normal());
    return tf.tidy(() => tf.variable(tf.tensor(values, shape)));
  };
  const length = sppLength(channels, levels);
  return {
    conv1: variable([5, 5, 1, 16], Math.sqrt(2 / 25)),
    offset1: variable([16], 0),
    conv2: variable([3, 3, 16, channels], Math.sqrt(2 / 144)),
    offset2: variable([channels], 0),
    dense: variable([length, 10], Math.sqrt(1 / length)),
    offset: variable([10], 0),
  };
}

/** Logits [batch, 10] of images [batch, size, size, 1] of any size. */
function logitsOf(network: Network, images: tf.Tensor4D): tf.Tensor2D {
  const layer = (x: tf.Tensor4D, filter: tf.Variable, offset: tf.Variable): tf.Tensor4D =>
    tf.relu(tf.add<tf.Tensor4D>(tf.conv2d(x, filter as unknown as tf.Tensor4D, 2, 'same'), offset));
  return tf.tidy(() => {
    const map = layer(layer(images, network.conv1, network.offset1), network.conv2, network.offset2);
    const vector = spatialPyramidPool(map, { levels });
    return tf.add(tf.matMul(vector, network.dense as unknown as tf.Tensor2D), network.offset);
  });
}

async function fit(network: Network, digits: Digits, { steps, batch }: typeof full, context: StageContext) {
  const optimizer = tf.train.adam(0.003);
  try {
    for (let step = 0; step < steps; step++) {
      const size = trainedSizes[step % trainedSizes.length]!;
      const { images, labels } = canvases(digits, size, batch, context.seed, step * batch);
      const loss = tf.tidy(() => {
        const x = tf.tensor4d(images, [batch, size, size, 1]);
        const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), 10);
        const cost = () =>
          tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logitsOf(network, x))), -1))) as tf.Scalar;
        return optimizer.minimize(cost, true, Object.values(network))!;
      });
      const value = (await loss.data())[0]!;
      loss.dispose();
      await context.progress(
        0.9 * ((step + 1) / steps),
        `step ${step + 1} of ${steps}, loss ${value.toFixed(3)}`,
      );
    }
  } finally {
    optimizer.dispose();
  }
}

interface Result {
  readonly size: number;
  readonly accuracy: number;
  readonly pictures: readonly Uint8Array[];
  readonly predictions: readonly number[];
}

async function evaluate(
  network: Network,
  digits: Digits,
  size: number,
  count: number,
  { seed }: StageContext,
): Promise<Result> {
  const batch = Math.min(50, count);
  let right = 0;
  const predictions: number[] = [];
  const pictures: Uint8Array[] = [];
  for (let start = 0; start < count; start += batch) {
    const { images, labels } = canvases(digits, size, batch, seed + 1, start);
    const ids = tf.tidy(() => tf.argMax(logitsOf(network, tf.tensor4d(images, [batch, size, size, 1])), -1));
    const found = await ids.data();
    ids.dispose();
    labels.forEach((label, i) => {
      if (found[i] === label) right++;
    });
    if (start === 0) {
      for (let i = 0; i < 3; i++) {
        const pixels = images.subarray(i * size * size, (i + 1) * size * size);
        pictures.push(Uint8Array.from(pixels, (value) => Math.round(255 * value)));
        predictions.push(found[i]!);
      }
    }
  }
  return { size, accuracy: right / (Math.ceil(count / batch) * batch), pictures, predictions };
}

/** Digits at random places on noise; the same for the same seed, size and start. */
function canvases(digits: Digits, size: number, count: number, seed: number, start: number) {
  const images = new Float32Array(count * size * size);
  const labels = new Int32Array(count);
  for (let item = 0; item < count; item++) {
    const random = createRandom(seed, 1000 * size + start + item);
    const noise = random.bytes(size * size);
    for (let pixel = 0; pixel < noise.length; pixel++)
      images[item * size * size + pixel] = (0.2 * noise[pixel]!) / 255;
    const index = (start + item) % digits.count;
    labels[item] = digits.labels[index]!;
    const [left, top] = [random.integer(0, size - digitSize), random.integer(0, size - digitSize)];
    for (let y = 0; y < digitSize; y++) {
      for (let x = 0; x < digitSize; x++) {
        const ink = digits.images[(index * digitSize + y) * digitSize + x]! / 255;
        const pixel = (item * size + top + y) * size + left + x;
        images[pixel] = Math.max(images[pixel]!, ink);
      }
    }
  }
  return { images, labels };
}

function report(plan: typeof full, results: readonly Result[]): Block[] {
  const isTrained = ({ size }: Result) => trainedSizes.includes(size);
  const unseen = results.filter((result) => !isTrained(result));
  return [
    text(
      `Digits of MNIST at random places on noisy canvases. Two convolutions and a pyramid of ${levels.join(', ')} bins an axis (${sppLength(channels, levels)} numbers, whatever the size) end in one dense layer. It was trained ${plan.steps} steps of ${plan.batch} on canvases of ${trainedSizes.join(' and ')} pixels; on the other sizes it is only tested, with ${plan.test} digits that it has not seen.`,
    ),
    scores(
      ...unseen.map(({ size, accuracy }) => ({
        label: `Accuracy on ${size}x${size}, a size not trained on`,
        value: accuracy.toFixed(3),
        note: 'a guess: 0.1',
      })),
    ),
    plots({
      title: 'Accuracy by size of the canvas',
      options: {
        x: { label: 'pixels a side', type: 'band' },
        y: { label: 'accuracy', domain: [0, 1], grid: true },
        marks: [
          barY(
            results.map((result) => ({
              size: String(result.size),
              accuracy: result.accuracy,
              trained: isTrained(result),
            })),
            {
              x: 'size',
              y: 'accuracy',
              fill: (row: { trained: boolean }) => seriesColors[row.trained ? 1 : 0]!,
            },
          ),
          ruleY([0]),
        ],
      },
    }),
    images({
      items: unseen.flatMap(({ size, pictures, predictions }) =>
        pictures.map((picture, i) => ({
          pictures: [grayPicture(picture, size, size)],
          caption: `${size}x${size}: ${predictions[i]}`,
        })),
      ),
      labels: ['canvas'],
      caption:
        'The first three test canvases of each size that was not trained on, not chosen, and what was predicted.',
    }),
    table({
      columns: ['size', 'trained on', { label: 'accuracy', digits: 3 }],
      rows: results.map((result) => [
        `${result.size}x${result.size}`,
        isTrained(result) ? 'yes' : 'no',
        result.accuracy,
      ]),
      caption: 'Accuracy of the one network on every size.',
    }),
  ];
}
