/** Elementary functions in the form that stays finite, value and gradient, over the whole float32 range. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkInteger } from './checks';
import { ShapeError } from './errors';

const numbers = ['float32', 'int32'];

/** The smallest step at 1 that the current backend tells apart: 2^-23, or 2^-10 where floats have 16 bits (WebGL). */
export function backendEpsilon(): number {
  return tf.backend().floatPrecision() === 16 ? 2 ** -10 : 2 ** -23;
}

/**
 * log(1 + exp(x)) as max(x, 0) + log(1 + exp(-|x|)): never overflows; the gradient is sigmoid(x).
 *
 * @param x float32 or int32, of any shape; the caller disposes the result, of the same shape.
 * @throws DTypeError for other dtypes.
 */
export function softplus<T extends tf.Tensor>(x: T): T {
  checkDType(['softplus', 'x'], x, numbers);
  return tf.tidy(() => softplusOf(x) as T);
}

/** log(sigmoid(x)) = -softplus(-x), of the same shape. @throws DTypeError unless x is float32 or int32. */
export function logSigmoid<T extends tf.Tensor>(x: T): T {
  checkDType(['logSigmoid', 'x'], x, numbers);
  return tf.tidy(() => tf.neg(softplusOf(tf.neg(x))) as T);
}

const softplusOf = /* @__PURE__ */ tf.customGrad((x, save) => {
  const input = x as tf.Tensor;
  (save as tf.GradSaveFunc)([input]);
  return {
    value: tf.add(tf.relu(input), log1p(tf.exp(tf.neg(tf.abs(input))))),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sigmoid(saved[0]!)),
  };
});

/**
 * log(1 + u), u >= 0, exact for small u, where `tf.log1p` of every backend but cpu and tensorflow gives 0 below 6e-8:
 * the rounding of 1 + u is divided out again (Kahan; Goldberg, ACM Computing Surveys 1991, theorem 4). No gradient.
 */
function log1p(u: tf.Tensor): tf.Tensor {
  const sum = tf.add(u, 1);
  const corrected = tf.mul(tf.log(sum), tf.div(u, tf.sub(sum, 1)));
  return tf.where(tf.equal(sum, 1), u, corrected);
}

/**
 * x / |x| along an axis, for norms from 1e-20 to 1e20: the vector is first divided by its largest magnitude, so that
 * no square leaves the float32 range. A zero vector stays zero and has zero gradient.
 *
 * @param x float32 or int32, of rank 1 or more; the result has its shape, and the caller disposes it.
 * @throws DTypeError for other dtypes; ShapeError for a scalar; OptionError if x has no such axis.
 */
export function safeNormalize<T extends tf.Tensor>(x: T, axis = -1): T {
  checkDType(['safeNormalize', 'x'], x, numbers);
  if (x.rank === 0) throw new ShapeError('safeNormalize: x must have an axis, got a scalar.');
  checkInteger(['safeNormalize', 'axis'], axis, { min: -x.rank, max: x.rank - 1 });
  return tf.tidy(() => normalizeAlong(axis)(x) as T);
}

function normalizeAlong(axis: number) {
  const normalize: (x: tf.Tensor) => tf.Tensor = tf.customGrad((x, save) => {
    const input = x as tf.Tensor;
    (save as tf.GradSaveFunc)([input]);
    const largest = tf.max(tf.abs(input), axis, true);
    const scaled = tf.div(input, tf.add(largest, isZero(largest)));
    const norm = tf.sqrt(tf.sum(tf.square(scaled), axis, true));
    return {
      value: tf.div(scaled, tf.add(norm, isZero(norm))),
      // (dy - y <y, dy>) / |x|, with |x| = <x, y>.
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const y = normalize(saved[0]!);
        const norm = tf.sum(tf.mul(saved[0]!, y), axis, true);
        const zero = isZero(norm);
        const tangent = tf.sub(dy, tf.mul(y, tf.sum(tf.mul(y, dy), axis, true)));
        return tf.mul(tf.sub(1, zero), tf.div(tangent, tf.add(norm, zero)));
      },
    };
  });
  return normalize;
}

/** 1 where x is 0, else 0, as floats; constant to the gradient (a comparison has none). */
const isZero = /* @__PURE__ */ tf.customGrad((x) => ({
  value: tf.cast(tf.equal(x as tf.Tensor, 0), 'float32'),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));

/**
 * arccos for cosines that rounding pushed past +-1, as atan2(sqrt(1 - c^2), c), which is exact where the GPU's acos is
 * not. The slope -1 / sqrt(1 - c^2) is held at its value one rounding step from +-1, so it stays finite. Radians.
 *
 * @param cosine float32 or int32, of any shape; the result has its shape, and the caller disposes it.
 * @throws DTypeError for other dtypes.
 */
export function safeAcos<T extends tf.Tensor>(cosine: T): T {
  checkDType(['safeAcos', 'cosine'], cosine, numbers);
  return tf.tidy(() => acosOf(cosine) as T);
}

const acosOf = /* @__PURE__ */ tf.customGrad((cosine, save) => {
  const c = cosine as tf.Tensor;
  (save as tf.GradSaveFunc)([c]);
  return {
    // Not below 1e-30: some GPUs take atan2(0, 1) for pi.
    value: tf.atan2(tf.sqrt(tf.maximum(sineSquared(c), 1e-30)), c),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.neg(tf.div(dy, tf.sqrt(tf.maximum(sineSquared(saved[0]!), 2 * backendEpsilon())))),
  };
});

/** 1 - c^2 without cancellation at +-1. */
const sineSquared = (c: tf.Tensor) => tf.mul(tf.sub(1, c), tf.add(1, c));
