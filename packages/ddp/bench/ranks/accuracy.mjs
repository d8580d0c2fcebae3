/** `accuracy.mjs <target> <file that resolves tfjs-node>`: seconds until a held-out accuracy; 256 samples a step in all. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { key, normal } from '@tfkit/core';
import '@tfkit/core/node-compat';
import { ensureGradients } from '@tfkit/core/tfjs';
import { DistributedSampler, initProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';

const [target, anchor] = process.argv.slice(2);
tf.env().set('PROD', true);
createRequire(anchor)('@tensorflow/tfjs-node');
await tf.setBackend('tensorflow');
await ensureGradients();
const group = await initProcessGroup();
const [features, classes, count, held, batch] = [784, 10, 8192, 2048, 256];
// Each class is two clusters around random centres: no straight line divides them.
const centres = normal(key(1), [2 * classes, features]);
const noise = normal(key(2), [(count + held) * features]);
const values = new Float32Array((count + held) * features);
const labels = new Int32Array(count + held);
for (let i = 0; i < count + held; i++) {
  const cluster = (i * 7919) % (2 * classes);
  labels[i] = cluster >> 1;
  for (let j = 0; j < features; j++) {
    values[i * features + j] = 0.22 * centres[cluster * features + j] + noise[i * features + j];
  }
}
const rows = (indices) => {
  const xs = new Float32Array(indices.length * features);
  const ys = new Int32Array(indices.length);
  for (const [at, index] of indices.entries()) {
    xs.set(values.subarray(index * features, (index + 1) * features), at * features);
    ys[at] = labels[index];
  }
  return [tf.tensor2d(xs, [indices.length, features]), tf.oneHot(tf.tensor1d(ys, 'int32'), classes), ys];
};
const [testX, , testLabels] = rows(Uint32Array.from({ length: held }, (_, i) => count + i));
const sizes = [features, 1000, 1000, classes];
const variables = {};
for (let i = 0; i < 3; i++) {
  variables[`w${i}`] = tf.variable(
    tf.randomNormal([sizes[i], sizes[i + 1]], 0, Math.sqrt(2 / sizes[i]), 'float32', i + 1),
  );
  variables[`b${i}`] = tf.variable(tf.zeros([sizes[i + 1]]));
}
const logits = (x) => {
  let h = x;
  for (let i = 0; i < 3; i++) {
    h = tf.add(tf.matMul(h, variables[`w${i}`]), variables[`b${i}`]);
    if (i < 2) h = tf.relu(h);
  }
  return h;
};
const accuracy = () => {
  const found = tf.tidy(() => tf.argMax(logits(testX), -1).dataSync());
  return found.reduce((sum, label, i) => sum + (label === testLabels[i] ? 1 : 0), 0) / held;
};
const optimizer = tf.train.sgd(0.02);
await ddp(variables, { group, optimizer });
const list = Object.values(variables);
const sampler = new DistributedSampler(count, { group, seed: 3, dropLast: true });
group.sync.barrier();
const start = performance.now();
let steps = 0;
let reached = 0;
for (let epoch = 0; epoch < 40 && reached < Number(target); epoch++) {
  sampler.setEpoch(epoch);
  for (const indices of sampler.batches(batch / group.size)) {
    const [x, y] = rows(indices);
    tf.dispose([optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, logits(x)), true, list), x, y]);
    // The same variables on every rank: the same accuracy, so all stop together.
    if (++steps % 16 === 0) reached = accuracy();
    if (reached >= Number(target)) break;
  }
}
const seconds = (performance.now() - start) / 1000;
if (group.rank === 0) console.log(JSON.stringify({ seconds, steps, accuracy: reached }));
