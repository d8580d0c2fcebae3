import * as tf from '@tensorflow/tfjs-core';
import {
  checkDType,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkOneOf,
  checkRank,
  checkShape,
  type Key,
  OptionError,
  ShapeError,
} from '@tfkit/core';
import { checkMargin } from '../margins/checks';
import type { Margin, MarginState } from '../margins/margin';
import { assemble } from './assemble';
import { rowsOfTensor } from './classRows';
import { fusedLogits } from './fused';
import { type Labels, labelTensor } from './labels';
import { lossOf, targetLogits } from './lossOf';
import { type Reduction, reduceLoss, reductions } from './reduce';

export interface MarginLossOptions {
  /** 'mean' divides by the sum of the sample weights. 'none' gives [batch]. Default 'mean'. */
  readonly reduction?: Reduction;
  /** float32 [batch]: what each sample's loss is multiplied by. Default 1. */
  readonly sampleWeights?: tf.Tensor1D;
  /** Samples with this label count nothing. It may lie outside [0, numClasses). Default: none. */
  readonly ignoreLabel?: number;
  /** epsilon in [0, 1): the share of the target probability that is spread over all classes alike. Default 0. */
  readonly labelSmoothing?: number;
  /** float32 [numClasses], added to the logits; for `sphereFace2` a scalar. Trainable. Default: none. */
  readonly bias?: tf.Tensor;
  /** A scalar in place of the method's scale; trainable where other classes' cosines are not transformed. */
  readonly scale?: tf.Tensor;
  /** The running numbers of a method that has some: `createState(margin)`. Updated by the call. */
  readonly state?: MarginState;
  /** float32 [batch], in place of the method's margin (arcFace, cosFace, amSoftmax, elasticFace). Not trained. */
  readonly margins?: tf.Tensor1D;
  /** For elasticFace: what its margins are drawn from. */
  readonly key?: Key;
  /** Classes worked on at a time. The result does not depend on it beyond rounding. Default: by backend and shapes. */
  readonly chunk?: number;
}

const knownOptions = [
  'reduction',
  'sampleWeights',
  'ignoreLabel',
  'labelSmoothing',
  'bias',
  'scale',
  'state',
  'margins',
  'key',
  'chunk',
] as const satisfies readonly (keyof MarginLossOptions)[];

/**
 * The loss of a batch under a margin: cross-entropy of the adjusted logits (for `sphereFace2` the sum of its logistic
 * losses). Normalisation, margin, scale, softmax and cross-entropy are one op with one gradient: memory is
 * O(batch x chunk) beside the gradient itself, the loss is not clamped, and p_y near 1 costs no digits.
 *
 * Norms from 1e-20 to 1e20 are fine; a zero vector has cosine 0 with every class and gradient 0. NaN in an embedding
 * gives NaN for that sample's loss, and for the gradient of all class centres. An unchecked label outside [0, numClasses)
 * (see `validateLabels`) gives NaN for its sample.
 *
 * @param embeddings float32 [batch, features]; need not be unit length.
 * @param weights float32 [numClasses, features], one row per class centre; with `subCenter` [numClasses * count, features].
 * @param labels class ids in [0, numClasses): int32 tensor [batch], or numbers (which are checked).
 * @param margin `arcFace()`, `cosFace()`, ...
 * @returns float32 scalar, or [batch] for reduction 'none'. Differentiable once, by embeddings, weights, bias and scale.
 *   The caller disposes it.
 * @throws ShapeError for wrong ranks, sizes or an empty batch; ValueError for a label out of range; OptionError otherwise.
 *
 * @example
 * const margin = arcFace({ margin: 0.5, scale: 64 });
 * const weights = tf.variable(tf.randomNormal([numClasses, features]));
 * optimizer.minimize(() => marginLoss(model.apply(images), weights, labels, margin));
 */
export function marginLoss(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: Labels,
  margin: Margin,
  options: MarginLossOptions = {},
): tf.Tensor {
  const name = 'marginLoss';
  checkInputs(name, embeddings, weights, margin, options);
  return tf.tidy(() => {
    const [batch] = embeddings.shape;
    const numClasses = weights.shape[0] / margin.subCenters;
    const { reduction = 'mean', sampleWeights, ignoreLabel } = options;
    const ids = labelTensor(name, labels, batch, numClasses, ignoreLabel);
    const losses = sampleLosses(name, embeddings, weights, ids, margin, options);
    if (ignoreLabel === undefined) return reduceLoss(losses, sampleWeights, reduction);
    // Chosen, not multiplied: the loss at a label outside the classes is NaN.
    const counts = tf.notEqual(ids, ignoreLabel);
    const kept = tf.where(counts, losses, tf.zerosLike(losses)) as tf.Tensor1D;
    const countsAs = tf.cast(counts, 'float32');
    const each = (sampleWeights ? tf.mul(sampleWeights, countsAs) : countsAs) as tf.Tensor1D;
    return reduceLoss(kept, each, reduction);
  });
}

/** [batch]: the loss of each sample; NaN for labels outside the classes. */
function sampleLosses(
  name: string,
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: tf.Tensor1D,
  margin: Margin,
  options: MarginLossOptions,
): tf.Tensor1D {
  const assembled = assemble(name, embeddings, rowsOfTensor(weights), labels, margin, options);
  const { plan, norms, inside } = assembled;
  const inputs = { ...assembled.inputs, weights };
  const { scale, bias, targetRows } = inputs;
  const [others, sum, target] = tf.unstack(fusedLogits(inputs, margin, plan)) as [
    tf.Tensor1D,
    tf.Tensor1D,
    tf.Tensor1D,
  ];
  const targetLogit = targetLogits(margin, target, scale, norms, bias, targetRows);
  const numClasses = weights.shape[0] / margin.subCenters;
  const losses = lossOf(margin, others, targetLogit, {
    labelSmoothing: options.labelSmoothing ?? 0,
    sum,
    numClasses,
  });
  const total = margin.fromNorms ? tf.add(losses, margin.fromNorms.penalty(norms)) : losses;
  return tf.where(inside, total, tf.fill(total.shape, NaN)) as tf.Tensor1D;
}

/** Ranks, sizes and options. */
export function checkInputs(
  name: string,
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  margin: Margin,
  options: MarginLossOptions,
): void {
  checkRank([name, 'embeddings'], embeddings, 2, '[batch, features]');
  checkRank([name, 'weights'], weights, 2, '[numClasses, features]');
  checkDType([name, 'embeddings'], embeddings, ['float32', 'int32']);
  checkDType([name, 'weights'], weights, ['float32', 'int32']);
  const [batch, features] = embeddings.shape;
  const [numRows] = weights.shape;
  if (batch === 0)
    throw new ShapeError(`${name}: embeddings must hold at least one sample, got [0, ${features}].`);
  checkShape(
    [name, 'weights'],
    weights,
    [null, features],
    'Class centres have the features of the embeddings.',
  );
  checkMargin(name, margin);
  const { subCenters } = margin;
  checkInteger([name, 'margin.subCenters'], subCenters, { min: 1 });
  if (numRows === 0 || numRows % subCenters !== 0) {
    throw new ShapeError(
      `${name}: weights must have ${subCenters === 1 ? 'at least one row' : `${subCenters} rows a class`}, got ${numRows} rows.`,
    );
  }
  checkOptions(name, margin, options, [batch, numRows / subCenters]);
}

function checkOptions(
  name: string,
  margin: Margin,
  options: MarginLossOptions,
  [batch, numClasses]: readonly [number, number],
): void {
  checkKnownOptions(name, options, knownOptions);
  const { reduction, sampleWeights, ignoreLabel, labelSmoothing, bias, scale, margins, chunk } = options;
  if (reduction !== undefined) checkOneOf([name, 'reduction'], reduction, reductions);
  if (sampleWeights) checkShape([name, 'sampleWeights'], sampleWeights, [batch]);
  if (margins) checkShape([name, 'margins'], margins, [batch]);
  if (ignoreLabel !== undefined) checkInteger([name, 'ignoreLabel'], ignoreLabel);
  if (labelSmoothing !== undefined) {
    checkNumber([name, 'labelSmoothing'], labelSmoothing, { min: 0, max: 1, open: 'max' });
    const binary = margin.loss === 'binary' && labelSmoothing > 0;
    if (binary)
      throw new OptionError(`${name}: labelSmoothing must be 0 for ${margin.name}, got ${labelSmoothing}.`);
  }
  if (bias) checkShape([name, 'bias'], bias, margin.loss === 'binary' ? [] : [numClasses]);
  if (scale) {
    checkShape([name, 'scale'], scale, [], 'It is one number: tf.scalar(s) or a variable.');
    if (margin.others) {
      throw new OptionError(
        `${name}: scale must be given to ${margin.name}() itself, which transforms other classes, got a tensor.`,
      );
    }
  }
  if (chunk !== undefined) checkInteger([name, 'chunk'], chunk, { min: 1 });
}
