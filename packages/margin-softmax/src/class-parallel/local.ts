/** What one rank computes by itself, between the reductions. */
import * as tf from '@tensorflow/tfjs-core';
import type { OthersPlan } from '../engine/chunk';
import { type ClassRows, rowBuffer, rowsOfTensor } from '../engine/classRows';
import { type FusedInputs, othersInputs, targetInputs } from '../engine/fused';
import { backwardOthers, forwardOthers, type OthersResult } from '../engine/others';
import { type PartGradients, partGradients } from '../engine/parts';
import { lengthsOf, planOthers, targetRowsOf } from '../engine/prepare';
import { backwardTarget, forwardTarget } from '../engine/target';
import type { Margin } from '../margins/margin';
import type { LossAndGradientsOptions } from './lossAndGradients';
import type { GatheredBatch, ReducedForward } from './reductions';
import { type ClassShard, positionsOf } from './sampling';

/** Hands tensors to the function that will dispose them. */
export type Own = <T extends tf.Tensor>(tensor: T) => T;

/** Runs `compute` in a tidy and hands over each tensor of its result. */
export function ownAll<T extends object>(own: Own, compute: () => T): T {
  const result = tf.tidy(() => compute() as unknown as tf.TensorContainer) as unknown as T;
  for (const value of Object.values(result)) if (value instanceof tf.Tensor) own(value);
  return result;
}

export interface LocalProblem {
  readonly classes: ClassRows;
  readonly plan: OthersPlan;
  readonly embeddings: tf.Tensor2D;
  /** int32 [batch of all ranks]: the row of each sample's class here, -1 where another rank has it. */
  readonly labels: tf.Tensor1D;
  /** int32, the same with 0 for -1. */
  readonly targetRows: tf.Tensor1D;
  /** 1 where this rank has the sample's class, else 0. */
  readonly owned: tf.Tensor1D;
  /** 1 where the sample counts. */
  readonly valid: tf.Tensor1D;
  readonly unit: tf.Tensor2D;
  readonly norms: tf.Tensor1D;
}

export function localProblem(
  { embeddings, labels }: GatheredBatch,
  weights: tf.Tensor2D,
  { start }: ClassShard,
  margin: Margin,
  options: LossAndGradientsOptions,
  own: Own,
): LocalProblem {
  const { sampledClasses, ignoreLabel, labelSmoothing = 0, bias, chunk } = options;
  const rows = sampledClasses
    ? own(tf.tidy(() => tf.gather(weights, tf.tensor1d(sampledClasses, 'int32'))))
    : weights;
  const classes = rowsOfTensor(rows as tf.Tensor2D);
  const shifted = labels.map((label) => label - start);
  const local = sampledClasses
    ? positionsOf(shifted, sampledClasses)
    : shifted.map((label) => (label >= 0 && label < classes.numRows ? label : -1));
  const flags = (isSet: (i: number) => boolean) =>
    tf.tensor1d(Float32Array.from(labels, (_, i) => (isSet(i) ? 1 : 0)));
  const plan = planOthers(margin, labels.length, classes, {
    chunk,
    withSum: labelSmoothing > 0,
    freeScale: margin.prepare?.gives === 'scale',
    hasBias: bias !== undefined,
  });
  const tensors = ownAll(own, () => {
    const lengths = lengthsOf(embeddings);
    const ids = tf.tensor1d(local, 'int32');
    return {
      ...lengths,
      labels: ids,
      targetRows: targetRowsOf(ids, lengths.unit, classes, 1),
      owned: flags((i) => local[i]! >= 0),
      valid: flags((i) => labels[i] !== ignoreLabel),
    };
  });
  return { classes, plan, embeddings, ...tensors };
}

/** The inputs of the fused op but for the weights. */
export type LocalInputs = Omit<FusedInputs, 'weights'>;

export interface LocalForward extends OthersResult {
  /** The adjusted cosine of the true class, 0 where another rank has it. */
  readonly target: tf.Tensor1D;
}

export function localForward(
  { classes, plan, owned }: LocalProblem,
  inputs: LocalInputs,
  margin: Margin,
  own: Own,
): LocalForward {
  return ownAll(own, () => ({
    ...forwardOthers(othersInputs(inputs, classes), plan),
    target: tf.mul(forwardTarget(targetInputs(inputs, classes), margin), owned) as tf.Tensor1D,
  }));
}

/** The loss of the whole batch and its gradients by the reduced numbers: the same on every rank. */
export function lossParts(
  reduced: ReducedForward,
  { norms, targetRows, valid }: LocalProblem,
  { scale, bias }: LocalInputs,
  margin: Margin,
  { labelSmoothing = 0 }: LossAndGradientsOptions,
  own: Own,
): PartGradients {
  return ownAll(own, () =>
    partGradients(
      {
        others: tf.tensor1d(reduced.others),
        sum: reduced.sum ? tf.tensor1d(reduced.sum) : (tf.zerosLike(norms) as tf.Tensor1D),
        target: tf.tensor1d(reduced.target),
        norms,
      },
      {
        margin,
        scale,
        bias,
        targetRows,
        numClasses: reduced.numSampled,
        labelSmoothing,
        weights: valid,
      },
    ),
  );
}

export interface LocalGradients {
  readonly x: tf.Tensor2D;
  readonly unit: tf.Tensor2D;
  readonly margins: tf.Tensor1D;
  readonly rows: tf.Tensor2D;
  readonly bias: tf.Tensor | undefined;
}

export function localBackward(
  { classes, plan, owned, norms }: LocalProblem,
  inputs: LocalInputs,
  margin: Margin,
  { forward, reduced, parts }: { forward: LocalForward; reduced: ReducedForward; parts: PartGradients },
  own: Own,
): LocalGradients {
  return ownAll(own, () => {
    // By this rank's log-sum-exp: by the whole one, times this rank's share of it.
    const share = plan.binary
      ? tf.onesLike(parts.others)
      : tf.exp(tf.sub(forward.value, tf.tensor1d(reduced.others)));
    const upstream = {
      value: tf.mul(parts.others, share) as tf.Tensor1D,
      sum: plan.withSum ? parts.sum : undefined,
    };
    const buffer = rowBuffer([classes.numRows, classes.features]);
    try {
      const others = backwardOthers(othersInputs(inputs, classes), plan, forward, upstream, buffer.write);
      const target = backwardTarget(
        targetInputs(inputs, classes),
        margin,
        tf.mul(parts.target, owned) as tf.Tensor1D,
      );
      return {
        x: tf.add(others.x, target.x) as tf.Tensor2D,
        unit: target.unit,
        margins: target.margins ?? (tf.zerosLike(norms) as tf.Tensor1D),
        bias: others.bias,
        rows: buffer.finish(inputs.targetRows, target.rows),
      };
    } catch (error) {
      buffer.dispose();
      throw error;
    }
  });
}
