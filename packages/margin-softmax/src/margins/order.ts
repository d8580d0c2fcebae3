/** Ranks within a batch by counting, [batch, batch]: no backend needs a sort for it, and nothing is read back. */
import * as tf from '@tensorflow/tfjs-core';

/** Each element's place in ascending order, 0-based; ties by index. */
export function ranks(values: tf.Tensor1D): tf.Tensor1D {
  const n = values.shape[0];
  const index = tf.range(0, n, 1, 'int32');
  const [row, column] = [tf.reshape(values, [n, 1]), tf.reshape(values, [1, n])];
  const earlier = tf.less(tf.reshape(index, [1, n]), tf.reshape(index, [n, 1]));
  const before = tf.logicalOr(tf.less(column, row), tf.logicalAnd(tf.equal(column, row), earlier));
  return tf.sum(tf.cast(before, 'float32'), 1) as tf.Tensor1D;
}

/** The elements at given (0-based) places of the ascending order of those that are valid. */
export function orderStatistics(
  values: tf.Tensor1D,
  valid: tf.Tensor1D,
  places: readonly tf.Tensor[],
): tf.Tensor[] {
  // Angles are at most pi: the others go to the end.
  const place = ranks(tf.add(values, tf.mul(tf.sub(1, valid), 1e4)) as tf.Tensor1D);
  return places.map((wanted) => tf.sum(tf.mul(values, tf.cast(tf.equal(place, wanted), 'float32'))));
}

/** `source` reordered so that its smallest element stands where `places` is 0, the next where it is 1, and so on. */
export function arrangeByPlace(source: tf.Tensor1D, places: tf.Tensor1D): tf.Tensor1D {
  const n = source.shape[0];
  const match = tf.equal(tf.reshape(places, [n, 1]), tf.reshape(ranks(source), [1, n]));
  return tf.sum(tf.mul(tf.cast(match, 'float32'), tf.reshape(source, [1, n])), 1) as tf.Tensor1D;
}
