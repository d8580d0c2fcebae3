/** One step of gradient descent. */
import * as tf from '@tensorflow/tfjs-core';
import { foldIn, type Key } from '@tfkit/core';
import type { Flow } from '../flow';
import { type BatchPlan, batchLikelihood, disposeBatch, type HostBatch, type HostData } from './data';
import { notFinite } from './diagnose';
import type { FitOptions } from './fit';
import type { TrainingState } from './state';

interface StepInputs {
  readonly flow: Flow;
  readonly host: HostData;
  readonly plan: BatchPlan;
  readonly optimizer: tf.Optimizer;
  readonly options: FitOptions;
  readonly state: TrainingState;
}

/** Takes the step `state.step`, unless the log-likelihood is not finite: then nothing has changed, and the error says where. */
export async function trainStep(
  inputs: StepInputs,
): Promise<{ logLikelihood: number; gradientNorm: number | undefined }> {
  const { flow, host, plan, optimizer, options, state } = inputs;
  const { step } = state;
  const batch = host.batch(plan.indices(step), plan.noiseKey(step));
  const kept: (tf.Tensor | Record<string, tf.Tensor>)[] = [];
  try {
    const { loss, gradients, updates } = gradientsOf(inputs, batch, foldIn(plan.noiseKey(step), 1));
    kept.push(loss, gradients, updates);
    const norm = options.clipNorm === undefined ? undefined : globalNorm(gradients);
    if (norm) kept.push(norm);
    const [value, gradientNorm] = await Promise.all([loss, norm].map(async (t) => t && (await t.data())[0]!));
    if (!Number.isFinite(value) || (norm && !Number.isFinite(gradientNorm))) {
      throw await notFinite(flow, batch, step, Number.isFinite(value) ? NaN : -value!);
    }
    if (options.learningRate) setLearningRate(optimizer, options.learningRate(step));
    applyClipped(optimizer, gradients, gradientNorm, options.clipNorm);
    flow.assign(updates);
    state.advance();
    return { logLikelihood: -value!, gradientNorm };
  } finally {
    tf.dispose(kept);
    disposeBatch(batch);
  }
}

function gradientsOf(
  { flow, optimizer, state }: StepInputs,
  batch: HostBatch,
  key: Key,
): { loss: tf.Scalar; gradients: tf.NamedTensorMap; updates: Record<string, tf.Tensor> } {
  let updates: Record<string, tf.Tensor> = {};
  const { value, grads } = optimizer.computeGradients(() => {
    const result = batchLikelihood(
      flow,
      batch,
      flow.scope({ context: batch.context, mode: 'training', key }),
    );
    updates = { ...result.updates };
    for (const update of Object.values(updates)) tf.keep(update);
    return tf.neg(tf.mean(result.logProb)) as tf.Scalar;
  }, state.trained);
  return { loss: value, gradients: grads, updates };
}

/** Added one by one: `tf.addN` of more than 7 tensors is invalid on webgpu. */
export function globalNorm(gradients: tf.NamedTensorMap): tf.Tensor {
  return tf.tidy(() => {
    const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
    return tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square)));
  });
}

export function applyClipped(
  optimizer: tf.Optimizer,
  gradients: tf.NamedTensorMap,
  norm: number | undefined,
  clipNorm: number | undefined,
): void {
  if (norm === undefined || clipNorm === undefined || norm <= clipNorm) {
    optimizer.applyGradients(gradients);
    return;
  }
  tf.tidy(() => {
    const scaled = Object.entries(gradients).map(([name, gradient]) => [
      name,
      tf.mul(gradient, clipNorm / norm),
    ]);
    optimizer.applyGradients(Object.fromEntries(scaled));
  });
}

export function setLearningRate(optimizer: tf.Optimizer, learningRate: number): void {
  const settable = optimizer as unknown as { learningRate: number; setLearningRate?(rate: number): void };
  if (settable.setLearningRate) settable.setLearningRate(learningRate);
  else settable.learningRate = learningRate;
}
