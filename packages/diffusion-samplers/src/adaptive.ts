/**
 * Runs whose steps depend on the data, so that they are no plans: adaptive DPM-Solver, and Langevin correctors, around any plan
 * (`sampleWithCorrector`) and before the reverse diffusion of the VE SDE (`predictorCorrector`).
 */
import { checkInteger, checkKnownOptions, checkNumber, OptionError, ValueError } from '@tfkit/core';
import { checkCorrector } from './corrector';
import { type NoiseSource, seededNoise } from './noise';
import type { ArrayModel } from './sample';
import { arrays } from './sde/arrays';
import { stateOf } from './sde/model';

export {
  type CorrectorOptions,
  type SampleWithCorrectorOptions,
  sampleWithCorrector,
} from './corrector';

/** Options of both loops. The state is x0 + sigma epsilon (alpha = 1). */
interface LoopOptions {
  readonly shape: readonly number[];
  /** The initial state. */
  readonly x: ArrayLike<number>;
  readonly seed?: number;
  /** Draws in the order in which the loop asks for them. */
  readonly noise?: NoiseSource;
  readonly signal?: AbortSignal;
}

/** Range, tolerances and step control of the adaptive solver. */
export interface DpmAdaptiveOptions extends LoopOptions {
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  /** 2 or 3: the order of the solution; its companion has one less. Default 3. */
  readonly order?: 2 | 3;
  /** Default 0.05 and 0.0078. */
  readonly rtol?: number;
  readonly atol?: number;
  /** First step in log sigma, positive. Default 0.05. */
  readonly hInit?: number;
  /** PID control of the step. Default 0, 1, 0. */
  readonly pid?: readonly [p: number, i: number, d: number];
  /** A step is accepted if its factor is at least this, in [0, 1]. Default 0.81. */
  readonly acceptSafety?: number;
  readonly eta?: number;
  readonly noiseScale?: number;
  /** Called after each attempt. */
  onAttempt?(attempt: AdaptiveAttempt): void;
}

/** One attempted step of an adaptive solver: taken or refused, and its error. */
export interface AdaptiveAttempt {
  /** log(1 / sigma) reached, and sigma. */
  readonly t: number;
  readonly sigma: number;
  readonly x: Float64Array;
  readonly error: number;
  /** The next step. */
  readonly h: number;
  readonly accepted: number;
  readonly rejected: number;
}

const adaptiveOptions = [
  'shape',
  'x',
  'seed',
  'noise',
  'signal',
  'sigmaMin',
  'sigmaMax',
  'order',
  'rtol',
  'atol',
];
const adaptiveMore = ['hInit', 'pid', 'acceptSafety', 'eta', 'noiseScale', 'onAttempt'];

/**
 * DPM-Solver-12 or -23 with a step that follows its own error (arXiv:2206.00927, appendix C; PID control as in
 * k-diffusion). The model predicts x0 from x = x0 + sigma epsilon. One error norm for the whole batch.
 *
 * @returns the state at `sigmaMin`, float64, and counts.
 * @throws OptionError for options out of range; ShapeError if x does not fit the shape; ValueError if the error of a step
 * is not a finite number, as of a model that returns NaN, or if no step is small enough for the tolerance.
 */
export async function dpmAdaptive(model: ArrayModel, options: DpmAdaptiveOptions) {
  checkKnownOptions('dpmAdaptive', options, [...adaptiveOptions, ...adaptiveMore]);
  const { sigmaMin, sigmaMax, order = 3, rtol = 0.05, atol = 0.0078, eta = 0, noiseScale = 1 } = options;
  checkNumber(['dpmAdaptive', 'sigmaMin'], sigmaMin, { min: 0, open: 'min' });
  checkNumber(['dpmAdaptive', 'sigmaMax'], sigmaMax, { min: sigmaMin, open: 'min' });
  checkInteger(['dpmAdaptive', 'order'], order, { min: 2, max: 3 });
  checkNumber(['dpmAdaptive', 'rtol'], rtol, { min: 0 });
  checkNumber(['dpmAdaptive', 'atol'], atol, { min: 0, open: 'min' });
  checkNumber(['dpmAdaptive', 'eta'], eta, { min: 0 });
  checkNumber(['dpmAdaptive', 'noiseScale'], noiseScale, { min: 0 });
  const { shape, noise = seededNoise(options.seed ?? 0) } = options;
  const end = -Math.log(sigmaMin);
  const control = new PidStep(options, order);
  let t = -Math.log(sigmaMax);
  let x = stateOf('dpmAdaptive', options.x, shape, arrays);
  let low = x;
  const counts = { steps: 0, modelCalls: 0, accepted: 0, rejected: 0 };
  while (t < end - 1e-5) {
    options.signal?.throwIfAborted();
    const next = Math.min(end, t + control.h);
    const [sigma, down] = [Math.exp(-next), downFrom(Math.exp(-t), Math.exp(-next), eta)];
    const target = eta > 0 && down > 0 ? Math.min(end, -Math.log(down)) : next;
    const trial = await embeddedStep(model, x, t, target, {
      order,
      shape,
      step: counts.steps,
      signal: options.signal,
    });
    const error = scaledError(trial.low, trial.high, low, atol, rtol);
    if (!Number.isFinite(error)) {
      throw new ValueError(
        `dpmAdaptive: the error of a step must be finite, got ${error} at sigma ${Math.exp(-t)}.`,
      );
    }
    counts.steps++;
    counts.modelCalls += order;
    if (control.propose(error)) {
      const up = noiseScale * Math.sqrt(Math.max(0, sigma ** 2 - Math.exp(-target) ** 2));
      const z = noise(counts.accepted, shape);
      low = trial.low;
      x = trial.high.map((value, i) => value + up * z[i]!);
      t = next;
      counts.accepted++;
    } else if (t + control.h > t) counts.rejected++;
    else {
      throw new ValueError(
        `dpmAdaptive: rtol and atol must allow a step, got none that does at sigma ${Math.exp(-t)}.`,
      );
    }
    const { accepted, rejected } = counts;
    options.onAttempt?.({ t, sigma: Math.exp(-t), x, error, h: control.h, accepted, rejected });
  }
  return { x, ...counts };
}

function downFrom(from: number, to: number, eta: number): number {
  const up = Math.min(to, eta * Math.sqrt(Math.max(0, (to ** 2 * (from ** 2 - to ** 2)) / from ** 2)));
  return Math.sqrt(to ** 2 - up ** 2);
}

function scaledError(
  low: Float64Array,
  high: Float64Array,
  before: Float64Array,
  atol: number,
  rtol: number,
) {
  const sum = low.reduce((total, value, i) => {
    const delta = Math.max(atol, rtol * Math.max(Math.abs(value), Math.abs(before[i]!)));
    return total + ((value - high[i]!) / delta) ** 2;
  }, 0);
  return Math.sqrt(sum / low.length);
}

class PidStep {
  h: number;
  readonly #powers: readonly [number, number, number];
  readonly #safety: number;
  #past: number[] = [];

  constructor(
    { hInit = 0.05, pid = [0, 1, 0], acceptSafety = 0.81, eta = 0 }: DpmAdaptiveOptions,
    order: number,
  ) {
    const k = eta > 0 ? 1.5 : order;
    const [p, i, d] = pid;
    for (const gain of pid) checkNumber(['dpmAdaptive', 'pid'], gain, {});
    checkNumber(['dpmAdaptive', 'hInit'], hInit, { min: 0, open: 'min' });
    checkNumber(['dpmAdaptive', 'acceptSafety'], acceptSafety, { min: 0, max: 1 });
    this.h = hInit;
    this.#powers = [(p + i + d) / k, -(p + 2 * d) / k, d / k];
    this.#safety = acceptSafety;
  }

  /** Whether the step is accepted; sets the next one. */
  propose(error: number): boolean {
    const inverse = 1 / (error + 1e-8);
    if (this.#past.length === 0) this.#past = [inverse, inverse];
    const [a, b, c] = this.#powers;
    const factor = 1 + Math.atan(inverse ** a * this.#past[0]! ** b * this.#past[1]! ** c - 1);
    const accepted = factor >= this.#safety;
    if (accepted) this.#past = [inverse, this.#past[0]!];
    this.h *= factor;
    return accepted;
  }
}

interface Context {
  readonly order: number;
  readonly shape: readonly number[];
  readonly step: number;
  readonly signal?: AbortSignal;
}

/** The embedded pair: orders 1 and 2, or 2 (r = 1/3) and 3, from the same calls. */
async function embeddedStep(model: ArrayModel, x: Float64Array, t: number, end: number, context: Context) {
  const { order, shape, step, signal } = context;
  const h = end - t;
  let call = 0;
  const noiseAt = async (state: Float64Array, time: number): Promise<Float64Array> => {
    const sigma = Math.exp(-time);
    const clean = await model(state, { timestep: sigma, alpha: 1, sigma, step, call: call++, shape, signal });
    if (clean?.length !== state.length) {
      throw new OptionError(
        `dpmAdaptive: model must return ${state.length} numbers, got ${clean?.length} at step ${step}.`,
      );
    }
    return state.map((value, i) => (value - clean[i]!) / sigma);
  };
  const sigma = (r: number) => Math.exp(-(t + r * h));
  const first = (r: number, e: Float64Array) =>
    x.map((value, i) => value - sigma(r) * Math.expm1(r * h) * e[i]!);
  const e = await noiseAt(x, t);
  const r1 = order === 2 ? 1 / 2 : 1 / 3;
  const e1 = await noiseAt(first(r1, e), t + r1 * h);
  const w2 = (sigma(1) / (2 * r1)) * Math.expm1(h);
  const second = first(1, e).map((value, i) => value - w2 * (e1[i]! - e[i]!));
  if (order === 2) return { low: first(1, e), high: second };
  const r2 = 2 / 3;
  const phi = (r: number) => Math.expm1(r * h) / (r * h) - 1;
  const wu = (sigma(r2) * r2 * phi(r2)) / r1;
  const u2 = first(r2, e).map((value, i) => value - wu * (e1[i]! - e[i]!));
  const e2 = await noiseAt(u2, t + r2 * h);
  const w3 = (sigma(1) * phi(1)) / r2;
  return { low: second, high: first(1, e).map((value, i) => value - w3 * (e2[i]! - e[i]!)) };
}

export interface PredictorCorrectorOptions extends LoopOptions {
  /** Sigmas from large to small. */
  readonly sigmas: readonly number[];
  /** Variance that each predictor step takes away. Default: sigma^2 less that of the next, 0 after the last. */
  readonly variances?: readonly number[];
  /** What the model is told at each step. Default: sigma. */
  readonly timesteps?: readonly number[];
  /** Langevin steps before each predictor step. Default 1. */
  readonly corrections?: number;
  /** Signal-to-noise ratio of the Langevin steps. Default 0.15. */
  readonly snr?: number;
  /** 'item': each item of the batch has its own step size; 'batch': means over the batch, as diffusers has. Default 'item'. */
  readonly norms?: 'item' | 'batch';
  /** Called after each step with the state and its mean, and the state after the corrector. */
  onStep?(step: { step: number; x: Float64Array; mean: Float64Array; corrected: Float64Array }): void;
}

const pcOptions = [
  'shape',
  'x',
  'seed',
  'noise',
  'signal',
  'sigmas',
  'variances',
  'timesteps',
  'corrections',
  'snr',
];

/**
 * Predictor-corrector sampling of the VE SDE (arXiv:2011.13456, algorithms 2 and 4): Langevin steps at each level, then
 * the reverse diffusion. The model predicts the score.
 *
 * It is the authors' order and predictor, with variances that need not follow from the sigmas and the last mean as a result, none of
 * which a plan can say; `sampleWithCorrector` corrects after each step of any other solver.
 *
 * @returns the last mean, without noise, and the last state, float64.
 * @throws OptionError if an option or a number is out of its range.
 */
export async function predictorCorrector(model: ArrayModel, options: PredictorCorrectorOptions) {
  checkKnownOptions('predictorCorrector', options, [...pcOptions, 'norms', 'onStep']);
  const { sigmas, shape, noise = seededNoise(options.seed ?? 0) } = options;
  const { corrections, ...langevin } = checkCorrector('predictorCorrector', {
    ...options,
    snr: options.snr ?? 0.15,
  });
  let draws = 0;
  let modelCalls = 0;
  let x = stateOf('predictorCorrector', options.x, shape, arrays);
  let mean = x;
  for (const [step, sigma] of sigmas.entries()) {
    let call = 0;
    const score = async () => {
      options.signal?.throwIfAborted();
      const timestep = options.timesteps?.[step] ?? sigma;
      modelCalls++;
      return model(x, { timestep, alpha: 1, sigma, step, call: call++, shape, signal: options.signal });
    };
    for (let k = 0; k < corrections; k++) {
      const [m, z] = [await score(), noise(draws++, shape)];
      x = arrays.langevin(x, Float64Array.from(m), Float64Array.from(z), { items: shape[0]!, ...langevin });
    }
    const corrected = x;
    const m = await score();
    const z = noise(draws++, shape);
    const variance = options.variances?.[step] ?? sigma ** 2 - (sigmas[step + 1] ?? 0) ** 2;
    mean = x.map((value, i) => value + variance * m[i]!);
    x = mean.map((value, i) => value + Math.sqrt(variance) * z[i]!);
    options.onStep?.({ step, x, mean, corrected });
  }
  return { x, mean, modelCalls };
}
