/** `firstOps.mjs <file that resolves tfjs-node>`: ranks that use many kinds of ops for the first time, all at once. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tfkit/core/node-compat';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';

createRequire(process.argv[2])('@tensorflow/tfjs-node');
await tf.setBackend('tensorflow');
await ensureGradients();
const group = await initProcessGroup();
group.sync.barrier();
const x = tf.randomNormal([256, 784], 0, 1, 'float32', 1);
const w = tf.variable(tf.randomNormal([784, 10], 0, 0.03, 'float32', 2));
const y = tf.oneHot(tf.randomUniform([256], 0, 10, 'int32', 3), 10);
const optimizer = tf.train.sgd(0.01);
for (let step = 0; step < 3; step++) {
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, tf.relu(tf.matMul(x, w))), true);
  loss.dataSync();
  loss.dispose();
}
console.log(`rank ${group.rank} has computed`);
