/** What comes before the fused op: lengths, the true class's row, the method's own step, its margins. */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, OptionError } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import { checkMargin } from '../margins/checks';
import type { Angle, Batch, Margin, MarginState } from '../margins/margin';
import { type OthersPlan, unitRows } from './chunk';
import { type ClassRows, chooseChunk } from './classRows';
import { detached } from './detached';
import { forwardOthers } from './others';
import { angleBetween } from './target';

export interface Lengths {
  readonly unit: tf.Tensor2D;
  /** |x|, [batch]. Differentiable. */
  readonly norms: tf.Tensor1D;
}

/** x / |x| and |x|, for any float32 length. */
export function lengthsOf(embeddings: tf.Tensor2D): Lengths {
  const unit = safeNormalize(embeddings);
  return { unit, norms: tf.sum(tf.mul(embeddings, unit), 1) as tf.Tensor1D };
}

/** The scale above which exp(scale * bound) could leave the float32 range when a million of them are added. */
const safeExponent = 70;

export function planOthers(
  margin: Margin,
  batch: number,
  classes: ClassRows,
  options: {
    readonly chunk?: number;
    readonly withSum: boolean;
    readonly freeScale: boolean;
    readonly hasBias: boolean;
  },
): OthersPlan {
  const { subCenters, others } = margin;
  const numClasses = classes.numRows / subCenters;
  const bounded = margin.normalize === 'both' && !options.freeScale && !options.hasBias;
  return {
    normalizeWeights: margin.normalize !== 'none',
    transform: others,
    exactSlope: margin.gradient === 'exact',
    binary: margin.loss === 'binary',
    withSum: options.withSum,
    subCenters,
    overflows: !(bounded && margin.scale * (others?.bound ?? 1) <= safeExponent),
    chunk: Math.min(
      numClasses,
      options.chunk ?? chooseChunk(numClasses, subCenters, batch, classes.features),
    ),
  };
}

/**
 * The row of each sample's class, int32 [batch]: its label, or that of the closest of its sub-centres. Labels outside
 * the classes give row 0, for a loss that is not counted.
 */
export function targetRowsOf(
  labels: tf.Tensor1D,
  unit: tf.Tensor2D,
  classes: ClassRows,
  subCenters: number,
): tf.Tensor1D {
  const numClasses = classes.numRows / subCenters;
  const known = tf.where(isInside(labels, numClasses), labels, tf.zerosLike(labels)) as tf.Tensor1D;
  if (subCenters === 1) return known;
  return detached(() => {
    const first = tf.mul(known, tf.scalar(subCenters, 'int32'));
    const cosines = Array.from({ length: subCenters }, (_, k) => {
      const rows = classes.gather(tf.add(first, tf.scalar(k, 'int32')) as tf.Tensor1D);
      return tf.sum(tf.mul(unitRows(rows).centres, unit), 1);
    });
    return tf.add(first, tf.argMax(tf.stack(cosines, 1), 1)) as tf.Tensor1D;
  });
}

export const isInside = (labels: tf.Tensor1D, numClasses: number): tf.Tensor1D =>
  tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, numClasses));

export interface PreparedBatch {
  readonly scale: tf.Tensor | undefined;
  readonly margins: tf.Tensor1D | undefined;
  readonly parameters: tf.Tensor | undefined;
}

export interface PreparationInputs {
  readonly margin: Margin;
  /** Angles to the true classes, when the method asks for them; not recorded. */
  angle(): Angle;
  readonly norms: tf.Tensor1D;
  readonly valid: tf.Tensor1D;
  readonly state: MarginState | undefined;
  readonly margins: tf.Tensor1D | undefined;
  logSumExpOfOthers(scale: tf.Tensor): tf.Tensor1D;
}

/** Runs the method's own step, if it has one. */
export function prepareBatch(functionName: string, inputs: PreparationInputs): PreparedBatch {
  const { margin, margins, norms } = inputs;
  const given = margin.fromNorms ? margin.fromNorms.margins(norms) : margins;
  const none: PreparedBatch = { scale: undefined, margins: given, parameters: undefined };
  if (!margin.prepare) return none;
  const state = checkedState(functionName, margin, inputs.state);
  const { gives, compute } = margin.prepare;
  const made = detached(() => {
    const { valid, logSumExpOfOthers } = inputs;
    const batch: Batch = { angle: inputs.angle(), norms, valid, state, logSumExpOfOthers };
    return compute(batch, given);
  });
  return { ...none, [gives]: made };
}

function checkedState(functionName: string, margin: Margin, state: MarginState | undefined): MarginState {
  const needed = Object.keys(margin.initialState ?? {});
  if (needed.every((name) => state?.[name])) return state ?? {};
  throw new OptionError(
    `${functionName}: options.state must hold ${needed.join(' and ')} for ${margin.name}, got ` +
      `${state ? Object.keys(state).join(', ') || 'none' : 'no state'}. Create it once: createState(margin).`,
  );
}

/**
 * The running numbers of a method at their start, as non-trainable variables: pass them to every `marginLoss` of a
 * training run as `options.state`; each call updates them. Empty for methods without state. The caller disposes them.
 *
 * @throws OptionError if `margin` is none.
 */
export function createState(margin: Margin): MarginState {
  checkMargin('createState', margin);
  return Object.fromEntries(
    Object.entries(margin.initialState ?? {}).map(([name, value]) => [
      name,
      tf.tidy(() => tf.variable(tf.scalar(value), false)),
    ]),
  );
}

/** The margins of the samples: given, or drawn from a key. */
export function marginsOf(
  functionName: string,
  margin: Margin,
  batch: number,
  { margins, key }: { readonly margins?: tf.Tensor1D; readonly key?: Key },
): tf.Tensor1D | undefined {
  if (margins && !margin.perSampleMargins) {
    throw new OptionError(
      `${functionName}: options.margins must be absent for ${margin.name}, got a tensor.`,
    );
  }
  if (margins || !margin.drawMargins) return margins;
  if (!key) {
    throw new OptionError(
      `${functionName}: options.key must be given for ${margin.name}, which draws a margin for each sample, got none. ` +
        `Fold the step into a key: foldIn(key(0), step); or give options.margins.`,
    );
  }
  return tf.tensor1d(margin.drawMargins(key, batch));
}

/** The log-sum-exp over other classes of scale * cos, before any transform: what AdaCos sets its scale by. */
export function plainLogSumExp(
  unit: tf.Tensor2D,
  labels: tf.Tensor1D,
  classes: ClassRows,
  plan: OthersPlan,
  scale: tf.Tensor,
): tf.Tensor1D {
  const plain: OthersPlan = { ...plan, transform: undefined, withSum: false, overflows: true };
  return forwardOthers({ x: unit, classes, labels, scale, bias: undefined, parameters: undefined }, plain)
    .value;
}

export const angleTo = (unit: tf.Tensor2D, classes: ClassRows, targetRows: tf.Tensor1D): Angle =>
  angleBetween(unit, unitRows(classes.gather(targetRows)).centres);
