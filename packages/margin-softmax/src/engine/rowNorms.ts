/** Lengths of rows by TensorFlow's EuclideanNorm, which needs no matrix of squares; composed where it is absent. */
import * as tf from '@tensorflow/tfjs-core';

interface TensorflowBackend {
  readonly binding: Record<'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_INT32', number>;
  executeSingleOutput(op: string, attributes: object[], inputs: tf.Tensor[]): tf.Tensor;
}

const withoutOp = new WeakSet<object>();

/** |x| of each row, [rows], of a float32 matrix; squares may overflow or vanish. */
export function rowNorms(x: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const backend = tf.backend();
    if (tf.getBackend() === 'tensorflow' && x.dtype === 'float32' && !withoutOp.has(backend)) {
      try {
        return euclideanNorm(x, backend as unknown as TensorflowBackend);
      } catch {
        withoutOp.add(backend);
      }
    }
    return tf.sqrt(tf.sum(tf.square(x), 1)) as tf.Tensor1D;
  });
}

function euclideanNorm(x: tf.Tensor2D, backend: TensorflowBackend): tf.Tensor1D {
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT, TF_INT32 } = backend.binding;
  const attributes = [
    { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'Tidx', type: TF_ATTR_TYPE, value: TF_INT32 },
    { name: 'keep_dims', type: TF_ATTR_BOOL, value: false },
  ];
  const axis = tf.scalar(1, 'int32');
  return backend.executeSingleOutput('EuclideanNorm', attributes, [x, axis]) as tf.Tensor1D;
}
