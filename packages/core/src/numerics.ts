/** Elementary functions in the form that stays finite, value and gradient, over the whole float32 range. */
import * as tf from '@tensorflow/tfjs-core';

/** The smallest step at 1 that the current backend tells apart: 2^-23, or 2^-10 where floats have 16 bits (WebGL). */
export function backendEpsilon(): number {
  return tf.backend().floatPrecision() === 16 ? 2 ** -10 : 2 ** -23;
}

/** log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)): never overflows; the gradient is sigmoid(x). */
export function softplus<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => softplusOf(x) as T);
}

/** log(sigmoid(x)) = -softplus(-x). */
export function logSigmoid<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => tf.neg(softplusOf(tf.neg(x))) as T);
}

const softplusOf = tf.customGrad((x, save) => {
  (save as tf.GradSaveFunc)([x as tf.Tensor]);
  const value = tf.add(tf.relu(x as tf.Tensor), tf.log1p(tf.exp(tf.neg(tf.abs(x as tf.Tensor)))));
  return {
    value,
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sigmoid(saved[0] as tf.Tensor)),
  };
});

/**
 * x / |x| along an axis, for norms from 1e-20 to 1e20: the vector is first divided by its largest magnitude, so that
 * no square leaves the float32 range. A zero vector stays zero and has zero gradient.
 */
export function safeNormalize<T extends tf.Tensor>(x: T, axis = -1): T {
  return tf.tidy(() => {
    const largest = tf.max(tf.abs(x), axis, true);
    const isZero = tf.equal(largest, 0);
    const scaled = tf.div(x, constant(tf.where(isZero, tf.onesLike(largest), largest)));
    const squares = tf.sum(tf.square(scaled), axis, true);
    const norm = tf.sqrt(tf.where(isZero, tf.onesLike(squares), squares));
    return tf.div(scaled, norm) as T;
  });
}

/** arccos for cosines that rounding pushed past +-1: clamped so that value and gradient stay finite. */
export function safeAcos<T extends tf.Tensor>(cosine: T): T {
  return tf.tidy(() => {
    const limit = 1 - backendEpsilon();
    return tf.acos(tf.clipByValue(cosine, -limit, limit)) as T;
  });
}

/** The same values without a gradient: normalisation does not depend on the scale that was divided out. */
const constant = tf.customGrad((x) => ({
  value: tf.clone(x as tf.Tensor),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));
