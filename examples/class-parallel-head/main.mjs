/**
 * A margin head whose class centres are divided over the ranks: no rank holds them all, and the loss is that of one.
 *
 *   node examples/class-parallel-head/main.mjs                       one rank, all centres
 *   npx tfkit-ddp run -n 2 examples/class-parallel-head/main.mjs     two ranks, half of the centres each
 *   mpirun -n 2 node examples/class-parallel-head/main.mjs           the same over MPI
 *
 * Each rank brings its share of the batch. @tfkit/margin-softmax and @tfkit/ddp know each other by core's `Collective` alone.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { key, normal } from '@tfkit/core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { arcFace, classShard, lossAndGradients, SparseSgd } from '@tfkit/margin-softmax';

const [numClasses, features, batch, steps] = [20, 8, 40, 30];

await tf.setBackend('cpu');
await ensureGradients();
const collective = await initProcessGroup();
const { rank, size } = collective;

// Faces of 20 people: a direction each, and noise. This rank's samples are every size-th.
const people = normal(key(1), [numClasses, features]);
const noise = normal(key(2), [batch, features]);
const mine = Array.from({ length: batch }, (_, i) => i).filter((i) => i % size === rank);
const labels = mine.map((i) => (7 * i) % numClasses);
const embeddings = tf.tensor2d(
  mine.map((i, row) =>
    Array.from(
      { length: features },
      (_, j) => people[labels[row] * features + j] + 0.3 * noise[i * features + j],
    ),
  ),
);

// Of all centres this rank keeps those of its shard.
const shard = classShard(numClasses, rank, size);
const all = tf.tensor2d(normal(key(3), [numClasses, features]), [numClasses, features]);
const weights = tf.variable(tf.slice(all, [shard.start, 0], [shard.count, features]));
all.dispose();

const sgd = new SparseSgd({ learningRate: 0.5, weightDecay: 0 });
const margin = arcFace({ margin: 0.2, scale: 16 });
const losses = [];
for (let step = 0; step < steps; step++) {
  const result = await lossAndGradients(embeddings, weights, labels, margin, { collective, numClasses });
  sgd.apply(weights, result.weights);
  losses.push(result.loss);
  result.dispose();
}
if (rank === 0) {
  const centres = `${shard.count} of ${numClasses} centres on rank 0`;
  console.log(`ranks: ${size}, ${centres}: loss ${losses[0].toFixed(4)} -> ${losses.at(-1).toFixed(4)}`);
}
