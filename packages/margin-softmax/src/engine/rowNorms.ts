/** Lengths of rows by TensorFlow's EuclideanNorm, which needs no matrix of squares; composed where it is absent. */
import * as tf from '@tensorflow/tfjs-core';
import { tensorflowOp } from './tensorflow';

const withoutOp = new WeakSet<object>();

/** |x| of each row, [rows], of a float32 matrix; squares may overflow or vanish. */
export function rowNorms(x: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const backend = tf.backend();
    if (tf.getBackend() === 'tensorflow' && x.dtype === 'float32' && !withoutOp.has(backend)) {
      try {
        const axis = tf.scalar(1, 'int32');
        const attributes = { T: 'float32', Tidx: 'int32', keep_dims: false } as const;
        return tensorflowOp('EuclideanNorm', attributes, [x, axis]) as tf.Tensor1D;
      } catch {
        withoutOp.add(backend);
      }
    }
    return tf.sqrt(tf.sum(tf.square(x), 1)) as tf.Tensor1D;
  });
}
