/** What the ranks tell each other: embeddings and labels, three numbers a sample, gradients by the embeddings. */
import * as tf from '@tensorflow/tfjs-core';
import type { Collective } from '@tfkit/core';
import { embeddingsGradient, type PartGradients } from '../engine/parts';
import {
  angleTo,
  lengthsOf,
  marginsOf,
  type PreparedBatch,
  plainLogSumExp,
  prepareBatch,
} from '../engine/prepare';
import type { Angle, Margin } from '../margins/margin';
import type { LocalForward, LocalGradients, LocalInputs, LocalProblem, Own } from './local';
import { ownAll } from './local';
import type { LossAndGradients, LossAndGradientsOptions } from './lossAndGradients';

export interface GatheredBatch {
  /** [batch of all ranks, features], in rank order. */
  readonly embeddings: tf.Tensor2D;
  readonly labels: Int32Array;
  /** Where this rank's samples start. */
  readonly start: number;
}

const floats = async (tensor: tf.Tensor) => (await tensor.data()) as Float32Array;

export async function gatherBatch(
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  collective: Collective,
  own: Own,
): Promise<GatheredBatch> {
  const features = embeddings.shape[1];
  const parts = await collective.allGather(await floats(embeddings));
  const labelParts = await collective.allGather(Int32Array.from(labels));
  const before = labelParts.slice(0, collective.rank);
  const all = concatenate(Float32Array, parts);
  return {
    embeddings: own(tf.tensor2d(all, [all.length / features, features])),
    labels: concatenate(Int32Array, labelParts),
    start: before.reduce((sum, part) => sum + part.length, 0),
  };
}

function concatenate<T extends Float32Array | Int32Array>(
  type: new (length: number) => T,
  parts: readonly T[],
): T {
  const whole = new type(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The method's own step, on angles and sums of all ranks, and what the local passes take. */
export async function prepareOverRanks(
  name: string,
  local: LocalProblem,
  margin: Margin,
  options: LossAndGradientsOptions,
  collective: Collective,
  own: Own,
): Promise<LocalInputs> {
  const { unit, norms, valid, labels, classes, plan, embeddings, targetRows } = local;
  const angle = margin.prepare && (await reduceAngles(local, collective, own));
  const sums =
    margin.prepare?.gives === 'scale' && options.state?.scale
      ? await reducePlainSums(local, options.state.scale, collective, own)
      : undefined;
  const prepared: PreparedBatch = ownAll(own, () =>
    prepareBatch(name, {
      margin,
      angle: () => angle!,
      norms,
      valid,
      state: options.state,
      margins: marginsOf(name, margin, embeddings.shape[0], options),
      logSumExpOfOthers: () => sums ?? plainLogSumExp(unit, labels, classes, plan, tf.scalar(1)),
    }),
  );
  return {
    x: margin.normalize === 'both' ? unit : embeddings,
    unit,
    scale: prepared.scale ?? own(tf.scalar(margin.scale)),
    labels,
    targetRows,
    bias: options.bias,
    margins: prepared.margins,
    parameters: prepared.parameters,
  };
}

/** The angles to the true classes, each from the rank that has the class. */
async function reduceAngles(local: LocalProblem, collective: Collective, own: Own): Promise<Angle> {
  const { unit, classes, targetRows, owned } = local;
  const mine = ownAll(own, () => {
    const angle = angleTo(unit, classes, targetRows);
    return { all: tf.mul(tf.stack([angle.cos, angle.sin, angle.theta()]), owned) };
  });
  const sums = await collective.allReduce(await floats(mine.all));
  const [cos, sin, theta] = [0, 1, 2].map((i) =>
    own(tf.tensor1d(sums.slice((i * sums.length) / 3, ((i + 1) * sums.length) / 3))),
  );
  return { cos: cos!, sin: sin!, theta: () => theta! };
}

async function reducePlainSums(
  { unit, labels, classes, plan }: LocalProblem,
  scale: tf.Tensor,
  collective: Collective,
  own: Own,
): Promise<tf.Tensor1D> {
  const mine = own(tf.tidy(() => plainLogSumExp(unit, labels, classes, plan, scale)));
  return own(tf.tensor1d(await logSumOverRanks(await floats(mine), collective)));
}

/** log of the sum over ranks of exp, by the maximum and then the sum. */
async function logSumOverRanks(values: Float32Array, collective: Collective): Promise<Float32Array> {
  const max = await collective.allReduce(values, 'max');
  const shares = Float64Array.from(values, (value, i) => Math.exp(value - max[i]!));
  const sums = await collective.allReduce(shares, 'sum');
  return max.map((value, i) => value + Math.log(sums[i]!));
}

/** Of the whole batch and all classes, the same on every rank. */
export interface ReducedForward {
  readonly others: Float32Array;
  readonly sum: Float32Array | undefined;
  readonly target: Float32Array;
  /** Classes that take part, over all ranks. */
  readonly numSampled: number;
}

export async function reduceForward(
  { value, sum, target }: LocalForward,
  { plan, classes }: LocalProblem,
  collective: Collective,
): Promise<ReducedForward> {
  const values = await floats(value);
  const count = await collective.allReduce(Int32Array.of(classes.numRows));
  return {
    others: plan.binary ? await collective.allReduce(values) : await logSumOverRanks(values, collective),
    sum: sum && (await collective.allReduce(await floats(sum))),
    target: await collective.allReduce(await floats(target)),
    numSampled: count[0]!,
  };
}

interface Finished {
  readonly embeddings: tf.Tensor2D;
  readonly labels: ArrayLike<number>;
  readonly margin: Margin;
  readonly batch: GatheredBatch;
  readonly backward: LocalGradients;
  readonly parts: PartGradients;
  readonly local: LocalProblem;
  readonly reduced: ReducedForward;
}

/** Gradients by the embeddings are summed over ranks; each takes its own samples' rows and goes back through the norm. */
export async function reduceGradients(
  { embeddings, labels, margin, batch, backward, parts, local, reduced }: Finished,
  { sampledClasses, ignoreLabel, bias }: LossAndGradientsOptions,
  collective: Collective,
): Promise<LossAndGradients> {
  const [count, features] = embeddings.shape;
  const sum = async (tensor: tf.Tensor) => collective.allReduce(await floats(tensor));
  const own = (values: Float32Array, width: number) =>
    values.slice(batch.start * width, (batch.start + count) * width);
  const [x, unit, margins] = [await sum(backward.x), await sum(backward.unit), await sum(backward.margins)];
  const biasSum = bias && (await sum(backward.bias!));
  const [norms, losses, loss] = [
    await floats(parts.norms),
    await floats(parts.losses),
    await floats(parts.loss),
  ];
  const byEmbeddings = tf.tidy(() =>
    embeddingsGradient(lengthsOf(embeddings), margin, {
      x: tf.tensor2d(own(x, features), [count, features]),
      unit: tf.tensor2d(own(unit, features), [count, features]),
      norms: tf.tensor1d(own(norms, 1)),
      margins: tf.tensor1d(own(margins, 1)),
    }),
  );
  const byBias = biasSum && tf.tidy(() => tf.add(biasSum[0]!, tf.sum(parts.bias)) as tf.Scalar);
  const rows = tf.clone(backward.rows);
  return {
    loss: loss[0]!,
    losses: own(losses, 1).map((value, i) => (labels[i] === ignoreLabel ? 0 : value)),
    embeddings: byEmbeddings,
    weights: {
      ids: sampledClasses ?? Int32Array.from({ length: local.classes.numRows }, (_, i) => i),
      rows,
    },
    bias: byBias,
    numSampled: reduced.numSampled,
    dispose: () => tf.dispose([byEmbeddings, rows, ...(byBias ? [byBias] : [])]),
  };
}
