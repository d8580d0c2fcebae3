/**
 * All packages in one program: a dilated convolution and a pyramid make vectors of images, an ArcFace head learns their
 * classes in a process group, a flow learns the vectors' density, a sampler draws from a model, the group merges the
 * counts of the predictions, and the whole is published under a name.
 */
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { ensureGradients, ensureKernels, randomNormal } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';
import { createPlan, dpmSolver, karras, vp } from '@tfkit/diffusion-samplers';
import { sampleTensors } from '@tfkit/diffusion-samplers/tfjs';
import { dilatedConv2d } from '@tfkit/dilated-conv';
import { arcFace, marginLoss } from '@tfkit/margin-softmax';
import { predictClasses } from '@tfkit/margin-softmax/metric-losses';
import { fit, realNVP } from '@tfkit/nice-flow';
import { ConfusionMatrix, mergeAll, pixelAccuracy } from '@tfkit/seg-metrics';
import { spatialPyramidPool } from '@tfkit/spp';
import { ApiRegistry, createApiExport, getSymbolFromName } from '@tfkit/tf-export-decorator';

const numClasses = 3;

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const registry = new ApiRegistry();
  const publish = createApiExport('sample', { registry });
  publish('nn.features')(features);
  const vectorOf = getSymbolFromName('nn.features', { apiName: 'sample', registry }) as typeof features;

  const group = await initProcessGroup();
  const labels = Int32Array.from({ length: 12 }, (_, i) => i % numClasses);
  const images = tf.tidy(() => {
    // Each class is a brightness, with noise.
    const levels = tf.reshape(tf.tensor1d(Float32Array.from(labels)), [12, 1, 1, 1]);
    return tf.add(levels, tf.mul(0.1, randomNormal(key(0), [12, 9, 9, 1]))) as tf.Tensor4D;
  });
  const filter = tf.tidy(() => tf.variable(randomNormal(key(1), [3, 3, 1, 4])));
  const weights = tf.tidy(() => tf.variable(randomNormal(key(2), [numClasses, 20])));
  const optimizer = tf.train.adam(0.1);
  const parallel = await ddp({ filter, weights }, { group, optimizer });
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    const loss = optimizer.minimize(
      () =>
        marginLoss(
          vectorOf(images, filter),
          weights as tf.Tensor2D,
          labels,
          arcFace({ margin: 0.1, scale: 8 }),
        ) as tf.Scalar,
      true,
    )!;
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }

  const vectors = tf.tidy(() => vectorOf(images, filter));
  const { classes, logits } = predictClasses(vectors, weights as tf.Tensor2D);
  const matrix = new ConfusionMatrix({ numClasses });
  matrix.update(Int32Array.from(await classes.data()), labels);
  const accuracy = pixelAccuracy(await mergeAll(matrix, group));

  const flow = realNVP({ shape: [20], couplings: 2, hidden: [8], key: key(3) });
  await fit(flow, Float32Array.from(await vectors.data()), { key: key(4), steps: 2, batchSize: 6 });
  const logProb = flow.logProb(vectors);
  const plan = createPlan({
    schedule: vp(),
    grid: karras(),
    prediction: 'epsilon',
    solver: dpmSolver(),
    steps: 4,
  });
  const { x } = await sampleTensors(plan, (state) => tf.tanh(state), { shape: [1, 9, 9, 1], seed: 7 });
  const finite = [...(await logProb.data()), ...(await x.data())].every(Number.isFinite);

  tf.dispose([images, filter, weights, vectors, classes, logits, logProb, x]);
  flow.dispose();
  parallel.dispose();
  optimizer.dispose();
  group.destroy();
  if (!(losses.at(-1)! < losses[0]!)) throw new Error(`all: losses ${losses}`);
  if (!(accuracy > 0.5) || !finite) throw new Error(`all: accuracy ${accuracy}, finite ${finite}`);
  return `loss ${losses[0]!.toFixed(2)} to ${losses.at(-1)!.toFixed(2)}, accuracy ${accuracy}`;
}

/** Images [batch, rows, columns, 1] to vectors [batch, 20], whatever their size. */
function features(images: tf.Tensor4D, filter: tf.Tensor): tf.Tensor2D {
  const map = dilatedConv2d(images, filter as tf.Tensor4D, { dilationRate: 2, padding: 'same' });
  return spatialPyramidPool(map, { levels: [1, 2] });
}
