/** Pieces with their gradients written out, from which the losses of this folder are composed. */
import * as tf from '@tensorflow/tfjs-core';
import { safeNormalize } from '@tfkit/core/tfjs';

/** f(x) element by element, where `f` gives the value and its derivative. */
export function withSlope(
  x: tf.Tensor,
  f: (x: tf.Tensor) => { value: tf.Tensor; slope: tf.Tensor },
): tf.Tensor {
  const op = tf.customGrad((input, save) => {
    const { value, slope } = f(input as tf.Tensor);
    (save as tf.GradSaveFunc)([slope]);
    return { value, gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(dy, saved!) };
  });
  return op(x);
}

/** f(x) as a constant of the backward pass. */
export function constant(x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor): tf.Tensor {
  const op = tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    const gradFunc = (_: tf.Tensor, [saved]: tf.Tensor[]) => tf.zerosLike(saved!);
    return { value: f(input as tf.Tensor), gradFunc };
  });
  return op(x);
}

/**
 * Squared distances of all pairs of rows [rows, rows]; gradient 2 sum_j (g_ij + g_ji) (x_i - x_j).
 *
 * From |a|^2 + |b|^2 - 2 a.b of the centred rows, so that no [rows, rows, features] exists: exact to about 2^-22 of
 * the largest squared norm of a centred row.
 */
export function squaredDistances(x: tf.Tensor): tf.Tensor2D {
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    (save as tf.GradSaveFunc)([rows]);
    return {
      value: squaredDistancesOf(rows),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        const both = tf.add(dy, tf.transpose(dy)) as tf.Tensor2D;
        return pullRows(both, saved as tf.Tensor2D);
      },
    };
  });
  return op(x) as tf.Tensor2D;
}

function squaredDistancesOf(x: tf.Tensor2D): tf.Tensor2D {
  const centred = tf.sub(x, tf.mean(x, 0, true)) as tf.Tensor2D;
  const squares = tf.sum(tf.square(centred), 1, true);
  const products = tf.matMul(centred, centred, false, true);
  const sums = tf.add(squares, tf.transpose(squares));
  return tf.relu(tf.sub(sums, tf.mul(products, 2))) as tf.Tensor2D;
}

/** 2 sum_j w_ij (x_i - x_j) for each row i. */
function pullRows(w: tf.Tensor2D, x: tf.Tensor2D): tf.Tensor2D {
  const own = tf.mul(tf.sum(w, 1, true), x);
  return tf.mul(tf.sub(own, tf.matMul(w, x)), 2) as tf.Tensor2D;
}

/** sqrt(x) for x >= 0, with derivative 0 at 0. */
export function safeSqrt(x: tf.Tensor): tf.Tensor {
  return withSlope(x, (u) => {
    const value = tf.sqrt(u);
    const positive = tf.greater(u, 0);
    const slope = tf.div(0.5, tf.where(positive, value, tf.onesLike(value)));
    return { value, slope: tf.mul(slope, tf.cast(positive, 'float32')) };
  });
}

/**
 * |x| of each row [rows], for norms from 1e-20 to 1e20: the largest magnitude is divided out, so no square leaves the
 * float32 range. The gradient is x / |x|, 0 for a zero row.
 */
export function safeNorm(x: tf.Tensor): tf.Tensor1D {
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor;
    (save as tf.GradSaveFunc)([rows]);
    const largest = tf.max(tf.abs(rows), 1, true);
    const divisor = tf.where(tf.greater(largest, 0), largest, tf.onesLike(largest));
    const sums = tf.sum(tf.square(tf.div(rows, divisor)), 1);
    return {
      value: tf.mul(tf.squeeze(largest, [1]), tf.sqrt(sums)),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(tf.expandDims(dy, 1), safeNormalize(saved!)),
    };
  });
  return op(x) as tf.Tensor1D;
}
