/** What `affineTransform` takes. */
import type * as tf from '@tensorflow/tfjs-core';

export type AffineInputs = {
  /** [batch, ..., c]. */
  x: tf.Tensor;
  /** [batch, ..., 2 n]: n shifts t, then n numbers r that tell the log-scales s. */
  raw: tf.Tensor;
};

export type AffineGradientInputs = AffineInputs & {
  dz: tf.Tensor;
  /** [batch] */
  dLogDet: tf.Tensor;
};

/** 'exp': s = r; 'tanh': s = bound tanh(r / bound); 'sigmoid': s = log sigmoid(r + 2). */
export type AffineSpec = {
  readonly scaleMap: 'exp' | 'tanh' | 'sigmoid';
  readonly bound: number;
  readonly order: 'scale-first' | 'shift-first';
  readonly direction: 'forward' | 'inverse';
  /** The indices of the last axis: first those that pass unchanged, then the n others. */
  readonly indices: readonly number[];
  readonly unchanged: number;
};

/**
 * All four maps are (x + d t) exp(d s) or x exp(d s) + d t, where d is 1 forward and -1 for the inverse: whether the shift
 * comes before the scale, and d.
 */
export function kindOf({ order, direction }: AffineSpec): { isShiftFirst: boolean; sign: 1 | -1 } {
  const isForward = direction === 'forward';
  return { isShiftFirst: (order === 'shift-first') === isForward, sign: isForward ? 1 : -1 };
}
