/** The chain rule by hand around the chunked passes, where no tape runs: in a head's step and in class-parallel losses. */
import * as tf from '@tensorflow/tfjs-core';
import type { Margin } from '../margins/margin';
import { lossOf, targetLogits } from './lossOf';
import { lengthsOf } from './prepare';
import { type Reduction, reduceLoss } from './reduce';

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
  readonly reduction: Reduction;
  readonly weights: tf.Tensor1D | undefined;
}

export interface PartGradients extends LossParts {
  readonly losses: tf.Tensor1D;
  readonly loss: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
  readonly scale: tf.Tensor;
}

/** The loss, and its gradients by its parts. */
export function partGradients(parts: LossParts, context: LossContext): PartGradients {
  const { margin, labelSmoothing, numClasses, targetRows, reduction, weights } = context;
  const lossesOf = (p: LossParts, scale: tf.Tensor, bias: tf.Tensor | undefined) => {
    const logits = targetLogits(margin, p.target, scale, p.norms, bias, targetRows);
    const losses = lossOf(margin, p.others, logits, { labelSmoothing, sum: p.sum, numClasses });
    return margin.fromNorms ? (tf.add(losses, margin.fromNorms.penalty(p.norms)) as tf.Tensor1D) : losses;
  };
  const inputs = [parts.others, parts.sum, parts.target, parts.norms, context.scale];
  if (context.bias) inputs.push(context.bias);
  const { value, grads } = tf.valueAndGrads((...xs) => {
    const [others, sum, target, norms, scale, bias] = xs as [
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor,
      tf.Tensor?,
    ];
    // Each input has a path to the loss, or tfjs refuses to differentiate by it.
    const anchor = tf.mul(tf.add(tf.add(tf.sum(tf.add(sum, norms)), tf.sum(others)), scale), 0);
    return tf.add(
      reduceLoss(lossesOf({ others, sum, target, norms }, scale, bias), weights, reduction),
      anchor,
    );
  })(inputs);
  const [others, sum, target, norms, scale, bias] = grads as tf.Tensor1D[];
  return {
    losses: lossesOf(parts, context.scale, context.bias),
    loss: value,
    others: others!,
    sum: sum!,
    target: target!,
    norms: norms!,
    scale: scale!,
    bias,
  };
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

/** The gradient by the embeddings, from those by what was made of them. */
export function embeddingsGradient(
  embeddings: tf.Tensor2D,
  margin: Margin,
  { x, unit, norms, margins }: EmbeddingParts,
): tf.Tensor2D {
  const normalized = margin.normalize === 'both';
  const through = tf.grad((e: tf.Tensor) => {
    const lengths = lengthsOf(e as tf.Tensor2D);
    const byUnit = tf.sum(tf.mul(lengths.unit, normalized ? tf.add(unit, x) : unit));
    const byNorms = tf.sum(tf.mul(lengths.norms, norms));
    const sum = tf.add(byUnit, byNorms);
    if (!margin.fromNorms || !margins) return sum;
    return tf.add(sum, tf.sum(tf.mul(margin.fromNorms.margins(lengths.norms), margins)));
  })(embeddings) as tf.Tensor2D;
  return normalized ? through : (tf.add(through, x) as tf.Tensor2D);
}
