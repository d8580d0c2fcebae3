/** Running a plan on typed arrays. */
import { checkInteger, checkKnownOptions, checkOneOf, OptionError, ShapeError, sizeOf } from '@tfkit/core';
import { checkBatchShape } from './batchShape';
import { ArrayMachine } from './engine/arrays';
import { checkSize, Execution, type Model, type RunOptions, type SampleStep } from './engine/execute';
import type { FloatArray, Machine } from './engine/machine';
import { readSnapshot, type Snapshot } from './engine/snapshot';
import { type NoiseSource, seededNoise } from './noise';
import type { Plan } from './plan/types';

/** A model on typed arrays. It must not change its input, nor keep it beyond the call without copying. */
export type ArrayModel = Model<FloatArray, ArrayLike<number>>;

export interface CommonOptions extends Omit<RunOptions, 'noise'> {
  /** Shape of the state; the first axis is the batch. Needed unless `resume` has it. */
  readonly shape?: readonly number[];
  /** Seed of all noise. Default 0. */
  readonly seed?: number;
  /** Noise from elsewhere: `torchNoise(seed)`, `injectedNoise(draws)`. Default `seededNoise(seed)`. */
  readonly noise?: NoiseSource;
  /** Goes on from a snapshot of a run of the same plan. */
  readonly resume?: Snapshot;
}

export interface SampleOptions extends CommonOptions {
  /** The initial state, at the plan's first level. Default: noise times `plan.initialScale`. Not changed. */
  readonly x?: ArrayLike<number>;
  /** Of the state and all arithmetic. Default 'float32', or 'float64' if `x` is a Float64Array. */
  readonly precision?: 'float32' | 'float64';
  /** Called after each step. */
  onStep?(step: SampleStep<FloatArray>): void;
}

/** The final state, and how the run ended. */
export interface SampleResult<V> {
  /** The final state; the caller's own. */
  readonly x: V;
  /** Calls of the model (NFE). */
  readonly modelCalls: number;
  /** Whether a NaN or an infinity ended the run early (`onNonFinite: 'stop'`). */
  readonly stopped: boolean;
}

/** Options of every kind of run. */
export const commonOptions = ['shape', 'seed', 'noise', 'resume', 'signal', 'onNonFinite'] as const;

const known = [...commonOptions, 'x', 'precision', 'onStep'];

/**
 * The final state of a run.
 *
 * @param model called as the plan says; it returns as many numbers as the state has, or a promise of them.
 * @throws OptionError or ShapeError for wrong options, a model or noise of the wrong size; ValueError, naming the step,
 * for a model that returns a NaN; the signal's reason if aborted.
 * @example
 * const { x } = await sample(plan, (x, { timestep }) => predictNoise(x, timestep), { shape: [1, 4, 64, 64], seed: 7 });
 */
export async function sample(
  plan: Plan,
  model: ArrayModel,
  options: SampleOptions = {},
): Promise<SampleResult<FloatArray>> {
  const run = start(plan, model, options);
  return finish(run, options.onStep, (x) => x.slice());
}

/** Runs to the end. */
export async function finish<V, R>(
  run: Execution<V, R>,
  onStep: ((step: SampleStep<V>) => void) | undefined,
  own: (x: V) => V,
): Promise<SampleResult<V>> {
  try {
    while (!run.done) {
      await run.step();
      onStep?.(run.report());
      run.endStep();
    }
    return { x: own(run.x), modelCalls: run.modelCalls, stopped: run.stopped };
  } finally {
    run.close();
  }
}

/**
 * The steps of a run, one at a time: state, level, x0 preview and snapshot after each. Leaving the loop ends the run.
 *
 * @example
 * for await (const { step, x0 } of iterate(plan, model, { shape: [1, 4, 64, 64] })) show(step, x0());
 */
export function iterate(
  plan: Plan,
  model: ArrayModel,
  options: SampleOptions = {},
): AsyncGenerator<SampleStep<FloatArray>, void, undefined> {
  return stepThrough(start(plan, model, options), options.onStep);
}

export async function* stepThrough<V, R>(
  run: Execution<V, R>,
  onStep: ((step: SampleStep<V>) => void) | undefined,
): AsyncGenerator<SampleStep<V>, void, undefined> {
  try {
    while (!run.done) {
      await run.step();
      const report = run.report();
      onStep?.(report);
      yield report;
      run.endStep();
    }
  } finally {
    run.close();
  }
}

/** An execution on typed arrays. */
export function start(
  plan: Plan,
  model: ArrayModel,
  options: SampleOptions,
): Execution<FloatArray, ArrayLike<number>> {
  checkKnownOptions('sample', options, known);
  const shape = shapeOf(options);
  const precision = options.precision ?? (options.x instanceof Float64Array ? 'float64' : 'float32');
  checkOneOf(['sample', 'precision'], precision, ['float32', 'float64']);
  if (options.x) checkSize('x', options.x, shape);
  return begin(plan, new ArrayMachine(shape, plan.registers, precision), model, options, options.x);
}

export function shapeOf(options: CommonOptions): readonly number[] {
  const shape = options.shape ?? options.resume?.shape;
  checkBatchShape('sample', shape);
  return shape;
}

/** An execution whose registers are filled: from the snapshot, the given state, or noise. */
export function begin<V, R>(
  plan: Plan,
  machine: Machine<V>,
  model: Model<V, R>,
  options: CommonOptions,
  x: ArrayLike<number> | V | undefined,
): Execution<V, R> {
  try {
    if (plan?.format !== 'tfkit-diffusion-plan-1') {
      throw new OptionError("sample: plan must be one of createPlan's, got something else.");
    }
    if (options.seed !== undefined)
      checkInteger(['sample', 'seed'], options.seed, { min: 0, max: 2 ** 32 - 1 });
    const { resume, signal, onNonFinite } = options;
    const noise = options.noise ?? seededNoise(options.seed ?? 0);
    const saved = resume && readSnapshot(plan, resume);
    const run = new Execution(plan, machine, model, { noise, signal, onNonFinite }, resume);
    if (saved) {
      for (const [register, values] of saved) {
        if (values.length !== sizeOf(machine.shape)) {
          throw new ShapeError(
            `sample: shape must be the snapshot's [${resume.shape.join(', ')}], got [${machine.shape.join(', ')}].`,
          );
        }
        run.set(register, values);
      }
      return run;
    }
    run.set(0, x ?? initialState(plan, noise, machine.shape));
    return run;
  } catch (error) {
    machine.close();
    throw error;
  }
}

function initialState(plan: Plan, noise: NoiseSource, shape: readonly number[]): Float64Array {
  const values = noise(-1, shape);
  checkSize('noise', values, shape, ' for the initial state');
  return Float64Array.from(values, (value) => value * plan.initialScale);
}
