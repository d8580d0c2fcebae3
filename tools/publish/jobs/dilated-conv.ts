/** A strided, dilated convolution and its gradient; the rates of a stack that leaves no holes. */
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { ensureGradients, ensureKernels, randomNormal } from '@tfkit/core/tfjs';
import { coversExactly, dilatedConv1d, dilatedConv2d, suggestRates } from '@tfkit/dilated-conv';

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const results = tf.tidy(() => {
    const x = randomNormal(key(0), [1, 16, 16, 3]) as tf.Tensor4D;
    const filter = randomNormal(key(1), [3, 3, 3, 4]) as tf.Tensor4D;
    const run = (w: tf.Tensor) =>
      dilatedConv2d(x, w as tf.Tensor4D, { dilationRate: 2, strides: 2, padding: 'same' });
    const gradient = tf.grad((w: tf.Tensor) => tf.sum(tf.square(run(w))))(filter);
    const causal = dilatedConv1d(tf.ones([1, 8, 1]) as tf.Tensor3D, tf.ones([2, 1, 1]) as tf.Tensor3D, {
      dilationRate: 4,
      padding: 'causal',
    });
    return [run(filter), gradient, causal] as const;
  });
  const [y, gradient, causal] = results;
  const values = Array.from(await causal.data());
  const shapes = `${y.shape} and ${gradient.shape}`;
  tf.dispose([...results]);
  const { rates } = suggestRates(31);
  if (shapes !== '1,8,8,4 and 3,3,3,4') throw new Error(`dilated-conv: shapes ${shapes}`);
  if (values.join() !== '1,1,1,1,2,2,2,2') throw new Error(`dilated-conv: causal ${values}`);
  if (!coversExactly(rates)) throw new Error(`dilated-conv: rates ${rates} leave holes`);
  return `shapes ${shapes}`;
}
