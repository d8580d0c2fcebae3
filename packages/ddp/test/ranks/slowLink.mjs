/** `slowLink.mjs <file> <overlap>`: milliseconds of a step of a wide network whose gradients cross a slow link. */
import { writeFileSync } from 'node:fs';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';

const [file, overlap] = process.argv.slice(2);
tf.env().set('PROD', true);
await tf.setBackend('cpu');
await ensureGradients();
const group = await initProcessGroup();
const width = 512;
const layers = Array.from({ length: 4 }, (_, i) =>
  tf.variable(tf.mul(tf.sin(tf.reshape(tf.range(i, i + width * width), [width, width])), 0.05)),
);
const optimizer = tf.train.sgd(1e-3);
const options = { bucketBytes: 2 ** 20, firstBucketBytes: 2 ** 20, overlap: overlap === 'true' };
await ddp(layers, { group, optimizer, ...options });
const x = tf.ones([48, width]);
const times = [];
for (let step = 0; step < 6; step++) {
  group.sync.barrier();
  const start = performance.now();
  optimizer.minimize(() => tf.mean(layers.reduce((h, w) => tf.tanh(tf.matMul(h, w)), x)));
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
if (group.rank === 0) writeFileSync(file, JSON.stringify({ milliseconds: times[1] }));
