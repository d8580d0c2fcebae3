/** Training towards a density that can be evaluated but not sampled. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkInteger,
  checkKnownOptions,
  checkNumber,
  foldIn,
  formatShape,
  type Key,
  key as keyOf,
  OptionError,
  ShapeError,
  ValueError,
} from '@tfkit/core';
import { adam, ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { childScope } from '../bijector';
import type { ContextOption, Flow } from '../flow';
import { breathe } from '../training/evaluate';
import { applyClipped, globalNorm, setLearningRate } from '../training/step';

/**
 * The logarithm of the wanted density, up to a constant: float32 [batch] of x [batch, ...shape]. Written with tfjs ops: its gradient to x is
 * what the flow learns from.
 */
export type LogDensity = (x: tf.Tensor, context: tf.Tensor | undefined) => tf.Tensor;

/** Options of `fitDensity`: the key and the number of steps, an integer >= 0, are required. `onProgress` is awaited after each step. */
export interface FitDensityOptions extends ContextOption {
  /** All samples come from it. */
  readonly key: Key;
  readonly steps: number;
  /** Samples a step. Default 256. With a context [rows, contextSize] it must be rows, which is the default then. */
  readonly batchSize?: number;
  /** Default `adam({ learningRate: 1e-3 })`, made and disposed here. */
  readonly optimizer?: tf.Optimizer;
  /** The learning rate of each step, from 0. Default: the optimizer's. */
  readonly learningRate?: (step: number) => number;
  /** Gradients are scaled down to this norm. Default: not. */
  readonly clipNorm?: number;
  readonly onProgress?: (progress: FitDensityProgress) => void | Promise<void>;
  /** Stops between two steps and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What `onProgress` is told after each step of `fitDensity`. */
export interface FitDensityProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /**
   * The mean of log p~(x) - log q(x) over the samples of this step, in nats: a lower bound on the logarithm of the integral of the wanted
   * density (of the evidence, for a posterior), exact when the flow is.
   */
  readonly evidenceLowerBound: number;
}

const knownOptions = [
  'key',
  'steps',
  'batchSize',
  'optimizer',
  'learningRate',
  'clipNorm',
  'onProgress',
  'signal',
  'context',
];

/**
 * Fits a flow to an unnormalised density by descending the reverse Kullback-Leibler divergence, E[log q(x) - log p~(x)] over samples x of
 * the flow. It needs no data; it finds the modes where the flow happens to look, and may miss others.
 *
 * Flows whose inverse is one pass are the fast ones: couplings, `iaf`.
 * @throws OptionError, ShapeError for what does not fit; ValueError if the divergence becomes NaN: the flow then has the parameters of the
 * last whole step.
 * Source: Rezende, Mohamed, Variational Inference with Normalizing Flows, ICML 2015 (arXiv:1505.05770).
 * @example
 * await fitDensity(flow, (x) => tf.neg(tf.sum(tf.square(tf.sub(x, 3)), 1)), { key: key(0), steps: 500 });
 */
export async function fitDensity(
  flow: Flow,
  logDensity: LogDensity,
  options: FitDensityOptions,
): Promise<{ readonly evidenceLowerBound: number }> {
  const batchSize = checkOptions(flow, options);
  await ensureGradients();
  await ensureKernels();
  const { key, steps, context, signal, clipNorm, learningRate } = options;
  checkDensity(flow, logDensity, batchSize, context);
  const optimizer = options.optimizer ?? adam({ learningRate: 1e-3 });
  let bound = Number.NaN;
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const stepKey = foldIn(key, step);
      const { value, grads } = optimizer.computeGradients(
        () => divergence(flow, logDensity, { key: stepKey, batchSize, context }),
        flow.trainableVariables,
      );
      const norm = clipNorm === undefined ? undefined : globalNorm(grads);
      try {
        bound = -(await value.data())[0]!;
        const gradientNorm = norm && (await norm.data())[0]!;
        if (!Number.isFinite(bound) || (norm && !Number.isFinite(gradientNorm))) {
          throw new ValueError(
            `fitDensity: the divergence must stay finite, got ${-bound} in step ${step + 1}. Is the density finite at every sample? A lower learning rate and clipNorm help.`,
          );
        }
        if (learningRate) setLearningRate(optimizer, learningRate(step));
        applyClipped(optimizer, grads, gradientNorm, clipNorm);
      } finally {
        tf.dispose([value, grads]);
        norm?.dispose();
      }
      await options.onProgress?.({ step: step + 1, steps, evidenceLowerBound: bound });
      await breathe();
    }
  } finally {
    if (!options.optimizer) optimizer.dispose();
  }
  return { evidenceLowerBound: bound };
}

function divergence(
  flow: Flow,
  logDensity: LogDensity,
  { key, batchSize, context }: { key: Key; batchSize: number; context: tf.Tensor | undefined },
): tf.Scalar {
  const scope = flow.scope({ context, mode: 'training', key: foldIn(key, 1) });
  const baseScope = childScope(scope, 'base');
  const z = flow.base.sample(foldIn(key, 0), [batchSize, ...flow.latentShape], baseScope, 1);
  const { x, logDet } = flow.bijector.inverse(z, scope);
  const logFlow = tf.sub(flow.base.logProb(z, baseScope), logDet);
  return tf.mean(tf.sub(logFlow, logDensity(x, context))) as tf.Scalar;
}

/** Tried once off the tape: what throws on it would leave its tensors behind. */
function checkDensity(
  flow: Flow,
  logDensity: LogDensity,
  batchSize: number,
  context: tf.Tensor | undefined,
): void {
  tf.tidy(() => {
    const spread = context && { context };
    const { shape } = logDensity(flow.sample(batchSize, { key: keyOf(0), ...spread }), context);
    if (shape.length === 1 && shape[0] === batchSize) return;
    throw new ShapeError(
      `fitDensity: logDensity must give [${batchSize}], one number for each sample, got ${formatShape(shape)}.`,
    );
  });
}

function checkOptions(flow: Flow, options: FitDensityOptions): number {
  checkKnownOptions('fitDensity', options, knownOptions);
  const { steps, context, batchSize = context?.shape[0] ?? 256, clipNorm } = options;
  checkInteger(['fitDensity', 'steps'], steps, { min: 0 });
  checkInteger(['fitDensity', 'batchSize'], batchSize, { min: 1 });
  if (clipNorm !== undefined) checkNumber(['fitDensity', 'clipNorm'], clipNorm, { min: 0, open: 'min' });
  const wanted = flow.contextSize > 0 ? [batchSize, flow.contextSize] : undefined;
  if (wanted?.join() === context?.shape.join()) return batchSize;
  throw new OptionError(
    `fitDensity: context must be ${wanted ? `[${wanted.join(', ')}]` : 'left out, as the flow has contextSize 0'}, got ${context ? formatShape(context.shape) : 'none'}.`,
  );
}
