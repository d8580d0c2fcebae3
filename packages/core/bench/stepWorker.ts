/**
 * One training step of the tour's network, in a process of its own: `stepWorker.ts <backend> stock | tfkit`. Stock means
 * the union package's gradients and the backend's own kernels, tfkit that core ensured both. Answers each line on stdin
 * with the step's wall and CPU milliseconds.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { createSegmenter } from '../../../tour/src/models/segmenter';
import { trainStep } from '../../../tour/src/models/training';

const classes = 11;
const batchSize = 8;
const side = 64;

async function main(backend: string, variant: string): Promise<void> {
  // A variable specifier: one of two backends, and the gradients of the union package without its other parts.
  await import(`@tensorflow/tfjs-backend-${backend}`);
  if (variant === 'stock') await import('@tfkit/core/gradients/table');
  await tf.setBackend(backend);
  let optimizer: tf.Optimizer;
  if (variant === 'tfkit') {
    const { adam, ensureGradients, ensureKernels } = await import('@tfkit/core/tfjs');
    await ensureGradients();
    await ensureKernels();
    optimizer = adam({ learningRate: 1e-3 });
  } else optimizer = tf.train.adam(1e-3);
  const variables = createSegmenter(classes, 1);
  const images = tf.randomUniform([batchSize, side, side, 1], 0, 1, 'float32', 1) as tf.Tensor4D;
  const targets = tf.randomUniform([batchSize, side, side], 0, classes, 'int32', 2) as tf.Tensor3D;
  const weights = tf.ones([classes]) as tf.Tensor1D;
  for await (const _ of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const loss = trainStep(variables, optimizer, { images, targets }, weights);
    const value = (await loss.data())[0];
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    loss.dispose();
    process.stdout.write(`${JSON.stringify({ wall, cpu: (user + system) / 1000, loss: value })}\n`);
  }
}

main(process.argv[2]!, process.argv[3]!).catch((error) => {
  console.error(error);
  process.exit(1);
});
