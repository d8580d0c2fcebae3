/** All parameters as one array, one after the other. */
import * as tf from '@tensorflow/tfjs-core';

/** Where each parameter begins, and the number of all elements, a multiple of `multiple`. */
export function flatLayout(sizes: readonly number[], multiple = 1): { offsets: number[]; length: number } {
  let end = 0;
  const offsets = sizes.map((size) => {
    const start = end;
    end += size;
    return start;
  });
  return { offsets, length: Math.ceil(end / multiple) * multiple };
}

/** Writes the values of tensors into `out`, one after the other. Works on every backend. */
export async function pack(tensors: readonly tf.Tensor[], out: Float32Array): Promise<void> {
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  let at = 0;
  for (const part of values) {
    out.set(part as Float32Array, at);
    at += part.length;
  }
}

/** Assigns each variable its part of `values`. */
export function assignAll(variables: readonly tf.Variable[], values: Float32Array): void {
  const { offsets } = flatLayout(variables.map(({ size }) => size));
  tf.tidy(() => {
    for (const [index, variable] of variables.entries()) {
      const start = offsets[index]!;
      variable.assign(tf.tensor(values.slice(start, start + variable.size), variable.shape, 'float32'));
    }
  });
}

/** The loss and the gradient of each variable, in their order; a variable that the loss does not contain has none. */
export function gradientsOf(
  loss: () => tf.Scalar,
  variables: readonly tf.Variable[],
): { value: tf.Scalar; grads: tf.Tensor[] } {
  const { value, grads } = tf.variableGrads(loss, [...variables]);
  return { value, grads: variables.map(({ name, shape }) => grads[name] ?? tf.zeros(shape)) };
}
