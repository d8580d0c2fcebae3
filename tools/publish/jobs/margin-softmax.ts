/** An ArcFace head learns toy identities; a verification protocol scores pairs. */
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { ensureGradients, ensureKernels, randomNormal } from '@tfkit/core/tfjs';
import { arcFace, marginLoss } from '@tfkit/margin-softmax';
import { rocCurve } from '@tfkit/margin-softmax/protocols';

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const images = randomNormal(key(0), [32, 16]) as tf.Tensor2D;
  const weights = tf.tidy(() => tf.variable(randomNormal(key(1), [10, 8])));
  const backbone = tf.tidy(() => tf.variable(randomNormal(key(2), [16, 8])));
  const labels = Int32Array.from({ length: 32 }, (_, i) => i % 10);
  const margin = arcFace({ margin: 0.3, scale: 16 });
  const optimizer = tf.train.sgd(0.5);
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    const loss = optimizer.minimize(
      () =>
        marginLoss(
          tf.matMul(images, backbone as tf.Tensor2D),
          weights as tf.Tensor2D,
          labels,
          margin,
        ) as tf.Scalar,
      true,
    )!;
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }
  tf.dispose([images, weights, backbone]);
  optimizer.dispose();
  const curve = rocCurve(Float64Array.of(0.9, 0.8, 0.3, 0.1), [true, true, false, false]);
  if (!(losses.at(-1)! < losses[0]!)) throw new Error(`margin-softmax: losses ${losses}`);
  if (Object.keys(curve).length === 0) throw new Error('margin-softmax: no curve');
  return `loss ${losses[0]!.toFixed(2)} to ${losses.at(-1)!.toFixed(2)}`;
}
