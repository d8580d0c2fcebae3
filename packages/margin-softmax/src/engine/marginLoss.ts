import * as tf from '@tensorflow/tfjs-core';
import {
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
import { softplus } from '@tfkit/core/tfjs';
import type { Margin, MarginState } from '../margins/margin';
import { rowsOfTensor } from './classRows';
import { type FusedInputs, fusedLogits } from './fused';
import { type Labels, labelTensor } from './labels';
import type { OthersPlan } from './others';
import {
  angleTo,
  isInside,
  lengthsOf,
  marginsOf,
  plainLogSumExp,
  planOthers,
  prepareBatch,
  targetRowsOf,
} from './prepare';
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
  const { inputs, plan, norms, inside } = assemble(name, embeddings, weights, labels, margin, options);
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

interface Assembled {
  readonly inputs: FusedInputs;
  readonly plan: OthersPlan;
  readonly norms: tf.Tensor1D;
  /** Which labels are classes. */
  readonly inside: tf.Tensor1D;
}

/** The inputs of the fused op. Runs the method's own step, which updates its state. */
export function assemble(
  name: string,
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: tf.Tensor1D,
  margin: Margin,
  options: MarginLossOptions,
): Assembled {
  const [batch] = embeddings.shape;
  const { labelSmoothing = 0, bias, ignoreLabel } = options;
  const classes = rowsOfTensor(weights);
  const plan = planOthers(margin, batch, classes, {
    chunk: options.chunk,
    withSum: labelSmoothing > 0,
    freeScale: options.scale !== undefined || margin.prepare?.gives === 'scale',
    hasBias: bias !== undefined,
  });
  const { unit, norms } = lengthsOf(embeddings);
  const targetRows = targetRowsOf(labels, unit, classes, margin.subCenters);
  const inside = isInside(labels, classes.numRows / margin.subCenters);
  const counted =
    ignoreLabel === undefined ? inside : tf.logicalAnd(inside, tf.notEqual(labels, ignoreLabel));
  const prepared = prepareBatch(name, {
    margin,
    angle: () => angleTo(unit, classes, targetRows),
    norms,
    valid: tf.cast(counted, 'float32') as tf.Tensor1D,
    state: options.state,
    margins: marginsOf(name, margin, batch, options),
    logSumExpOfOthers: (scale) => plainLogSumExp(unit, labels, classes, plan, scale),
  });
  const scale = options.scale ?? prepared.scale ?? tf.scalar(margin.scale);
  const x = margin.normalize === 'both' ? unit : embeddings;
  const { margins, parameters } = prepared;
  const inputs = { x, unit, weights, scale, labels, targetRows, bias, margins, parameters };
  return { inputs, plan, norms, inside };
}

/** z_y: scale times the adjusted cosine (times |x| where embeddings are not normalised), plus the bias. */
export function targetLogits(
  margin: Margin,
  target: tf.Tensor,
  scale: tf.Tensor,
  norms: tf.Tensor1D,
  bias: tf.Tensor | undefined,
  targetRows: tf.Tensor1D,
): tf.Tensor1D {
  const scaled = tf.mul(target, scale);
  const long = margin.target && margin.normalize !== 'both' ? tf.mul(scaled, norms) : scaled;
  if (!bias) return long as tf.Tensor1D;
  return tf.add(long, bias.rank === 0 ? bias : tf.gather(bias as tf.Tensor1D, targetRows)) as tf.Tensor1D;
}

export interface SmoothingInputs {
  readonly labelSmoothing: number;
  /** The sum of the other classes' logits. */
  readonly sum: tf.Tensor1D;
  readonly numClasses: number;
}

/**
 * Cross-entropy as softplus(log-sum-exp of the others - z_y), whose slopes are the others' share q and -q: nothing
 * cancels when p_y = 1 - q is near 1. Smoothing adds epsilon (z_y - mean of all z).
 */
export function lossOf(
  margin: Margin,
  others: tf.Tensor1D,
  target: tf.Tensor1D,
  { labelSmoothing, sum, numClasses }: SmoothingInputs,
): tf.Tensor1D {
  if (margin.loss === 'binary') {
    const balance = margin.balance!;
    const own = tf.mul(softplus(tf.neg(target)), balance / margin.scale);
    return tf.add(own, tf.mul(others, (1 - balance) / margin.scale)) as tf.Tensor1D;
  }
  const loss = softplus(tf.sub(others, target)) as tf.Tensor1D;
  if (labelSmoothing === 0) return loss;
  const mean = tf.div(tf.add(target, sum), numClasses);
  return tf.add(loss, tf.mul(tf.sub(target, mean), labelSmoothing)) as tf.Tensor1D;
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
  const { subCenters } = margin;
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
