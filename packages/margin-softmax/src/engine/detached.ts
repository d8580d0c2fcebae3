import * as tf from '@tensorflow/tfjs-core';

/**
 * What `compute` gives, as a constant: none of it is recorded for the gradient, not even as a path that carries zeros (a
 * gather from a million class centres would have a gradient of their size).
 */
export function detached<T extends tf.Tensor>(compute: () => T): T {
  const op = tf.customGrad((anchor) => ({
    value: compute(),
    gradFunc: () => tf.zerosLike(anchor as tf.Tensor),
  }));
  return op(tf.scalar(0)) as T;
}
