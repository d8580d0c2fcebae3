/**
 * The other classes: log of the sum of exp(z_ij) (or the sum of softplus(z_ij)) over all classes j but the true one, for
 * each sample i, a chunk of classes at a time, and its gradient, for which each chunk is computed again or recalled. Memory
 * is O(batch x chunk) whatever the number of classes.
 *
 * Leaving the true class out is what makes p_y - 1 exact: it is minus the sum of the others' probabilities.
 */
import * as tf from '@tensorflow/tfjs-core';
import { softplus } from '@tfkit/core/tfjs';
import {
  asColumn,
  type ChunkLogits,
  chunkLogits,
  chunksOf,
  leaveOut,
  never,
  type OthersInputs,
  type OthersPlan,
  scaledRows,
} from './chunk';
import type { ProductStore } from './productStore';

export interface OthersResult {
  /** [batch]: log-sum-exp, or sum of softplus. */
  readonly value: tf.Tensor1D;
  /** [batch], if wanted: the sum of z. */
  readonly sum: tf.Tensor1D | undefined;
  /** [1, rows], if weights are normalised: 1 / |w|, 0 for a zero row. */
  readonly inverseNorms: tf.Tensor2D | undefined;
}

/** @param store where the products may wait for `backwardOthers`. */
export function forwardOthers(inputs: OthersInputs, plan: OthersPlan, store?: ProductStore): OthersResult {
  return tf.tidy(() => {
    const batch = inputs.x.shape[0];
    const rows = scaledRows(inputs, plan);
    const hidden = leaveOut(inputs.labels, batch);
    let sums: RunningSums = {
      max: tf.fill([batch, 1], never()),
      total: tf.zeros([batch, 1]),
      sum: plan.withSum ? tf.zeros([batch, 1]) : undefined,
    };
    const inverses: tf.Tensor2D[] = [];
    for (const range of chunksOf(inputs.classes.numRows, plan)) {
      const made = tidied(() => {
        const chunk = chunkLogits(rows, inputs, plan, range, hidden);
        store?.keep(range, chunk.products);
        return { sums: addChunk(sums, chunk, plan), inverse: chunk.inverse };
      });
      sums = made.sums;
      if (made.inverse) inverses.push(made.inverse);
    }
    const logSum = () => {
      const log = tf.log(tf.maximum(sums.total, 1e-37));
      return plan.overflows ? tf.add(log, sums.max) : log;
    };
    return {
      value: tf.reshape(plan.binary ? sums.total : logSum(), [batch]),
      sum: sums.sum && tf.reshape(sums.sum, [batch]),
      inverseNorms: plan.normalizeWeights ? tf.concat2d(inverses, 1) : undefined,
    };
  }) as unknown as OthersResult;
}

/** `tf.tidy` for any record of tensors. */
const tidied = <T>(compute: () => T): T =>
  tf.tidy(() => compute() as unknown as tf.TensorContainer) as unknown as T;

/** [batch, 1] each, of the chunks so far. */
interface RunningSums {
  readonly max: tf.Tensor;
  /** The sum of exp(z - max), of exp(z) where that cannot overflow, or of softplus(z). */
  readonly total: tf.Tensor;
  /** The sum of z, if wanted. */
  readonly sum: tf.Tensor | undefined;
}

function addChunk({ max, total, sum }: RunningSums, chunk: ChunkLogits, plan: OthersPlan): RunningSums {
  const z = chunk.logits;
  const rowSum = (x: tf.Tensor) => tf.sum(x, 1, true);
  const next = { max, sum: sum && tf.add(sum, rowSum(tf.mul(z, chunk.others!))) };
  if (plan.binary) return { ...next, total: tf.add(total, rowSum(softplus(z))) };
  if (!plan.overflows) return { ...next, total: tf.add(total, rowSum(tf.exp(z))) };
  const high = tf.maximum(max, tf.max(z, 1, true));
  const before = tf.mul(total, tf.exp(tf.sub(max, high)));
  return { ...next, max: high, total: tf.add(before, rowSum(tf.exp(tf.sub(z, high)))) };
}

export interface OthersGradient {
  readonly x: tf.Tensor2D;
  readonly scale: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
}

/** Gradients of `value` and `sum`, [batch] each. */
interface Upstream {
  readonly value: tf.Tensor1D;
  readonly sum: tf.Tensor1D | undefined;
}

/**
 * The gradient for upstream gradients of the result. That of the class centres is handed to `sink` chunk by chunk, in
 * order; the tensor is disposed afterwards.
 */
export function backwardOthers(
  inputs: OthersInputs,
  plan: OthersPlan,
  result: OthersResult,
  upstream: Upstream,
  sink: ((start: number, gradient: tf.Tensor2D) => void) | undefined,
  store?: ProductStore,
): OthersGradient {
  return tf.tidy(() => {
    const batch = inputs.x.shape[0];
    const rows = scaledRows(inputs, plan);
    const hidden = leaveOut(inputs.labels, batch);
    // A factor of each sample is applied to the small side of a product, unless the sum of z adds a second term.
    const factor = plan.withSum ? tf.ones([batch]) : upstream.value;
    const weighted = tf.mul(rows, tf.reshape(factor, [batch, 1])) as tf.Tensor2D;
    const factorRow = tf.reshape(factor, [1, batch]) as tf.Tensor2D;
    const factors = { value: asColumn(result.value), upstream, row: factorRow };
    let dx: tf.Tensor = tf.zerosLike(rows);
    const dBias: tf.Tensor[] = [];
    for (const range of chunksOf(inputs.classes.numRows, plan)) {
      const made = tidied(() => {
        const inverse = result.inverseNorms && tf.slice(result.inverseNorms, [0, range.row], [1, range.rows]);
        const products = store?.recall(range, batch);
        const chunk = chunkLogits(rows, inputs, plan, range, hidden, { inverse, products });
        const slopes = tidied(() => chunkSlopes(chunk, inputs, plan, factors));
        const next = tf.tidy(() => tf.add(dx, tf.matMul(slopes.byProducts, chunk.centres)));
        // The last use of the chunk: the sink may replace the class centres.
        sink?.(range.row, centresGradient(slopes, weighted, chunk));
        return { next, bias: slopes.bias };
      });
      dx.dispose();
      dx = made.next;
      if (made.bias) dBias.push(made.bias);
    }
    const linear = plan.transform === undefined;
    const dRows = tf.mul(dx, tf.reshape(factor, [batch, 1]));
    return {
      x: linear ? tf.mul(dRows, inputs.scale) : dRows,
      // Linear logits are homogeneous in the rows, which hold the scale.
      scale: linear ? tf.div(tf.sum(tf.mul(rows, dRows)), inputs.scale) : tf.scalar(0),
      bias: inputs.bias && biasGradient(dBias, inputs.bias),
    };
  }) as unknown as OthersGradient;
}

/** [batch, classes]: all logits at once, very low at the true class. */
export function othersLogits(inputs: OthersInputs, plan: OthersPlan): tf.Tensor2D {
  const [whole] = chunksOf(inputs.classes.numRows, { ...plan, chunk: inputs.classes.numRows });
  const hidden = leaveOut(inputs.labels, inputs.x.shape[0]);
  return chunkLogits(scaledRows(inputs, plan), inputs, plan, whole!, hidden).logits;
}

/** Derivatives of the loss within a chunk, but for the factor of each sample. */
interface ChunkSlopes {
  /** [batch, rows]: by the products with `centres`. */
  readonly byProducts: tf.Tensor2D;
  /** [batch, rows]: the same divided by |w|: by the products with w. */
  readonly divided: tf.Tensor2D;
  /** [1, rows]: <w^, d loss / d w^>, the factors included. */
  readonly radial: tf.Tensor2D;
  /** [1, classes]: by the bias, the factors included. */
  readonly bias: tf.Tensor | undefined;
}

interface SampleFactors {
  /** [batch, 1]: the result's value. */
  readonly value: tf.Tensor;
  readonly upstream: Upstream;
  /** [1, batch]: what each sample's derivatives are multiplied by in sums over samples. */
  readonly row: tf.Tensor2D;
}

function chunkSlopes(
  chunk: ChunkLogits,
  inputs: OthersInputs,
  plan: OthersPlan,
  { value, upstream, row }: SampleFactors,
): ChunkSlopes {
  const z = chunk.logits;
  let g: tf.Tensor = plan.binary ? tf.sigmoid(z) : tf.exp(tf.sub(z, value));
  if (plan.withSum) {
    const both = tf.add(tf.mul(g, asColumn(upstream.value)), asColumn(upstream.sum!));
    g = tf.mul(both, chunk.others!);
  }
  const h = productGradient(g, chunk, inputs, plan);
  const divided = chunk.inverse ? (tf.mul(h, chunk.inverse) as tf.Tensor2D) : h;
  return {
    byProducts: chunk.isUnit ? h : divided,
    divided,
    radial: tf.matMul(row, tf.mul(h, chunk.products) as tf.Tensor2D),
    bias: inputs.bias && tf.matMul(row, g as tf.Tensor2D),
  };
}

/** d loss / d products: the slope of the transform, and which sub-centre it was. */
function productGradient(
  g: tf.Tensor,
  { cosines, products }: ChunkLogits,
  { parameters, scale }: OthersInputs,
  { transform, exactSlope, subCenters }: OthersPlan,
): tf.Tensor2D {
  const slope = exactSlope ? transform?.slope(cosines, parameters) : undefined;
  let h = slope ? tf.mul(g, slope) : g;
  if (transform) h = tf.mul(h, scale);
  if (subCenters === 1) return h as tf.Tensor2D;
  const [batch, classes] = cosines.shape;
  const each = tf.reshape(products, [batch, classes, subCenters]);
  const wins = tf.cast(tf.equal(each, tf.reshape(cosines, [batch, classes, 1])), 'float32');
  // At the true class, hidden in the cosines, none wins; h is 0 there.
  const share = tf.div(tf.reshape(h, [batch, classes, 1]), tf.maximum(tf.sum(wins, 2, true), 1));
  return tf.reshape(tf.mul(wins, share), [batch, classes * subCenters]);
}

/** d loss / d w = (sum_i h_i x_i - w^ <w^, that sum>) / |w|. */
function centresGradient(
  { divided, radial }: ChunkSlopes,
  weighted: tf.Tensor2D,
  { centres, isUnit, inverse }: ChunkLogits,
): tf.Tensor2D {
  return tf.tidy(() => {
    const whole = tf.matMul(divided, weighted, true, false) as tf.Tensor2D;
    if (!inverse) return whole;
    const along = tf.mul(radial, inverse);
    const shrink = tf.reshape(isUnit ? along : tf.mul(along, inverse), [-1, 1]);
    return tf.sub(whole, tf.mul(centres, shrink)) as tf.Tensor2D;
  });
}

function biasGradient(parts: readonly tf.Tensor[], bias: tf.Tensor): tf.Tensor {
  const whole = parts.length === 1 ? parts[0]! : tf.concat(parts as tf.Tensor[], 1);
  return bias.rank === 0 ? tf.sum(whole) : tf.reshape(whole, bias.shape);
}
