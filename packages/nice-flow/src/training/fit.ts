/** Maximum-likelihood training. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkNumber, foldIn, type Key, OptionError } from '@tfkit/core';
import { adam, ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import type { Flow } from '../flow';
import {
  type BatchPlan,
  batchPlan,
  type DataOptions,
  dequantizedBatch,
  disposeBatch,
  type FlowData,
  type HostData,
  hostData,
} from './data';
import { breathe, type Score, scoreOf, withBits } from './evaluate';
import { TrainingState } from './state';
import { trainStep } from './step';

/** How a flow is trained. */
export interface FitOptions extends DataOptions {
  /** The order of examples and all noise come from it: same key, same run on the same backend. */
  readonly key: Key;
  /** Steps in all, those of a resumed run included. */
  readonly steps: number;
  /** Default 128, or all examples if they are fewer. */
  readonly batchSize?: number;
  /** Default `adam({ learningRate: 1e-3 })`, made and disposed by `fit`. Yours is left as it is after the last step. */
  readonly optimizer?: tf.Optimizer;
  /** The learning rate of each step, from 0. Default: the optimizer's. */
  readonly learningRate?: (step: number) => number;
  /** Gradients are scaled down to this norm, over all parameters together. Default: not. */
  readonly clipNorm?: number;
  /**
   * Decay of an exponential moving average of the parameters, in (0, 1): validation uses it, and at the end the flow has it.
   * Default: none.
   */
  readonly ema?: number;
  readonly validation?: Validation;
  /** Whether `flow.initialize` runs on the first batch of a new run. Default 'first-batch'. */
  readonly initialize?: 'first-batch' | 'none';
  /** Variables of your own (of a net that is a function), trained and saved under these names. */
  readonly variables?: Readonly<Record<string, tf.Variable>>;
  /** Called, and awaited, after each step. */
  readonly onProgress?: (progress: FitProgress) => void | Promise<void>;
  /** Stops between two steps: `fit` saves a checkpoint if it may, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly checkpoint?: CheckpointOptions;
}

/** Data held out, and how often they are scored. */
export interface Validation extends DataOptions {
  readonly data: FlowData;
  /** Steps between two evaluations. Default: once an epoch. */
  readonly every?: number;
  /** Default 256. */
  readonly batchSize?: number;
  /** Stops after so many evaluations without a better one, and gives the flow its best parameters. Default: never. */
  readonly patience?: number;
}

export interface CheckpointOptions {
  /** A file of an earlier run with the same options: training goes on to the bit, on the same backend. */
  readonly resume?: Uint8Array | ArrayBuffer;
  /** Steps between two files. Default: at the end alone, and when aborted. */
  readonly every?: number;
  /** Takes a file (`saveCheckpoint` of @tfkit/core): writes it, uploads it. */
  readonly save?: (file: Uint8Array<ArrayBuffer>, step: number) => void | Promise<void>;
}

/** Where training is; log-likelihoods in nats an event. */
export interface FitProgress extends Score {
  /** Steps done. `logLikelihood` is that of the batch before this step, as trained on. */
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** Norm of the gradients before clipping; undefined without `clipNorm`. */
  readonly gradientNorm: number | undefined;
  /** If this step was followed by one. */
  readonly validation: Score | undefined;
}

/** How training ended. */
export interface FitResult {
  /** Steps done in all. */
  readonly steps: number;
  readonly stopped: 'steps' | 'early';
  /** Of the last batch. */
  readonly last: Score | undefined;
  /** The best evaluation and its step; undefined without validation. */
  readonly best: (Score & { readonly step: number }) | undefined;
}

const knownOptions = [
  ...[
    'key',
    'steps',
    'batchSize',
    'optimizer',
    'learningRate',
    'clipNorm',
    'ema',
    'validation',
    'initialize',
  ],
  ...['variables', 'onProgress', 'signal', 'checkpoint', 'context', 'dequantization'],
];

/**
 * Trains a flow by maximum likelihood: steps of gradient descent on minus the mean log-likelihood of batches.
 *
 * Ensures tfjs' gradients and kernels by itself. If it rejects, the flow has the parameters of the last whole step.
 * @param data integers in [0, levels) for a flow with quantization, else continuous.
 * @throws OptionError, ShapeError for what does not fit; ValueError for data outside the declared interval, and if the
 * log-likelihood becomes NaN: the message names the layer.
 * @example
 * await fit(flow, images, { key: key(1), steps: 1000, onProgress: ({ step, bitsPerDim }) => console.log(step, bitsPerDim) });
 */
export async function fit(flow: Flow, data: FlowData, options: FitOptions): Promise<FitResult> {
  checkOptions(options);
  await ensureGradients();
  await ensureKernels();
  const { key, batchSize: wanted, signal } = options;
  const host = await hostData('fit', flow, data, options);
  const batchSize = Math.min(wanted ?? 128, host.count);
  if (wanted !== undefined && wanted > host.count) {
    throw new OptionError(
      `fit: batchSize must be at most the number of examples, ${host.count}, got ${wanted}.`,
    );
  }
  const plan = batchPlan(key, host.count, batchSize);
  const validation = options.validation && {
    ...options.validation,
    host: await hostData('fit', flow, options.validation.data, options.validation),
  };
  signal?.throwIfAborted();
  const optimizer = options.optimizer ?? adam({ learningRate: 1e-3 });
  let state: TrainingState | undefined;
  try {
    if (!options.checkpoint?.resume && options.initialize !== 'none') initialize(flow, host, plan);
    state = new TrainingState(flow, optimizer, options);
    if (options.checkpoint?.resume) await state.load(options.checkpoint.resume);
    return await run({ flow, host, plan, optimizer, options, validation, state });
  } finally {
    state?.dispose();
    if (!options.optimizer) optimizer.dispose();
  }
}

function initialize(flow: Flow, host: HostData, plan: BatchPlan): void {
  const batch = host.batch(plan.indices(0), plan.noiseKey(0));
  const { context } = batch;
  try {
    tf.tidy(() => flow.initialize(dequantizedBatch(flow, batch, flow.scope({ context })).x, { context }));
  } finally {
    disposeBatch(batch);
  }
}

interface Run {
  readonly flow: Flow;
  readonly host: HostData;
  readonly plan: BatchPlan;
  readonly optimizer: tf.Optimizer;
  readonly options: FitOptions;
  readonly validation: (Validation & { readonly host: HostData }) | undefined;
  readonly state: TrainingState;
}

async function run(training: Run): Promise<FitResult> {
  const { flow, plan, options, state } = training;
  const { steps, signal, checkpoint, onProgress } = options;
  let last: Score | undefined;
  const save = async () => checkpoint?.save?.(await state.save(options.key), state.step);
  while (state.step < steps && !state.isExhausted) {
    if (signal?.aborted) {
      await save();
      signal.throwIfAborted();
    }
    const { logLikelihood, gradientNorm } = await trainStep(training);
    last = withBits(flow, logLikelihood);
    const validated = await validate(training);
    if (checkpoint?.every && state.step % checkpoint.every === 0 && state.step < steps) await save();
    await onProgress?.({
      ...last,
      step: state.step,
      steps,
      epoch: Math.floor((state.step - 1) / plan.batchesPerEpoch),
      gradientNorm,
      validation: validated,
    });
    await breathe();
  }
  await save();
  const stopped = state.isExhausted ? 'early' : 'steps';
  state.finish();
  const { best } = state;
  return {
    steps: state.step,
    stopped,
    last,
    best: best && { ...withBits(flow, best.value), step: best.step },
  };
}

async function validate({ flow, plan, options, validation, state }: Run): Promise<Score | undefined> {
  if (!validation || state.step % (validation.every ?? plan.batchesPerEpoch) !== 0) return undefined;
  const score = await scoreOf(flow, validation.host, {
    batchSize: validation.batchSize ?? 256,
    key: foldIn(options.key, 2),
    parameters: state.averagedParameters(),
  });
  state.judge(score.logLikelihood);
  return score;
}

function checkOptions(options: FitOptions): void {
  checkKnownOptions('fit', options, knownOptions);
  checkInteger(['fit', 'steps'], options.steps, { min: 0 });
  const { batchSize, clipNorm, ema, validation, checkpoint } = options;
  if (batchSize !== undefined) checkInteger(['fit', 'batchSize'], batchSize, { min: 1 });
  if (clipNorm !== undefined) checkNumber(['fit', 'clipNorm'], clipNorm, { min: 0, open: 'min' });
  if (ema !== undefined) checkNumber(['fit', 'ema'], ema, { min: 0, max: 1, open: 'both' });
  if (validation?.every !== undefined)
    checkInteger(['fit', 'validation.every'], validation.every, { min: 1 });
  if (validation?.patience !== undefined)
    checkInteger(['fit', 'validation.patience'], validation.patience, { min: 1 });
  if (checkpoint?.every !== undefined)
    checkInteger(['fit', 'checkpoint.every'], checkpoint.every, { min: 1 });
}
