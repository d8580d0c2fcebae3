/** Predictor-corrector sampling with any solver as the predictor: Langevin steps at each level that a plan reaches. */
import { checkInteger, checkNumber, checkOneOf, OptionError, ShapeError, sizeOf } from '@tfkit/core';
import type { Execution, Model, SampleStep } from './engine/execute';
import type { FloatArray } from './engine/machine';
import { type NoiseSource, seededNoise } from './noise';
import type { Plan, PlanStep } from './plan/types';
import { checkPrediction, type Prediction } from './prediction';
import {
  type ArrayModel,
  type CommonOptions,
  type SampleOptions,
  type SampleResult,
  shapeOf,
  start,
} from './sample';
import type { Arithmetic } from './sde/arithmetic';
import { arrays } from './sde/arrays';
import { scoreOf } from './sde/sdes';

/** The Langevin steps of a corrected run. */
export interface CorrectorOptions {
  /** Langevin steps, and model calls, after each step of the plan; an integer of at least 0. Default 1. */
  readonly corrections?: number;
  /** Signal-to-noise ratio r, positive: a step has the size 2 (r |z| / |score|)^2. Default 0.16. */
  readonly snr?: number;
  /** 'item': each item of the batch has its own step size; 'batch': from means of the norms, as the authors' program has. Default 'item'. */
  readonly norms?: 'item' | 'batch';
  /** The plan's, where it was made with numbers of its own (`sigmaData`). Default `plan.prediction`. */
  readonly prediction?: Prediction;
}

/** Options of `sample`, and of the corrector. `onStep` sees the state after the corrections, and counts their model calls. */
export interface SampleWithCorrectorOptions extends SampleOptions, CorrectorOptions {}

/**
 * The final state of a run whose state takes Langevin steps after each step of the plan (arXiv:2011.13456, algorithms 1, 4 and 5,
 * with any solver as the predictor): x + e score + sqrt(2 e) z with e = 2 (snr |z| / |score|)^2, at the level (alpha, sigma)
 * reached. Nothing is corrected at sigma 0. Multistep solvers keep the history of the states that they saw, and so
 * take the noise of a correction for slope: solvers of single steps (ddim, euler, heun) serve better on coarse or uneven grids. Differs: e has
 * no factor alpha_i = 1 - beta_i, which is near 1 on the grid of training and means nothing on others; a `limit` of the plan does
 * not apply to the score.
 *
 * @param model as `sample` takes it; a correction is one more call, at the level that the step reached.
 * @param options.noise asked for draws plan.draws + step * corrections + k, so that, as with `seededNoise`, an item is the
 * same in a batch of any size (with `norms: 'item'`), and after a resume.
 * @returns the state [batch, ...], float32 or float64 as in `sample`, and all model calls.
 * @throws OptionError if corrections, snr or norms are out of range, if the prediction is not of the plan's type, or if the solver
 * starts again from a state before the one corrected (uniPc, saSolver, pndm, dpmSinglestep); and what `sample` throws.
 * @example
 * const { x } = await sampleWithCorrector(plan, model, { shape: [4, 3, 32, 32], seed: 7, corrections: 1, snr: 0.16 });
 */
export async function sampleWithCorrector(
  plan: Plan,
  model: ArrayModel,
  options: SampleWithCorrectorOptions = {},
): Promise<SampleResult<FloatArray>> {
  const { corrections, snr, norms, prediction, onStep, ...rest } = options;
  const settings = checkCorrector('sampleWithCorrector', { corrections, snr, norms });
  const run = start(plan, model, rest);
  const shape = shapeOf(rest);
  return finishCorrected(run, rest, {
    ...{ plan, model, prediction, onStep, shape, settings },
    accept(output, _input, place) {
      if (output?.length === sizeOf(shape)) return output as FloatArray;
      throw new ShapeError(
        `sampleWithCorrector: model must return ${sizeOf(shape)} numbers for shape [${shape.join(', ')}], got ${output?.length} ${place}.`,
      );
    },
    // Its functions read float32 and float64 alike; the run rounds what it loads.
    on: arrays as unknown as Arithmetic<FloatArray>,
    own: (x) => x.slice(),
  });
}

type Settings = Required<Omit<CorrectorOptions, 'prediction'>>;

/** The corrector's numbers, checked. */
export function checkCorrector(
  name: string,
  { corrections = 1, snr = 0.16, norms = 'item' }: CorrectorOptions,
): Settings {
  checkInteger([name, 'corrections'], corrections, { min: 0 });
  checkNumber([name, 'snr'], snr, { min: 0, open: 'min' });
  checkOneOf([name, 'norms'], norms, ['item', 'batch']);
  return { corrections, snr, norms };
}

/** Each step of these keeps a state from before the one that it reached, and goes on from there. */
const startFromBefore = ['uniPc', 'saSolver', 'pndm', 'dpmSinglestep'];

interface Corrected<V, R> {
  readonly plan: Plan;
  readonly model: Model<V, R>;
  readonly prediction: Prediction | undefined;
  readonly settings: Settings;
  readonly shape: readonly number[];
  readonly onStep: ((step: SampleStep<V>) => void) | undefined;
  /** The model's output as a value that is not its input; throws if it is none. */
  accept(output: R, input: V, place: string): V;
  readonly on: Arithmetic<V>;
  readonly own: (x: V) => V;
}

/** Runs to the end, with corrections after each step. */
export async function finishCorrected<V, R>(
  run: Execution<V, R>,
  options: CommonOptions,
  context: Corrected<V, R>,
): Promise<SampleResult<V>> {
  const { plan, settings, onStep, own } = context;
  const { seed = 0, noise = seededNoise(seed), signal, resume } = options;
  const resumed = resume?.step ?? 0;
  const callsAt = ({ to }: PlanStep) => (to.sigma > 0 ? settings.corrections : 0);
  try {
    const prediction = predictionOf(plan, context.prediction, settings);
    let extra = 0;
    for (let n = 0; n < resumed; n++) extra += callsAt(plan.steps[n]!);
    for (let n = resumed; !run.done; n++) {
      await run.step();
      const step = plan.steps[n]!;
      const calls = run.stopped ? 0 : callsAt(step);
      for (let k = 0; k < calls; k++) await correct(run, context, { prediction, noise, signal, step, n, k });
      extra += calls;
      onStep?.({ ...run.report(), modelCalls: run.modelCalls + extra });
      run.endStep();
    }
    return { x: own(run.x), modelCalls: run.modelCalls + extra, stopped: run.stopped };
  } finally {
    run.close();
  }
}

function predictionOf(plan: Plan, given: Prediction | undefined, { corrections }: Settings): Prediction {
  const prediction = checkPrediction(given ?? plan.prediction);
  if (prediction.type !== plan.prediction) {
    throw new OptionError(
      `sampleWithCorrector: prediction must be the plan's '${plan.prediction}', got '${prediction.type}'.`,
    );
  }
  if (corrections > 0 && startFromBefore.includes(plan.solver)) {
    throw new OptionError(
      `sampleWithCorrector: plan must have a solver that goes on from its last state, got '${plan.solver}', which would lose the corrections. dpmSolver() and deis() are multistep solvers that keep them.`,
    );
  }
  return prediction;
}

interface Place {
  readonly prediction: Prediction;
  readonly noise: NoiseSource;
  readonly signal: AbortSignal | undefined;
  readonly step: PlanStep;
  readonly n: number;
  readonly k: number;
}

/** One Langevin step on the run's state. */
async function correct<V, R>(
  run: Execution<V, R>,
  { plan, model, settings, shape, accept, on }: Corrected<V, R>,
  { prediction, noise, signal, step, n, k }: Place,
): Promise<void> {
  signal?.throwIfAborted();
  const { timestep, alpha, sigma, x: a, m: b, scale } = scoreOf(prediction, step.to);
  const x = run.x;
  const used: V[] = [];
  const keep = (value: V) => {
    used.push(value);
    return value;
  };
  try {
    // The plan's states are what the model sees, but for the last one.
    const seen = Math.abs(scale - 1) < 1e-9 ? x : keep(on.combine([scale], [x]));
    const call = step.instructions.filter(({ op }) => op === 'model').length + k;
    const level = { timestep, alpha: alpha * scale, sigma: sigma * scale };
    const output = await model(seen, { ...level, step: n, call, shape, signal });
    const m = keep(accept(output, seen, `at correction ${k} after step ${n}`));
    signal?.throwIfAborted();
    const score = keep(on.combine([a, b], [x, m]));
    const z = keep(on.from(noise(plan.draws + n * settings.corrections + k, shape), shape));
    const next = keep(on.langevin(x, score, z, { items: shape[0]!, ...settings }));
    run.set(step.state, next);
    on.free(x);
  } finally {
    on.free(...used);
  }
}
