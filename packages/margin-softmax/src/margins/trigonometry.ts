/**
 * Sine, cosine and arctangent to float32 rounding. GPUs have coarse ones (WGSL allows an error of 2^-11, which a scale of 64
 * makes 0.03 in a logit), so there they are computed by range reduction and series; host backends use their own.
 */
import * as tf from '@tensorflow/tfjs-core';

const isHost = () => ['cpu', 'wasm', 'tensorflow'].includes(tf.getBackend());

const series = (x: tf.Tensor, coefficients: readonly number[]): tf.Tensor =>
  coefficients
    .slice(0, -1)
    .reduceRight<tf.Tensor>(
      (sum, coefficient) => tf.add(tf.mul(sum, x), coefficient),
      tf.fill(x.shape, coefficients.at(-1)!),
    );

const sineSeries = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880];
const cosineSeries = [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800];
const arctangentSeries = [1, -1 / 3, 1 / 5, -1 / 7, 1 / 9, -1 / 11, 1 / 13, -1 / 15, 1 / 17];

/** pi / 2 as a float32 with 12 trailing zero bits, and the rest, so that small multiples of the first are exact. */
const halfPiHigh = 1.5703125;
const halfPiLow = Math.PI / 2 - halfPiHigh;

/** sin of x + quarters pi/2, |x| up to some tens. */
function sineShifted(x: tf.Tensor, quarters: number): tf.Tensor {
  const k = tf.round(tf.mul(x, 2 / Math.PI));
  const r = tf.sub(tf.sub(x, tf.mul(k, halfPiHigh)), tf.mul(k, halfPiLow));
  const square = tf.square(r);
  const turns = tf.add(k, quarters);
  // Which of sin, cos, -sin, -cos it is: turns mod 4, without a modulus.
  const phase = tf.sub(turns, tf.mul(4, tf.floor(tf.add(tf.mul(turns, 0.25), 0.01))));
  const isOdd = tf.logicalOr(tf.equal(phase, 1), tf.equal(phase, 3));
  const value = tf.where(isOdd, series(square, cosineSeries), tf.mul(r, series(square, sineSeries)));
  return tf.where(tf.greater(phase, 1.5), tf.neg(value), value);
}

export function sine<T extends tf.Tensor>(x: T): T {
  return (isHost() ? tf.sin(x) : sineShifted(x, 0)) as T;
}

export function cosine<T extends tf.Tensor>(x: T): T {
  return (isHost() ? tf.cos(x) : sineShifted(x, 1)) as T;
}

/** The angle of (x, y) in the first quadrant, both at least 0 and not both 0. */
export function firstQuadrantAngle(y: tf.Tensor, x: tf.Tensor): tf.Tensor {
  if (isHost()) return tf.atan2(y, x);
  // Of the smaller over the larger, and again of (t - 1) / (t + 1) beyond pi/8, so that the series ends early.
  const t = tf.div(tf.minimum(x, y), tf.maximum(x, y));
  const isFar = tf.greater(t, Math.tan(Math.PI / 8));
  const reduced = tf.where(isFar, tf.div(tf.sub(t, 1), tf.add(t, 1)), t);
  const near = tf.mul(reduced, series(tf.square(reduced), arctangentSeries));
  const angle = tf.where(isFar, tf.add(near, Math.PI / 4), near);
  return tf.where(tf.greater(y, x), tf.sub(Math.PI / 2, angle), angle);
}
