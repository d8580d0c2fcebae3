/** Stochastic differential equations with additive noise, dx = a(x, t) dt + g(t) dw, stepped along a Brownian path. */
import { checkInteger, checkKnownOptions, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import { linspace } from '../level';
import { type NoiseSource, seededNoise } from '../noise';
import type { Arithmetic } from './arithmetic';
import { type BrownianPath, independentIncrements } from './brownian';
import {
  arithmeticOf,
  checkSde,
  type ItemModel,
  ModelDrift,
  type SdeRun,
  sdeRunOptions,
  stateOf,
} from './model';

/**
 * 'euler-maruyama': strong order 1 for additive noise, one drift a step. 'heun': the trapezoidal rule, strong order 1 with
 * a smaller constant, order 2 without noise, two drifts. 'sra1': strong order 1.5, two drifts (Roessler, Runge-Kutta
 * methods for the strong approximation of solutions of SDEs, SIAM J. Numer. Anal. 48, 2010, table 6.2).
 */
export type SdeMethod = 'euler-maruyama' | 'heun' | 'sra1';

const methods: readonly SdeMethod[] = ['euler-maruyama', 'heun', 'sra1'];

/** The equation. The drift's result becomes the solver's. */
export interface Equation<V> {
  drift(x: V, t: number): V | Promise<V>;
  diffusion(t: number): number;
}

/** One step from x at `t` over `h`, of either sign, with the path's increment over |h|. */
async function stepSde<V>(
  { drift, diffusion }: Equation<V>,
  x: V,
  [t, h]: readonly [number, number],
  [w, area]: readonly [w: V, area: V],
  method: SdeMethod,
  on: Arithmetic<V>,
): Promise<V> {
  const a0 = await drift(x, t);
  const [g0, g1] = [diffusion(t), diffusion(t + h)];
  try {
    if (method === 'euler-maruyama') return on.combine([1, h, g0], [x, a0, w]);
    // The integral of W over the step is |h| (w / 2 + area).
    const trial =
      method === 'heun'
        ? on.combine([1, h, g0], [x, a0, w])
        : on.combine([1, 0.75 * h, 0.75 * g1, 1.5 * g1], [x, a0, w, area]);
    let a1: V | undefined;
    try {
      a1 = await drift(trial, method === 'heun' ? t + h : t + 0.75 * h);
      return method === 'heun'
        ? on.combine([1, h / 2, h / 2, (g0 + g1) / 2], [x, a0, a1, w])
        : on.combine([1, h / 3, (2 * h) / 3, (g0 + g1) / 2, g0 - g1], [x, a0, a1, w, area]);
    } finally {
      on.free(trial);
      if (a1 !== undefined) on.free(a1);
    }
  } finally {
    on.free(a0);
  }
}

/**
 * Options of `solveSde`: times, the shape of the state (the batch first) and the path are required. `on` is the arithmetic, default
 * typed arrays; an aborted `signal` makes it reject with the signal's reason.
 */
export interface SolveSdeOptions<V> {
  /** Times from the start to the end, going one way. */
  readonly times: readonly number[];
  readonly shape: readonly number[];
  /** Default 'sra1'. */
  readonly method?: SdeMethod;
  /** Over [0, |end - start|]: the noise of a step is the path's over the time passed. */
  readonly path: BrownianPath;
  readonly on?: Arithmetic<V>;
  readonly signal?: AbortSignal;
}

/**
 * The solution at the last of `times` of dx = a(x, t) dt + g(t) dw. The caller keeps x, and the result.
 *
 * @throws OptionError for an unknown option or method, fewer than two times or times that do not go one way, or a path that does not
 * cover them; ShapeError if the shape is not positive integers or x has not as many numbers.
 */
export async function solveSde<V = Float64Array>(
  equation: Equation<V>,
  x: V | ArrayLike<number>,
  options: SolveSdeOptions<V>,
): Promise<V> {
  checkKnownOptions('solveSde', options, ['times', 'shape', 'method', 'path', 'on', 'signal']);
  const { times, shape, method = 'sra1', path, signal } = options;
  checkOneOf(['solveSde', 'method'], method, methods);
  checkTimes('solveSde', times);
  const on = arithmeticOf(options.on);
  let state = stateOf('solveSde', x, shape, on);
  for (let n = 0; n + 1 < times.length; n++) {
    try {
      signal?.throwIfAborted();
      const next = await steppedAlong(equation, state, times, n, { shape, method, path, on });
      on.free(state);
      state = next;
    } catch (error) {
      on.free(state);
      throw error;
    }
  }
  return state;
}

interface Along<V> {
  readonly shape: readonly number[];
  readonly method: SdeMethod;
  readonly path: BrownianPath;
  readonly on: Arithmetic<V>;
}

/** Step n, with the noise that the path has there. */
async function steppedAlong<V>(
  equation: Equation<V>,
  state: V,
  times: readonly number[],
  n: number,
  { shape, method, path, on }: Along<V>,
): Promise<V> {
  const [start, t, end] = [times[0]!, times[n]!, times[n + 1]!];
  const { w, area } = path.increment(Math.abs(t - start), Math.abs(end - start));
  const noise = [on.from(w, shape), on.from(area, shape)] as const;
  try {
    return await stepSde(equation, state, [t, end - t], noise, method, on);
  } finally {
    on.free(...noise);
  }
}

function checkTimes(name: string, times: readonly number[]): void {
  const up = times[1]! > times[0]!;
  const ordered = times.every((t, n) => n === 0 || (up ? t > times[n - 1]! : t < times[n - 1]!));
  if (times.length > 1 && ordered) return;
  throw new OptionError(`${name}: times must be two or more and go one way, got [${times.join(', ')}].`);
}

export interface Corrector {
  /** Langevin steps after each step of the predictor. Default 1. */
  readonly steps?: number;
  /** Signal-to-noise ratio, which sets the step size. Default 0.16. */
  readonly snr?: number;
  /** 'item': each item has its own step size; 'batch': from means over the batch, as the article's program has. Default 'item'. */
  readonly norms?: 'item' | 'batch';
}

/** Options of `sampleSde`. `seed` is an integer in [0, 2^32), default 0; an aborted `signal` makes it reject with the signal's reason. */
export interface SampleSdeOptions<V> extends SdeRun<V> {
  /** Equal steps from `timeMax` to `timeMin`. Default 500. */
  readonly steps?: number;
  /** Or the times themselves, falling. */
  readonly times?: readonly number[];
  /** How the reverse SDE is stepped: any of these may be the predictor of a corrector. Default 'euler-maruyama'. */
  readonly method?: SdeMethod;
  /** Share of the noise: 1 the reverse SDE, 0 the probability-flow ODE. Default 1. */
  readonly lambda?: number;
  /** Predictor-corrector sampling (arXiv:2011.13456, algorithms 2 to 5). Default none. */
  readonly corrector?: Corrector;
  readonly seed?: number;
  /** Noise that other runs can follow too, over [0, timeMax - timeMin]. Default: drawn anew each step, from the seed. */
  readonly path?: BrownianPath;
  /** Of the corrector. Default of the seed. */
  readonly noise?: NoiseSource;
  readonly signal?: AbortSignal;
}

/**
 * A sample: x at the first time carried backwards along the reverse SDE.
 *
 * @param x [batch, ...], latents: noise times sigma(timeMax), or their numbers.
 * @returns the state at the last time; the caller's own.
 * @throws OptionError for an unknown option, method or prediction type, steps below 1, lambda below 0, fewer than two times or times
 * that do not go one way, a corrector with steps below 0, snr not above 0 or unknown norms, a path that does not cover the times, or,
 * without a path, a seed that is no integer in [0, 2^32); ShapeError if the shape is not positive integers or x has not as many numbers.
 */
export async function sampleSde<V = Float64Array>(
  model: ItemModel<V>,
  x: V | ArrayLike<number>,
  options: SampleSdeOptions<V>,
): Promise<{ readonly x: V; readonly modelCalls: number }> {
  const own = ['steps', 'times', 'method', 'lambda', 'corrector', 'seed', 'path', 'noise', 'signal'];
  checkKnownOptions('sampleSde', options, [...sdeRunOptions, ...own]);
  const { sde, shape, steps = 500, method = 'euler-maruyama', lambda = 1, seed = 0, signal } = options;
  checkSde(sde);
  checkInteger(['sampleSde', 'steps'], steps, { min: 1 });
  checkOneOf(['sampleSde', 'method'], method, methods);
  checkNumber(['sampleSde', 'lambda'], lambda, { min: 0 });
  const times = options.times ?? linspace(sde.timeMax, sde.timeMin, steps + 1);
  checkTimes('sampleSde', times);
  const corrector = checkCorrector(options.corrector);
  const on = arithmeticOf(options.on);
  const items = shape[0]!;
  const path = options.path ?? independentIncrements(seed, shape);
  const noise = options.noise ?? seededNoise((seed ^ 0x5bd1e995) >>> 0);
  let modelCalls = 0;
  const counted: ItemModel<V> = (state, call) => {
    signal?.throwIfAborted();
    modelCalls++;
    return model(state, call);
  };
  const drift = new ModelDrift(counted, options, lambda);
  const timesOf = (t: number) => new Float64Array(items).fill(t);
  const equation: Equation<V> = {
    drift: (state, t) => drift.drift(state, timesOf(t)),
    diffusion: (t) => lambda * sde.diffusion(t),
  };
  let state = stateOf('sampleSde', x, shape, on);
  let draws = 0;
  const replace = (next: V) => {
    on.free(state);
    state = next;
  };
  try {
    for (let n = 0; n + 1 < times.length; n++) {
      replace(await steppedAlong(equation, state, times, n, { shape, method, path, on }));
      for (let k = 0; k < corrector.steps; k++) {
        const score = await drift.score(state, timesOf(times[n + 1]!));
        const held: V[] = [score];
        try {
          const z = on.from(noise(draws++, shape), shape);
          held.push(z);
          replace(on.langevin(state, score, z, { items, snr: corrector.snr, norms: corrector.norms }));
        } finally {
          on.free(...held);
        }
      }
    }
    return { x: state, modelCalls };
  } catch (error) {
    on.free(state);
    throw error;
  }
}

function checkCorrector(corrector: Corrector | undefined): Required<Corrector> {
  const checked = { steps: corrector ? 1 : 0, snr: 0.16, norms: 'item' as const, ...corrector };
  checkInteger(['sampleSde', 'corrector.steps'], checked.steps, { min: 0 });
  checkNumber(['sampleSde', 'corrector.snr'], checked.snr, { min: 0, open: 'min' });
  checkOneOf(['sampleSde', 'corrector.norms'], checked.norms, ['item', 'batch']);
  return checked;
}
