/**
 * `train.mjs <mode> <steps> <rounds> <file that resolves tfjs-node>`: MLP 784-1000-1000-10, batch 256 a rank, SGD, as
 * bench/peers/ddp_train_torch.py. Modes: 'none' (no communication), 'overlap', 'serial', 'memory' (tensors and RSS).
 */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tfkit/core/node-compat';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';

const [mode, steps, rounds, anchor] = process.argv.slice(2);
tf.env().set('PROD', true);
createRequire(anchor)('@tensorflow/tfjs-node');
await tf.setBackend('tensorflow');
await ensureGradients();
const group = await initProcessGroup();
const sizes = [784, 1000, 1000, 10];
const variables = {};
for (let i = 0; i < 3; i++) {
  const deviation = Math.sqrt(1 / sizes[i]);
  variables[`w${i}`] = tf.variable(tf.randomNormal([sizes[i], sizes[i + 1]], 0, deviation, 'float32', i + 1));
  variables[`b${i}`] = tf.variable(tf.zeros([sizes[i + 1]]));
}
const x = tf.randomNormal([256, 784], 0, 1, 'float32', 10 + group.rank);
const labels = tf.randomUniform([256], 0, 10, 'int32', 20 + group.rank);
const y = tf.oneHot(labels, 10);
const loss = () => {
  let h = x;
  for (let i = 0; i < 3; i++) {
    h = tf.add(tf.matMul(h, variables[`w${i}`]), variables[`b${i}`]);
    if (i < 2) h = tf.relu(h);
  }
  return tf.losses.softmaxCrossEntropy(y, h);
};
const optimizer = tf.train.sgd(0.01);
if (mode !== 'none') await ddp(variables, { group, optimizer, overlap: mode !== 'serial' });
const list = Object.values(variables);
const step = () => {
  const value = optimizer.minimize(loss, true, list);
  value.dataSync();
  value.dispose();
};
for (let i = 0; i < 5; i++) step();
const rates = [];
const before = { tensors: tf.memory().numTensors, rss: 0 };
for (let round = 0; round < Number(rounds); round++) {
  group.sync.barrier();
  const start = performance.now();
  for (let i = 0; i < Number(steps); i++) step();
  rates.push(Number(steps) / ((performance.now() - start) / 1000));
  // After the first round every cache is full.
  if (round === 0) before.rss = process.memoryUsage.rss();
}
const rate = rates.sort((a, b) => a - b)[rates.length >> 1];
const leaked = tf.memory().numTensors - before.tensors;
const grown = (process.memoryUsage.rss() - before.rss) / 2 ** 20;
if (group.rank === 0) console.log(JSON.stringify({ rate, leaked, grown }));
