/**
 * Plans on TensorFlow.js tensors of any backend. At most two kernel launches a model call on backends that have
 * `linearCombination` as a kernel (call `ensureKernels()` of `@tfkit/core/tfjs` once: wasm, cpu, webgpu).
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkKnownOptions, checkShape } from '@tfkit/core';
import { checkBatchShape } from '../batchShape';
import { type CorrectorOptions, checkCorrector, finishCorrected } from '../corrector';
import type { Execution, Model, SampleStep } from '../engine/execute';
import type { Plan } from '../plan/types';
import {
  begin,
  type CommonOptions,
  commonOptions,
  finish,
  type SampleResult,
  shapeOf,
  stepThrough,
} from '../sample';
import { tensors } from './arithmetic';
import { TensorMachine } from './machine';

export type { CorrectorOptions } from '../corrector';
export type { SampleStep } from '../engine/execute';
export type { CommonOptions, SampleResult } from '../sample';
export { tensors };

/** A model on tensors. The engine disposes what it returns, and its input. */
export type TensorModel = Model<tf.Tensor>;

export interface TensorSampleOptions extends CommonOptions {
  /** The initial state, float32, of shape [batch, ...]; `shape` need not be given then. Default: noise. Not disposed. */
  readonly x?: tf.Tensor;
  /**
   * What to do with a NaN or an infinity. Default 'ignore', as looking for one reads a number back at every step; 'throw'
   * and 'stop' do so.
   */
  readonly onNonFinite?: 'throw' | 'stop' | 'ignore';
  /** Called after each step. */
  onStep?(step: SampleStep<tf.Tensor>): void;
}

/**
 * The final state of a run, float32 of the state's shape; the caller disposes it.
 *
 * @throws OptionError or ShapeError for wrong options or a model that returns another shape, with the step; the signal's
 * reason if aborted. No tensor is leaked then.
 * @example
 * const { x } = await sampleTensors(plan, (x, { timestep }) => unet(x, timestep), { shape: [4, 28, 28, 1], seed: 7 });
 */
export async function sampleTensors(
  plan: Plan,
  model: TensorModel,
  options: TensorSampleOptions = {},
): Promise<SampleResult<tf.Tensor>> {
  return finish(start(plan, model, options), options.onStep, (x) => tf.clone(x));
}

/** The steps of a run, one at a time. `x` belongs to the iterator and is disposed at the next step; `x0()` is yours. Both have the state's shape. */
export function iterateTensors(
  plan: Plan,
  model: TensorModel,
  options: TensorSampleOptions = {},
): AsyncGenerator<SampleStep<tf.Tensor>, void, undefined> {
  return stepThrough(start(plan, model, options), options.onStep);
}

/** Options of `sampleTensors`, and of the corrector. */
export interface TensorSampleWithCorrectorOptions extends TensorSampleOptions, CorrectorOptions {}

/**
 * `sampleWithCorrector` of `./adaptive` on tensors: Langevin steps after each step of a plan, on the device.
 *
 * @returns float32 of the state's shape; the caller disposes it.
 * @throws OptionError for a wrong corrector, prediction or solver, as there; and what `sampleTensors` throws. No tensor is leaked then.
 */
export async function sampleTensorsWithCorrector(
  plan: Plan,
  model: TensorModel,
  options: TensorSampleWithCorrectorOptions = {},
): Promise<SampleResult<tf.Tensor>> {
  const { corrections, snr, norms, prediction, onStep, ...rest } = options;
  const settings = checkCorrector('sampleTensorsWithCorrector', { corrections, snr, norms });
  const run = start(plan, model, rest);
  const { shape } = run.x;
  const machine = new TensorMachine(shape, false);
  return finishCorrected(run, rest, {
    ...{ plan, model, prediction, onStep, shape, settings },
    accept: (output, input, place) => machine.accept(0, output, input, place),
    on: tensors,
    own: (x) => tf.clone(x),
  });
}

function start(
  plan: Plan,
  model: TensorModel,
  options: TensorSampleOptions,
): Execution<tf.Tensor, tf.Tensor> {
  checkKnownOptions('sampleTensors', options, [...commonOptions, 'x', 'onStep']);
  const shape = options.shape ? shapeOf(options) : (options.x?.shape ?? shapeOf(options));
  checkBatchShape('sampleTensors', shape);
  if (options.x) {
    checkShape(['sampleTensors', 'x'], options.x, shape);
    checkDType(['sampleTensors', 'x'], options.x, ['float32', 'int32']);
  }
  const onNonFinite = options.onNonFinite ?? 'ignore';
  const machine = new TensorMachine(shape, onNonFinite !== 'ignore');
  return begin(plan, machine, model, { ...options, onNonFinite }, options.x);
}
