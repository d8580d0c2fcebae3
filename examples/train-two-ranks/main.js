/**
 * Data-parallel training: the same program alone or on two threads, with the same result.
 *
 *   node train-two-ranks/main.js                          one rank, the whole batch
 *   npx tfkit-ddp run -n 2 train-two-ranks/main.js        two ranks, half of the batch each
 *
 * Every rank has its share of the samples; ddp averages the gradients, so all replicas make the step of the whole batch.
 */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { foldIn, key, normal } from '@tfkit/core';
import { ensureGradients, ensureKernels, randomNormal } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { ddp, reduceMetrics } from '@tfkit/ddp/tfjs';

await tf.setBackend('wasm');
await ensureGradients();
await ensureKernels();
const group = await initProcessGroup();

// 128 samples of a noisy sine; this rank takes every size-th.
const xs = Array.from({ length: 128 }, (_, i) => (i / 128) * 6 - 3);
const noise = normal(key(7), [128]);
const mine = Array.from(xs.keys()).filter((i) => i % group.size === group.rank);
const x = tf.tensor(mine.map((i) => [xs[i]]));
const y = tf.tensor(mine.map((i) => [Math.sin(2 * xs[i]) + 0.05 * noise[i]]));

const weights = (name, shape, scale) => tf.variable(tf.mul(randomNormal(foldIn(key(1), name), shape), scale));
const variables = { w1: weights(1, [1, 64], 2), b1: weights(2, [64], 1), w2: weights(3, [64, 1], 0.1) };
const predict = () => tf.matMul(tf.tanh(tf.add(tf.matMul(x, variables.w1), variables.b1)), variables.w2);

// From here on, optimizer.minimize averages the gradients of all ranks before its step.
const optimizer = tf.train.adam(0.02);
await ddp(variables, { group, optimizer });
for (let step = 1; step <= 200; step++) {
  const loss = optimizer.minimize(() => tf.losses.meanSquaredError(y, predict()), true);
  const value = (await loss.data())[0];
  loss.dispose();
  if (step % 50 === 0) {
    const { loss: mean } = await reduceMetrics({ loss: value }, { group, weight: mine.length });
    if (group.rank === 0) console.log(`${group.size} rank(s), step ${step}: loss ${mean.toFixed(4)}`);
  }
}
