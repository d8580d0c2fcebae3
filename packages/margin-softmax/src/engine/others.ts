/**
 * The other classes: log of the sum of exp(z_ij) (or the sum of softplus(z_ij)) over all classes j but the true one, for
 * each sample i, a chunk of classes at a time, and its gradient, for which each chunk is computed again. Memory is
 * O(batch x chunk) whatever the number of classes.
 *
 * Leaving the true class out is what makes p_y - 1 exact: it is minus the sum of the others' probabilities.
 */
import * as tf from '@tensorflow/tfjs-core';
import { softplus } from '@tfkit/core/tfjs';
import type { OthersTransform, RowParameters } from '../margins/margin';
import type { ClassRows } from './classRows';
import { inPlace } from './inPlace';

export interface OthersPlan {
  readonly normalizeWeights: boolean;
  readonly transform: OthersTransform | undefined;
  /** Whether the transform's slope enters the gradient (else 1). */
  readonly exactSlope: boolean;
  /** The sum of softplus instead of log-sum-exp. */
  readonly binary: boolean;
  /** Whether the plain sum of z is wanted too (label smoothing). */
  readonly withSum: boolean;
  readonly subCenters: number;
  /** Whether exp(z) may leave the float32 range, so that a running maximum is needed. */
  readonly overflows: boolean;
  /** Classes a chunk. */
  readonly chunk: number;
}

export interface OthersInputs {
  /** [batch, features], unit length or not. */
  readonly x: tf.Tensor2D;
  readonly classes: ClassRows;
  /** int32 [batch]: the class to leave out; outside [0, numClasses): none. */
  readonly labels: tf.Tensor1D;
  readonly scale: tf.Tensor;
  /** [numClasses], or a scalar. */
  readonly bias: tf.Tensor | undefined;
  readonly parameters: RowParameters | undefined;
}

export interface OthersResult {
  /** [batch]: log-sum-exp, or sum of softplus. */
  readonly value: tf.Tensor1D;
  /** [batch], if wanted: the sum of z. */
  readonly sum: tf.Tensor1D | undefined;
  /** [rows], if weights are normalised: 1 / |w|, 0 for a zero row. */
  readonly inverseNorms: tf.Tensor1D | undefined;
}

/** exp of it is 0, and its products with 0 are 0. */
const never = () => (tf.backend().floatPrecision() === 16 ? -6e4 : -1e30);

export function forwardOthers(inputs: OthersInputs, plan: OthersPlan): OthersResult {
  return tf.tidy(() => {
    const batch = inputs.x.shape[0];
    const rows = scaledRows(inputs, plan);
    const hidden = leaveOut(inputs.labels, batch);
    const zeros = tf.zeros([batch, 1]);
    let max: tf.Tensor = tf.fill([batch, 1], never());
    let total: tf.Tensor = zeros;
    let sum: tf.Tensor = zeros;
    const inverses: tf.Tensor1D[] = [];
    for (const range of chunksOf(inputs.classes.numRows, plan)) {
      const next = tf.tidy(() => {
        const chunk = chunkLogits(rows, inputs, plan, range, hidden);
        const z = chunk.logits;
        const part = plan.withSum ? tf.add(sum, tf.sum(tf.mul(z, chunk.others!), 1, true)) : sum;
        const inverse = chunk.inverse ? [chunk.inverse] : [];
        if (plan.binary) return [max, tf.add(total, tf.sum(softplus(z), 1, true)), part, ...inverse];
        if (!plan.overflows) return [max, tf.add(total, tf.sum(tf.exp(z), 1, true)), part, ...inverse];
        const high = tf.maximum(max, tf.max(z, 1, true));
        const kept = tf.mul(total, tf.exp(tf.sub(max, high)));
        return [high, tf.add(kept, tf.sum(tf.exp(tf.sub(z, high)), 1, true)), part, ...inverse];
      }) as tf.Tensor[];
      [max, total, sum] = next as [tf.Tensor, tf.Tensor, tf.Tensor];
      if (next[3]) inverses.push(next[3] as tf.Tensor1D);
    }
    const logSum = () => {
      const log = tf.log(tf.maximum(total, 1e-37));
      return plan.overflows ? tf.add(log, max) : log;
    };
    return {
      value: tf.reshape(plan.binary ? total : logSum(), [batch]),
      sum: plan.withSum ? tf.reshape(sum, [batch]) : undefined,
      inverseNorms: plan.normalizeWeights ? tf.concat1d(inverses) : undefined,
    };
  }) as unknown as OthersResult;
}

export interface OthersGradient {
  readonly x: tf.Tensor2D;
  readonly scale: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
}

/**
 * The gradient for upstream gradients of `value` and `sum`, [batch] each. That of the class centres is handed to `sink`
 * chunk by chunk, in order; the tensor is disposed afterwards.
 */
export function backwardOthers(
  inputs: OthersInputs,
  plan: OthersPlan,
  result: OthersResult,
  upstream: { readonly value: tf.Tensor1D; readonly sum: tf.Tensor1D | undefined },
  sink: ((start: number, gradient: tf.Tensor2D) => void) | undefined,
): OthersGradient {
  return tf.tidy(() => {
    const batch = inputs.x.shape[0];
    const rows = scaledRows(inputs, plan);
    const hidden = leaveOut(inputs.labels, batch);
    const column = (row: tf.Tensor1D) => tf.reshape(row, [batch, 1]);
    const value = column(result.value);
    // A factor of each sample is applied to the small side of a product, unless the sum of z adds a second term.
    const factor = plan.withSum ? tf.ones([batch, 1]) : column(upstream.value);
    const weighted = tf.mul(rows, factor) as tf.Tensor2D;
    const factorRow = tf.reshape(factor, [1, batch]) as tf.Tensor2D;
    let dx: tf.Tensor = tf.zerosLike(rows);
    let dScale: tf.Tensor = tf.scalar(0);
    const dBias: tf.Tensor[] = [];
    for (const range of chunksOf(inputs.classes.numRows, plan)) {
      const next = tf.tidy(() => {
        const inverse = result.inverseNorms && tf.slice(result.inverseNorms, range.row, range.rows);
        const chunk = chunkLogits(rows, inputs, plan, range, hidden, inverse);
        const z = chunk.logits;
        let g: tf.Tensor = plan.binary ? tf.sigmoid(z) : tf.exp(tf.sub(z, value));
        if (plan.withSum) {
          const both = tf.add(tf.mul(g, column(upstream.value)), column(upstream.sum!));
          g = tf.mul(both, chunk.others!);
        }
        const bias = inputs.bias ? [tf.matMul(factorRow, g as tf.Tensor2D)] : [];
        const h = productGradient(g, chunk, inputs, plan);
        const radial = tf.matMul(factorRow, tf.mul(h, chunk.products) as tf.Tensor2D);
        // Before the sink, which may replace the class centres.
        const gradients = productGradients(h, weighted, chunk, radial as tf.Tensor2D);
        const sums = [tf.add(dx, gradients.x), tf.add(dScale, tf.sum(radial)), ...bias];
        sink?.(range.row, gradients.weights());
        return sums;
      }) as tf.Tensor[];
      tf.dispose([dx, dScale]);
      [dx, dScale] = next as [tf.Tensor, tf.Tensor];
      if (next[2]) dBias.push(next[2]);
    }
    const linear = plan.transform === undefined;
    const dRows = tf.mul(dx, factor);
    return {
      x: linear ? tf.mul(dRows, inputs.scale) : dRows,
      scale: linear ? tf.div(dScale, inputs.scale) : tf.scalar(0),
      bias: inputs.bias && biasGradient(dBias, inputs.bias),
    };
  }) as unknown as OthersGradient;
}

interface ChunkRange {
  /** The first class and the number of classes. */
  readonly start: number;
  readonly count: number;
  /** The same in rows of the weights. */
  readonly row: number;
  readonly rows: number;
}

export function* chunksOf(numRows: number, { chunk, subCenters }: OthersPlan): Generator<ChunkRange> {
  const numClasses = numRows / subCenters;
  for (let start = 0; start < numClasses; start += chunk) {
    const count = Math.min(chunk, numClasses - start);
    yield { start, count, row: start * subCenters, rows: count * subCenters };
  }
}

/** x, times the scale where nothing happens between product and scale. */
function scaledRows({ x, scale }: OthersInputs, { transform }: OthersPlan): tf.Tensor2D {
  return transform ? x : (tf.mul(x, scale) as tf.Tensor2D);
}

interface ChunkLogits {
  /** [rows, features]: what the products were taken with: the class centres, divided by their length if `isUnit`. */
  readonly centres: tf.Tensor2D;
  readonly isUnit: boolean;
  /** [rows]: 1 / |w|, where normalised. */
  readonly inverse: tf.Tensor1D | undefined;
  /** [batch, rows]: `rows` times centres, of unit length where normalised. */
  readonly products: tf.Tensor2D;
  /** [batch, classes]: the largest product of each class's sub-centres. */
  readonly cosines: tf.Tensor2D;
  /** [batch, classes]: z, `never` at the true class. */
  readonly logits: tf.Tensor2D;
  /** [batch, classes]: 0 at the true class, else 1; only where the sum of z is wanted. */
  readonly others: tf.Tensor2D | undefined;
}

/** [batch, classes]: all logits at once, very low at the true class. */
export function othersLogits(inputs: OthersInputs, plan: OthersPlan): tf.Tensor2D {
  const [whole] = chunksOf(inputs.classes.numRows, { ...plan, chunk: inputs.classes.numRows });
  const hidden = leaveOut(inputs.labels, inputs.x.shape[0]);
  return chunkLogits(scaledRows(inputs, plan), inputs, plan, whole!, hidden).logits;
}

function chunkLogits(
  rows: tf.Tensor2D,
  inputs: OthersInputs,
  plan: OthersPlan,
  range: ChunkRange,
  hidden: LeaveOut,
  knownInverse?: tf.Tensor1D,
): ChunkLogits {
  const { transform, subCenters, withSum } = plan;
  const { bias, scale, parameters } = inputs;
  const weights = inputs.classes.slice(range.row, range.rows);
  const { centres, isUnit, inverse } = plan.normalizeWeights
    ? divisible(weights, knownInverse)
    : { centres: weights, isUnit: true, inverse: undefined };
  const raw = tf.matMul(rows, centres, false, true) as tf.Tensor2D;
  const products = isUnit ? raw : (tf.mul(raw, asRow(inverse!)) as tf.Tensor2D);
  const cosines =
    subCenters === 1
      ? products
      : (tf.max(tf.reshape(products, [rows.shape[0], range.count, subCenters]), 2) as tf.Tensor2D);
  let z: tf.Tensor = transform ? tf.mul(transform.value(cosines, parameters), scale) : cosines;
  if (bias) {
    const part = bias.rank === 0 ? bias : tf.slice(bias as tf.Tensor1D, range.start, range.count);
    z = tf.add(z, part);
  }
  const others = withSum ? (tf.sub(1, hidden.mask(range)) as tf.Tensor2D) : undefined;
  const logits = hidden.apply(z as tf.Tensor2D, range);
  return { centres, isUnit, inverse, products, cosines, logits, others };
}

/** Lengths whose squares, and whose products with unit vectors and their slopes, stay well inside float32. */
const ordinary = { least: 1e-12, most: 1e12 };

/**
 * Class centres and 1 / their length, for products. Where tensors lie in host memory and all lengths are ordinary, the
 * products are divided afterwards ([batch, rows] instead of [rows, features]); else the centres are.
 */
function divisible(
  weights: tf.Tensor2D,
  known: tf.Tensor1D | undefined,
): Pick<ChunkLogits, 'centres' | 'isUnit'> & { readonly inverse: tf.Tensor1D } {
  if (inPlace()) {
    const inverse = known ?? (tf.rsqrt(tf.sum(tf.square(weights), 1)) as tf.Tensor1D);
    const isOrdinary = (value: number) => value >= ordinary.least && value <= ordinary.most;
    if (inverse.dataSync().every(isOrdinary)) return { centres: weights, isUnit: false, inverse };
  }
  return { ...unitRows(weights, known), isUnit: true };
}

const asRow = (values: tf.Tensor1D): tf.Tensor2D => tf.reshape(values, [1, values.shape[0]]);
const asColumn = (values: tf.Tensor1D): tf.Tensor2D => tf.reshape(values, [values.shape[0], 1]);

/** Rows divided by their length, for lengths over the whole float32 range; zero rows stay zero. */
export function unitRows(
  weights: tf.Tensor2D,
  known?: tf.Tensor1D,
): { readonly centres: tf.Tensor2D; readonly inverse: tf.Tensor1D } {
  const count = weights.shape[0];
  if (known)
    return { centres: tf.mul(weights, tf.reshape(known, [count, 1])) as tf.Tensor2D, inverse: known };
  // First by the largest magnitude, so that no square overflows or vanishes.
  const largest = tf.maximum(tf.max(weights, 1, true), tf.neg(tf.min(weights, 1, true)));
  const isZero = tf.cast(tf.equal(largest, 0), 'float32');
  const divisor = tf.add(largest, isZero);
  const scaled = tf.div(weights, divisor);
  const norm = tf.sqrt(tf.add(tf.sum(tf.square(scaled), 1, true), isZero));
  const inverse = tf.mul(tf.sub(1, isZero), tf.div(tf.div(1, norm), divisor));
  return {
    centres: tf.div(scaled, norm) as tf.Tensor2D,
    inverse: tf.reshape(inverse, [count]) as tf.Tensor1D,
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

/**
 * dx += h w^ and d loss / d w = (sum_i h_i x_i - w^ <w^, that sum>) / |w|; <w^, that sum> is `radial`, [1, rows].
 */
function productGradients(
  h: tf.Tensor2D,
  weighted: tf.Tensor2D,
  { centres, isUnit, inverse }: ChunkLogits,
  radial: tf.Tensor2D,
): { readonly x: tf.Tensor2D; weights(): tf.Tensor2D } {
  if (!inverse) return { x: tf.matMul(h, centres), weights: () => tf.matMul(h, weighted, true, false) };
  const divided = tf.mul(h, asRow(inverse)) as tf.Tensor2D;
  return {
    x: tf.matMul(isUnit ? h : divided, centres),
    weights() {
      const along = tf.mul(tf.reshape(radial, [-1, 1]), asColumn(inverse));
      const shrink = isUnit ? along : tf.mul(along, asColumn(inverse));
      return tf.sub(tf.matMul(divided, weighted, true, false), tf.mul(centres, shrink));
    },
  };
}

function biasGradient(parts: readonly tf.Tensor[], bias: tf.Tensor): tf.Tensor {
  const whole = parts.length === 1 ? parts[0]! : tf.concat(parts as tf.Tensor[], 1);
  return bias.rank === 0 ? tf.sum(whole) : tf.reshape(whole, bias.shape);
}

interface LeaveOut {
  /** `z` with `never` at the true classes. May write into z. */
  apply(z: tf.Tensor2D, range: ChunkRange): tf.Tensor2D;
  /** 1 at the true classes, else 0. */
  mask(range: ChunkRange): tf.Tensor2D;
}

/** Hides the true class of each sample; by writing single elements where the backend can. */
function leaveOut(labels: tf.Tensor1D, batch: number): LeaveOut {
  const writer = inPlace();
  // These backends hold labels in host memory: reading them stops nothing.
  const known = writer && (labels.dataSync() as Int32Array);
  const isTrue = ({ start, count }: ChunkRange) =>
    tf.equal(tf.reshape(labels, [batch, 1]), tf.range(start, start + count, 1, 'int32'));
  return {
    mask: (range) => tf.cast(isTrue(range), 'float32') as tf.Tensor2D,
    apply(z, range) {
      if (!writer) return tf.where(isTrue(range), tf.fill(z.shape, never()), z);
      const indices: number[] = [];
      known!.forEach((label, i) => {
        const column = label - range.start;
        if (column >= 0 && column < range.count) indices.push(i * range.count + column);
      });
      writer.writeElements(z, Int32Array.from(indices), never());
      return z;
    },
  };
}
