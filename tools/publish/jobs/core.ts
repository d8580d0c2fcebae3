/** A dilated convolution and a gather learn on the current backend, from keys; weights go through a safetensors file. */
import * as tf from '@tensorflow/tfjs-core';
import { key, normal } from '@tfkit/core';
import { adam, ensureGradients, ensureKernels, loadSafetensors, saveSafetensors } from '@tfkit/core/tfjs';

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const x = tf.tensor4d(normal(key(0), [2, 8, 8, 2]), [2, 8, 8, 2]);
  const target = tf.tidy(() => tf.conv2d(x, tf.fill([3, 3, 2, 2], 0.1) as tf.Tensor4D, 1, 'same', 'NHWC', 2));
  const filter = tf.tidy(() => tf.variable(tf.tensor4d(normal(key(1), [3, 3, 2, 2]), [3, 3, 2, 2])));
  const optimizer = adam({ learningRate: 0.1 });
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) {
    const loss = optimizer.minimize(
      () =>
        tf.losses.meanSquaredError(
          target,
          tf.conv2d(x, filter as tf.Tensor4D, 1, 'same', 'NHWC', 2),
        ) as tf.Scalar,
      true,
    )!;
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }
  const loaded = loadSafetensors(await saveSafetensors({ filter }));
  const size = loaded.filter?.size;
  tf.dispose([x, target, filter, loaded.filter]);
  optimizer.dispose();
  if (!(losses.at(-1)! < losses[0]!) || size !== 36) throw new Error(`core: losses ${losses}, size ${size}`);
  return `loss ${losses[0]!.toFixed(3)} to ${losses.at(-1)!.toFixed(3)}`;
}
