/** A group of one trains with averaged gradients; the sampler deals its indices. */
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { DistributedSampler, initProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const group = await initProcessGroup();
  const w = tf.tidy(() => tf.variable(tf.tensor2d([0.5, -0.5], [2, 1])));
  const optimizer = tf.train.sgd(0.1);
  const parallel = await ddp({ w }, { group, optimizer });
  const indices = Array.from(new DistributedSampler(16, { group, seed: 1 }));
  const x = tf.tensor2d(indices.map((i) => [i / 16, 1 - i / 16]));
  const y = tf.tensor2d(indices.map((i) => [(3 * i) / 16 - 1]));
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    const loss = optimizer.minimize(
      () => tf.losses.meanSquaredError(y, tf.matMul(x, w as tf.Tensor2D)) as tf.Scalar,
      true,
    )!;
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }
  parallel.dispose();
  tf.dispose([w, x, y]);
  optimizer.dispose();
  group.destroy();
  if (group.size !== 1 || !(losses.at(-1)! < losses[0]!)) throw new Error(`ddp: losses ${losses}`);
  return `loss ${losses[0]!.toFixed(3)} to ${losses.at(-1)!.toFixed(3)}`;
}
