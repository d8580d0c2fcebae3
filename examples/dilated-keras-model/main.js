/**
 * Fine-tunes a DeepLab-like Keras model with dilated convolutions on pictures of another kind:
 *
 *   node dilated-keras-model/main.js [model/model.json]
 *
 * make_model.py trained it in Keras on bright shapes before a dark ground. Here shapes are dark before a bright, noisy
 * ground. Without the import of register, tfjs throws: "dilation rates greater than 1 are not yet supported in gradients".
 */
import '@tfkit/dilated-conv/register';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { foldIn, key, normal, randint } from '@tfkit/core';
import { selectBackend } from '@tfkit/core/tfjs';
import { analyzeModel } from '@tfkit/dilated-conv/layers';
import { ConfusionMatrix, meanIou } from '@tfkit/seg-metrics';

tf.enableProdMode();
const { name: backend } = await selectBackend();

const file = process.argv[2] ?? join(import.meta.dirname, 'model', 'model.json');
const { modelTopology, weightsManifest } = JSON.parse(await readFile(file, 'utf8'));
const [{ paths, weights: weightSpecs }] = weightsManifest;
const weightData = new Uint8Array(await readFile(join(dirname(file), paths[0]))).buffer;
const model = await tfl.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));

const view = analyzeModel(model).find(({ name }) => name === 'body4').axes[0];
console.log(
  `backend ${backend}; ${model.name} looks at ${view.receptiveField} pixels, by stride ${view.stride}`,
);

const size = 32;
/** Dark discs (class 1) and squares (class 2) before a bright ground: images [count, 32, 32, 1], labels [count, 32, 32]. */
function scenes(count, seed) {
  const images = normal(foldIn(key(seed), 0), [count, size, size]).map((noise) => 0.8 + 0.08 * noise);
  const labels = new Int32Array(count * size * size);
  const drawn = randint(foldIn(key(seed), 1), [2 * count, 3], 0, 2 ** 20);
  for (let shape = 0; shape < 2 * count; shape++) {
    const [a, b, c] = drawn.subarray(3 * shape, 3 * shape + 3);
    const [kind, radius, y0, x0] = [1 + (a % 2), 4 + ((a >> 1) % 4), 6 + (b % 20), 6 + (c % 20)];
    for (let pixel = 0; pixel < size * size; pixel++) {
      const [dy, dx] = [Math.floor(pixel / size) - y0, (pixel % size) - x0];
      const inside =
        kind === 1 ? dy ** 2 + dx ** 2 <= radius ** 2 : Math.max(Math.abs(dy), Math.abs(dx)) <= radius * 0.85;
      const at = Math.floor(shape / 2) * size * size + pixel;
      if (!inside) continue;
      if (labels[at] === 0) images[at] -= 0.5;
      labels[at] = kind;
    }
  }
  const ids = tf.tensor(labels, [count, size, size, 1], 'float32');
  return { images: tf.tensor(images, [count, size, size, 1]), ids, labels };
}

const [training, test] = [scenes(160, 1), scenes(40, 2)];
async function score() {
  const predictions = tf.tidy(() => tf.argMax(model.predict(test.images), -1));
  const matrix = new ConfusionMatrix({ numClasses: 3 });
  matrix.update(await predictions.data(), test.labels);
  predictions.dispose();
  return meanIou(matrix).value.toFixed(3);
}

console.log(`mean IoU as it came from Keras: ${await score()}`);
model.compile({ optimizer: tf.train.adam(5e-3), loss: 'sparseCategoricalCrossentropy' });
await model.fit(training.images, training.ids, {
  batchSize: 16,
  epochs: 20,
  shuffle: false,
  verbose: 0,
  callbacks: {
    onEpochEnd: (epoch, { loss }) => {
      if (epoch % 5 === 4) console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}`);
    },
  },
});
console.log(`mean IoU after fine-tuning: ${await score()}`);
