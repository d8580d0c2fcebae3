/** TensorFlow's own ops by name, through the internals of tfjs-node 4.22. */
import * as tf from '@tensorflow/tfjs-core';

interface TensorflowBackend {
  readonly binding: Record<'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_INT32', number>;
  executeSingleOutput(op: string, attributes: object[], inputs: tf.Tensor[]): tf.Tensor;
}

/** Runs an op on the backend 'tensorflow', which must be the current one; throws where it or its internals are absent. */
export function tensorflowOp(
  op: string,
  attributes: Readonly<Record<string, 'float32' | 'int32' | boolean>>,
  inputs: tf.Tensor[],
): tf.Tensor {
  const backend = tf.backend() as unknown as TensorflowBackend;
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT, TF_INT32 } = backend.binding;
  const types = { float32: TF_FLOAT, int32: TF_INT32 };
  const list = Object.entries(attributes).map(([name, value]) =>
    typeof value === 'boolean'
      ? { name, type: TF_ATTR_BOOL, value }
      : { name, type: TF_ATTR_TYPE, value: types[value] },
  );
  return backend.executeSingleOutput(op, list, inputs);
}
