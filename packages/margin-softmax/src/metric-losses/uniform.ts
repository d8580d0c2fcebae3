/** UniformFace's loss (Duan, Lu, Zhou, UniformFace, CVPR 2019): class centres repel each other. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber, ShapeError } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import { checkMatrix } from './inputs';

export interface UniformOptions {
  /** Factor. Default 1. */
  readonly lambda?: number;
}

/** Elements of the [rows, classes] arrays that exist at a time: 16 MB each. */
const blockSize = 2 ** 22;

/**
 * The uniform loss lambda / (C (C - 1)) sum_(i != j) 1 / (|w_i / |w_i| - w_j / |w_j|| + 1) over class centres. Added to
 * a margin loss, on its weights.
 *
 * Time is O(C^2 features), memory O(C features + block). For many classes give it a random part of the rows in each
 * step: `uniformLoss(tf.gather(weights, sampledClasses))`.
 *
 * @param weights float32 [numClasses, features], at least two rows; normalised here. Coincident rows do not repel each
 *   other: there the gradient is 0.
 * @returns float32 scalar.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree.
 */
export function uniformLoss(weights: tf.Tensor2D, options: UniformOptions = {}): tf.Scalar {
  const { lambda = 1 } = options;
  checkKnownOptions('uniformLoss', options, ['lambda']);
  checkNumber(['uniformLoss', 'lambda'], lambda, { min: 0 });
  checkMatrix('uniformLoss', 'weights', weights, '[numClasses, features]');
  const classes = weights.shape[0];
  if (classes < 2) {
    throw new ShapeError(`uniformLoss: weights must have at least two rows, got ${classes}.`);
  }
  const factor = lambda / (classes * (classes - 1));
  return tf.tidy(() => tf.mul(factor, repulsion(safeNormalize(weights))) as tf.Scalar);
}

/** sum_(i != j) 1 / (d_ij + 1), block by block of rows; the backward pass computes the blocks again. */
const repulsion = /* @__PURE__ */ tf.customGrad((input, save) => {
  const x = input as tf.Tensor2D;
  (save as tf.GradSaveFunc)([x]);
  const sums = mapBlocks(x, (rows, start) => {
    const { distance, others } = blockDistances(x, rows, start);
    return tf.sum(tf.mul(others, tf.reciprocal(tf.add(distance, 1))));
  });
  const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
    const all = saved as tf.Tensor2D;
    // d/dx_i, both orders of a pair: -2 sum_j (x_i - x_j) / (d_ij (d_ij + 1)^2).
    const parts = mapBlocks(all, (rows, start) => {
      const { distance, others } = blockDistances(all, rows, start);
      const safe = tf.maximum(distance, 1e-6);
      const pull = tf.div(tf.mul(others, -2), tf.mul(safe, tf.square(tf.add(distance, 1))));
      const own = tf.mul(tf.sum(pull, 1, true), rows);
      return tf.sub(own, tf.matMul(pull as tf.Tensor2D, all));
    });
    return tf.mul(dy, tf.concat(parts as tf.Tensor2D[], 0));
  };
  return { value: tf.addN(sums), gradFunc };
});

function mapBlocks(x: tf.Tensor2D, body: (rows: tf.Tensor2D, start: number) => tf.Tensor): tf.Tensor[] {
  const [classes, features] = x.shape;
  const step = Math.max(1, Math.floor(blockSize / classes));
  const results: tf.Tensor[] = [];
  for (let start = 0; start < classes; start += step) {
    const count = Math.min(step, classes - start);
    results.push(tf.tidy(() => body(tf.slice(x, [start, 0], [count, features]), start)));
  }
  return results;
}

/** Distances of unit rows to all rows, and where they are between two different rows that do not coincide. */
function blockDistances(x: tf.Tensor2D, rows: tf.Tensor2D, start: number) {
  const ids = tf.range(start, start + rows.shape[0], 1, 'int32');
  const all = tf.range(0, x.shape[0], 1, 'int32');
  const isOther = tf.notEqual(tf.expandDims(ids, 1), tf.expandDims(all, 0));
  const squared = tf.relu(tf.sub(2, tf.mul(tf.matMul(rows, x, false, true), 2)));
  return { distance: tf.sqrt(squared), others: tf.cast(isOther, 'float32') };
}
