/** The chain rule by hand around the chunked passes, where no tape runs: in a head's step and in class-parallel losses. */
import * as tf from '@tensorflow/tfjs-core';
import type { Margin } from '../margins/margin';
import { lossOf, targetLogits } from './lossOf';
import type { Lengths } from './prepare';
import { reduceLoss } from './reduce';

/** What the loss is a function of, besides embeddings and class centres; all [batch]. */
export interface LossParts {
  readonly others: tf.Tensor1D;
  readonly sum: tf.Tensor1D;
  readonly target: tf.Tensor1D;
  readonly norms: tf.Tensor1D;
}

export interface LossContext {
  readonly margin: Margin;
  readonly scale: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
  readonly targetRows: tf.Tensor1D;
  readonly numClasses: number;
  readonly labelSmoothing: number;
  /** [batch]: what each sample counts in the mean. */
  readonly weights: tf.Tensor1D;
}

export interface PartGradients extends LossParts {
  readonly losses: tf.Tensor1D;
  /** The weighted mean, which the gradients are of. */
  readonly loss: tf.Tensor;
  /** By the bias through the true class's logit, [batch]. */
  readonly bias: tf.Tensor1D;
}

/** The mean loss, and its gradients by its parts. */
export function partGradients(parts: LossParts, context: LossContext): PartGradients {
  const { margin, scale, bias, targetRows, weights, labelSmoothing, numClasses } = context;
  const { others, sum, target, norms } = parts;
  const z = targetLogits(margin, target, scale, norms, bias, targetRows);
  const plain = lossOf(margin, others, z, { labelSmoothing, sum, numClasses });
  const losses = margin.fromNorms ? (tf.add(plain, margin.fromNorms.penalty(norms)) as tf.Tensor1D) : plain;
  const total = tf.sum(weights);
  const share = tf.div(weights, tf.add(total, tf.cast(tf.equal(total, 0), 'float32')));
  const slopes = lossSlopes(others, z, context);
  const dz = tf.mul(share, slopes.target) as tf.Tensor1D;
  const scaled = tf.mul(dz, scale);
  const isLong = margin.target !== undefined && margin.normalize !== 'both';
  const byNorms = isLong ? tf.mul(scaled, target) : tf.zerosLike(norms);
  const penalty = margin.fromNorms && tf.mul(share, margin.fromNorms.penaltySlope(norms));
  return {
    losses,
    loss: reduceLoss(losses, weights, 'mean'),
    others: tf.mul(share, slopes.others) as tf.Tensor1D,
    sum: tf.mul(share, -labelSmoothing / numClasses) as tf.Tensor1D,
    target: (isLong ? tf.mul(scaled, norms) : scaled) as tf.Tensor1D,
    norms: (penalty ? tf.add(byNorms, penalty) : byNorms) as tf.Tensor1D,
    bias: dz,
  };
}

/** The slopes of `lossOf` by the other classes' sum and by the true class's logit. */
function lossSlopes(
  others: tf.Tensor1D,
  z: tf.Tensor1D,
  { margin, labelSmoothing, numClasses }: LossContext,
): { others: tf.Tensor; target: tf.Tensor } {
  if (margin.loss === 'binary') {
    const balance = margin.balance!;
    return {
      others: tf.fill(z.shape, (1 - balance) / margin.scale),
      target: tf.mul(tf.sigmoid(tf.neg(z)), -balance / margin.scale),
    };
  }
  const q = tf.sigmoid(tf.sub(others, z));
  return { others: q, target: tf.sub(labelSmoothing * (1 - 1 / numClasses), q) };
}

export interface EmbeddingParts {
  /** By what the products take. */
  readonly x: tf.Tensor2D;
  /** By x / |x|. */
  readonly unit: tf.Tensor2D;
  readonly norms: tf.Tensor1D;
  /** By the margins, where they come from the norms. */
  readonly margins: tf.Tensor1D | undefined;
}

/** The gradient by the embeddings, from those by what was made of them; 0 through the direction of a zero vector. */
export function embeddingsGradient(
  { unit, norms }: Lengths,
  margin: Margin,
  parts: EmbeddingParts,
): tf.Tensor2D {
  const column = (row: tf.Tensor) => tf.reshape(row, [-1, 1]);
  const isZero = tf.cast(tf.equal(norms, 0), 'float32');
  const inverse = tf.div(tf.sub(1, isZero), tf.add(norms, isZero));
  const normalized = margin.normalize === 'both';
  const d = normalized ? tf.add(parts.unit, parts.x) : parts.unit;
  const tangent = tf.sub(d, tf.mul(unit, tf.sum(tf.mul(unit, d), 1, true)));
  const byMargins =
    margin.fromNorms && parts.margins && tf.mul(parts.margins, margin.fromNorms.marginsSlope(norms));
  const byNorms = byMargins ? tf.add(parts.norms, byMargins) : parts.norms;
  const through = tf.add(tf.mul(tangent, column(inverse)), tf.mul(unit, column(byNorms)));
  return (normalized ? through : tf.add(through, parts.x)) as tf.Tensor2D;
}
