/**
 * What tfjs lacks for linear flows: inverse and log-determinant of small matrices as tensors (no value is read back, so
 * they run in any flow on any backend), with gradients, and a float64 log-determinant on the host for checks.
 */
import * as tf from '@tensorflow/tfjs-core';
import { oneHot } from './shapes';

/** The strictly lower (or upper) triangle of a square matrix, zeros elsewhere. */
export function strictTriangle(matrix: tf.Tensor, part: 'lower' | 'upper'): tf.Tensor {
  return tf.mul(matrix, triangleMask(matrix.shape[0]!, part));
}

function triangleMask(size: number, part: 'lower' | 'upper', diagonal = 0): tf.Tensor {
  const mask = Float32Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    if (row === column) return diagonal;
    return row > column === (part === 'lower') ? 1 : 0;
  });
  return tf.tensor2d(mask, [size, size]);
}

/**
 * The inverse of a lower triangular matrix [size, size], by halves: inv [[A, 0], [C, B]] = [[A', 0], [-B' C A', B']],
 * all blocks of a level at once. log2(size) levels, and as stable as substitution.
 */
export function lowerInverse(matrix: tf.Tensor): tf.Tensor {
  const size = matrix.shape[0]!;
  if (size === 1) return tf.reciprocal(matrix);
  const run = tf.customGrad((m, save) => {
    const value = tf.tidy(() => lowerInverseOf(m as tf.Tensor));
    (save as tf.GradSaveFunc)([value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const inverse = saved[0]!;
        const product = tf.matMul(tf.matMul(inverse, dy, true, false), inverse, false, true);
        return tf.neg(tf.mul(product, triangleMask(size, 'lower', 1)));
      },
    };
  });
  return run(matrix);
}

function lowerInverseOf(matrix: tf.Tensor): tf.Tensor {
  const size = matrix.shape[0]!;
  const padded = 2 ** Math.ceil(Math.log2(size));
  const extra = padded - size;
  const whole = tf.add(
    tf.pad(matrix as tf.Tensor2D, [
      [0, extra],
      [0, extra],
    ]),
    padDiagonal(size, padded),
  );
  const diagonal = tf.sum(tf.mul(whole, tf.eye(padded)), 1);
  let inverses: tf.Tensor = tf.reshape(tf.reciprocal(diagonal), [padded, 1, 1]);
  for (let block = 1; block < padded; block *= 2) {
    const pairs = padded / (2 * block);
    const halves = tf.reshape(inverses, [pairs, 2, block, block]);
    const [a, b] = [0, 1].map((half) =>
      tf.reshape(tf.slice(halves, [0, half, 0, 0], [pairs, 1, block, block]), [pairs, block, block]),
    ) as [tf.Tensor, tf.Tensor];
    const c = tf.neg(tf.matMul(tf.matMul(b, lowerBlocks(whole, block, pairs)), a));
    const top = tf.concat([a, tf.zerosLike(a)], 2);
    inverses = tf.concat([top, tf.concat([c, b], 2)], 1);
  }
  return tf.slice(tf.reshape(inverses, [padded, padded]), [0, 0], [size, size]);
}

/** The blocks C of each pair on the diagonal: [pairs, block, block]. */
function lowerBlocks(whole: tf.Tensor, block: number, pairs: number): tf.Tensor {
  const blocks = Array.from({ length: pairs }, (_, pair) =>
    tf.slice(whole, [(2 * pair + 1) * block, 2 * pair * block], [block, block]),
  );
  return tf.stack(blocks);
}

function padDiagonal(size: number, padded: number): tf.Tensor {
  const data = new Float32Array(padded * padded);
  for (let i = size; i < padded; i++) data[i * padded + i] = 1;
  return tf.tensor2d(data, [padded, padded]);
}

/** The inverse of an upper triangular matrix. */
export function upperInverse(matrix: tf.Tensor): tf.Tensor {
  return tf.transpose(lowerInverse(tf.transpose(matrix)));
}

/** The inverse of any matrix [size, size]. */
export function matrixInverse(matrix: tf.Tensor): tf.Tensor {
  const run = tf.customGrad((m, save) => {
    const { inverse } = eliminate(m as tf.Tensor);
    (save as tf.GradSaveFunc)([inverse]);
    return {
      value: inverse,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.neg(tf.matMul(tf.matMul(saved[0]!, dy, true, false), saved[0]!, false, true)),
    };
  });
  return run(matrix);
}

/** log|det matrix| as a scalar; its gradient is the inverse transposed. */
export function logAbsDet(matrix: tf.Tensor): tf.Tensor {
  const run = tf.customGrad((m, save) => {
    const { inverse, logDet } = eliminate(m as tf.Tensor);
    (save as tf.GradSaveFunc)([inverse]);
    return {
      value: logDet,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.transpose(saved[0]!)),
    };
  });
  return run(matrix);
}

/**
 * Gauss-Jordan elimination with partial pivoting on [matrix | I]. Rows stay where they are: the pivots' rows form a
 * permutation, which is undone at the end.
 */
function eliminate(matrix: tf.Tensor): { inverse: tf.Tensor; logDet: tf.Tensor } {
  return tf.tidy(() => {
    const size = matrix.shape[0]!;
    let rows: tf.Tensor = tf.concat([matrix, tf.eye(size)], 1);
    let unused: tf.Tensor = tf.ones([size, 1]);
    let logDet: tf.Tensor = tf.scalar(0);
    const pivots: tf.Tensor[] = [];
    for (let k = 0; k < size; k++) {
      const column = tf.slice(rows, [0, k], [size, 1]);
      const at = tf.argMax(tf.reshape(tf.mul(tf.abs(column), unused), [size]));
      const pivot = tf.transpose(oneHot(at, size));
      const row = tf.matMul(pivot, rows, true, false);
      const value = tf.slice(row, [0, k], [1, 1]);
      rows = tf.sub(rows, tf.matMul(tf.sub(column, pivot), tf.div(row, value)));
      unused = tf.sub(unused, pivot);
      logDet = tf.add(logDet, tf.log(tf.abs(tf.reshape(value, []))));
      pivots.push(pivot);
    }
    const order = tf.concat(pivots, 1);
    const inverse = tf.matMul(order, tf.slice(rows, [0, size], [size, size]), true, false);
    return { inverse, logDet };
  });
}

/** PLU of a matrix in float64 by partial pivoting: matrix = P L U, each row-major [size, size]. */
export function pluOf(
  matrix: Float64Array,
  size: number,
): { p: Float64Array; l: Float64Array; u: Float64Array } {
  const u = matrix.slice();
  const l = new Float64Array(size * size);
  const rows = Array.from({ length: size }, (_, i) => i);
  const swap = (array: Float64Array, a: number, b: number) => {
    for (let i = 0; i < size; i++) {
      [array[a * size + i], array[b * size + i]] = [array[b * size + i]!, array[a * size + i]!];
    }
  };
  for (let k = 0; k < size; k++) {
    let best = k;
    for (let row = k + 1; row < size; row++) {
      if (Math.abs(u[row * size + k]!) > Math.abs(u[best * size + k]!)) best = row;
    }
    if (best !== k) {
      swap(u, k, best);
      swap(l, k, best);
      [rows[k], rows[best]] = [rows[best]!, rows[k]!];
    }
    l[k * size + k] = 1;
    for (let row = k + 1; row < size; row++) {
      const factor = u[k * size + k] === 0 ? 0 : u[row * size + k]! / u[k * size + k]!;
      l[row * size + k] = factor;
      for (let i = k; i < size; i++) u[row * size + i]! -= factor * u[k * size + i]!;
    }
  }
  const p = new Float64Array(size * size);
  for (const [row, source] of rows.entries()) p[source * size + row] = 1;
  return { p, l, u };
}

/** log|det| of a float64 matrix on the host; -Infinity if it is singular. */
export function hostLogAbsDet(matrix: Float64Array, size: number): number {
  const { u } = pluOf(matrix, size);
  let sum = 0;
  for (let i = 0; i < size; i++) sum += Math.log(Math.abs(u[i * size + i]!));
  return sum;
}
