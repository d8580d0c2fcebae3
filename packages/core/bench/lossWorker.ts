/**
 * Trains the tour's network on one backend: `lossWorker.ts <backend> <seed> <batch>`. Answers each line with the next
 * step's loss.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { adam, ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { loadNodeBackend, type nodeBackends } from '@tfkit/test-kit/node-backends';
import { classNames, drawCanvases } from '../../../tour/src/data/canvases';
import { loadMnist } from '../../../tour/src/data/mnist';
import { createSegmenter } from '../../../tour/src/models/segmenter';
import { batchOf, classWeights, trainStep } from '../../../tour/src/models/training';

const canvases = 160;
const learningRate = 0.003;

async function main(backend: (typeof nodeBackends)[number], seed: number, batch: number): Promise<void> {
  // Standard output is for answers alone.
  console.log = console.error;
  await loadNodeBackend(backend);
  await ensureGradients();
  await ensureKernels();
  const train = drawCanvases(await loadMnist('train'), canvases, seed);
  const weights = tf.tensor1d(classWeights(train.targets, classNames.length));
  const variables = createSegmenter(classNames.length, seed);
  const optimizer = adam({ learningRate });
  let step = 0;
  for await (const _ of createInterface({ input: process.stdin })) {
    const samples = batchOf(train, step++ * batch, batch);
    const loss = trainStep(variables, optimizer, samples, weights);
    const value = (await loss.data())[0];
    tf.dispose([loss, samples]);
    process.stdout.write(`${JSON.stringify({ loss: value })}\n`);
  }
  process.exit(0);
}

const [backend, seed, batch] = process.argv.slice(2);
main(backend as (typeof nodeBackends)[number], Number(seed), Number(batch)).catch((error) => {
  console.error(error);
  process.exit(1);
});
