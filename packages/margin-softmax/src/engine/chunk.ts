/** One chunk of classes: its products with the batch, and the logits made of them. */
import * as tf from '@tensorflow/tfjs-core';
import type { OthersTransform, RowParameters } from '../margins/margin';
import type { ClassRows } from './classRows';
import { inPlace } from './inPlace';
import { rowNorms } from './rowNorms';

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

/** exp of it is 0, and its products with 0 are 0. */
export const never = () => (tf.backend().floatPrecision() === 16 ? -6e4 : -1e30);

export interface ChunkRange {
  /** Which chunk it is. */
  readonly index: number;
  /** The first class and the number of classes. */
  readonly start: number;
  readonly count: number;
  /** The same in rows of the weights. */
  readonly row: number;
  readonly rows: number;
}

export function* chunksOf(numRows: number, { chunk, subCenters }: OthersPlan): Generator<ChunkRange> {
  const numClasses = numRows / subCenters;
  for (let start = 0, index = 0; start < numClasses; start += chunk, index++) {
    const count = Math.min(chunk, numClasses - start);
    yield { index, start, count, row: start * subCenters, rows: count * subCenters };
  }
}

/** x, times the scale where nothing happens between product and scale. */
export function scaledRows({ x, scale }: OthersInputs, { transform }: OthersPlan): tf.Tensor2D {
  return transform ? x : (tf.mul(x, scale) as tf.Tensor2D);
}

export interface ChunkLogits {
  /** [rows, features]: what the products were taken with: the class centres, divided by their length if `isUnit`. */
  readonly centres: tf.Tensor2D;
  readonly isUnit: boolean;
  /** [1, rows]: 1 / |w|, where normalised. */
  readonly inverse: tf.Tensor2D | undefined;
  /** [batch, rows]: `rows` times centres, of unit length where normalised. */
  readonly products: tf.Tensor2D;
  /** [batch, classes]: the largest product of each class's sub-centres. */
  readonly cosines: tf.Tensor2D;
  /** [batch, classes]: z, `never` at the true class. */
  readonly logits: tf.Tensor2D;
  /** [batch, classes]: 0 at the true class, else 1; only where the sum of z is wanted. */
  readonly others: tf.Tensor2D | undefined;
}

/** What the forward pass left for the backward one. */
export interface KnownChunk {
  readonly inverse: tf.Tensor2D | undefined;
  readonly products: tf.Tensor2D | undefined;
}

export function chunkLogits(
  rows: tf.Tensor2D,
  inputs: OthersInputs,
  plan: OthersPlan,
  range: ChunkRange,
  hidden: LeaveOut,
  known?: KnownChunk,
): ChunkLogits {
  const { transform, subCenters, withSum } = plan;
  const { bias, scale, parameters } = inputs;
  const weights = inputs.classes.slice(range.row, range.rows);
  const { centres, isUnit, inverse } = plan.normalizeWeights
    ? divisible(weights, known?.inverse)
    : { centres: weights, isUnit: true, inverse: undefined };
  const products = known?.products ?? unitProducts(rows, centres, isUnit ? undefined : inverse);
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
  // Products that were the logits themselves were kept with the true class hidden.
  const logits = known?.products === z ? known.products : hidden.apply(z as tf.Tensor2D, range);
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
  known: tf.Tensor2D | undefined,
): Pick<ChunkLogits, 'centres' | 'isUnit'> & { readonly inverse: tf.Tensor2D } {
  if (inPlace()) {
    const inverse = known ?? (tf.div(1, asRow(rowNorms(weights))) as tf.Tensor2D);
    const isOrdinary = (value: number) => value >= ordinary.least && value <= ordinary.most;
    if (inverse.dataSync().every(isOrdinary)) return { centres: weights, isUnit: false, inverse };
  }
  const { centres, inverse } = unitRows(weights, known);
  return { centres, inverse: known ?? asRow(inverse), isUnit: true };
}

/** rows times centres, divided by the lengths where the centres are not. */
const unitProducts = (
  rows: tf.Tensor2D,
  centres: tf.Tensor2D,
  inverse: tf.Tensor2D | undefined,
): tf.Tensor2D =>
  tf.tidy(() => {
    const products = tf.matMul(rows, centres, false, true);
    return (inverse ? tf.mul(products, inverse) : products) as tf.Tensor2D;
  });

const asRow = (values: tf.Tensor1D): tf.Tensor2D => tf.reshape(values, [1, values.shape[0]]);
export const asColumn = (values: tf.Tensor1D): tf.Tensor2D => tf.reshape(values, [values.shape[0], 1]);

/** Rows divided by their length, for lengths over the whole float32 range; zero rows stay zero. */
export function unitRows(
  weights: tf.Tensor2D,
  known?: tf.Tensor2D,
): { readonly centres: tf.Tensor2D; readonly inverse: tf.Tensor1D } {
  const count = weights.shape[0];
  if (known) {
    const inverse = tf.reshape(known, [count]) as tf.Tensor1D;
    return { centres: tf.mul(weights, asColumn(inverse)) as tf.Tensor2D, inverse };
  }
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

export interface LeaveOut {
  /** `z` with `never` at the true classes. May write into z. */
  apply(z: tf.Tensor2D, range: ChunkRange): tf.Tensor2D;
  /** 1 at the true classes, else 0. */
  mask(range: ChunkRange): tf.Tensor2D;
}

/** Hides the true class of each sample; by writing single elements where the backend can. */
export function leaveOut(labels: tf.Tensor1D, batch: number): LeaveOut {
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
