/** The probability-flow ODE of an SDE: data to latents, latents to data, and exact likelihood (arXiv:2011.13456, section 4.3). */
import {
  bernoulli,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  foldIn,
  key,
  OptionError,
  sizeOf,
} from '@tfkit/core';
import {
  arithmeticOf,
  checkSde,
  type ItemModel,
  ModelDrift,
  type SdeRun,
  sdeRunOptions,
  stateOf,
} from './model';
import { type OdeOptions, type OdeSolution, odeOptions, solveOde } from './ode';
import type { Sde } from './sdes';

/** Options of `encode` and `decode`: the SDE, the prediction and the shape, and those of the ODE solver. */
export interface FlowOptions<V> extends SdeRun<V>, OdeOptions {}

/**
 * What `encode` and `decode` give: states [batch, ...], the calls of the model on the whole batch, and the solver's counts of steps
 * (see `OdeSolution`).
 */
export interface FlowResult<V> {
  /** The state at the end; the caller's own. */
  readonly x: V;
  /** The state at each of `times`. */
  readonly dense: readonly V[];
  readonly modelCalls: number;
  readonly accepted: number;
  readonly rejected: number;
}

const known = [...sdeRunOptions, ...odeOptions];

/**
 * The latent of data: x at `sde.timeMin` carried to `sde.timeMax`. `decode` undoes it, to the tolerance.
 *
 * @param x [batch, ...], a value of `options.on` (not disposed) or numbers.
 */
export function encode<V = Float64Array>(
  model: ItemModel<V>,
  x: V | ArrayLike<number>,
  options: FlowOptions<V>,
): Promise<FlowResult<V>> {
  return follow('encode', model, x, options, ({ timeMin, timeMax }) => [timeMin, timeMax]);
}

/** The data of a latent: x at `sde.timeMax` carried to `sde.timeMin`. A deterministic sampler. */
export function decode<V = Float64Array>(
  model: ItemModel<V>,
  x: V | ArrayLike<number>,
  options: FlowOptions<V>,
): Promise<FlowResult<V>> {
  return follow('decode', model, x, options, ({ timeMin, timeMax }) => [timeMax, timeMin]);
}

async function follow<V>(
  name: string,
  model: ItemModel<V>,
  x: V | ArrayLike<number>,
  options: FlowOptions<V>,
  rangeOf: (sde: Sde) => readonly [number, number],
): Promise<FlowResult<V>> {
  checkKnownOptions(name, options, known);
  checkSde(options.sde);
  const on = arithmeticOf(options.on);
  const drift = new ModelDrift(model, options, 0);
  const start = stateOf(name, x, options.shape, on);
  try {
    const solution = await solveOde<V>(
      async ([state], times) => [await drift.drift(state!, times)],
      ...([[start], options.shape[0]!, rangeOf(options.sde), on, options] as const),
    );
    return resultOf(solution, 0);
  } finally {
    on.free(start);
  }
}

const resultOf = <V>(
  { parts, dense, calls, accepted, rejected }: OdeSolution<V>,
  part: number,
): FlowResult<V> => ({
  ...{ x: parts[part]!, dense: dense.map((all) => all[part]!), modelCalls: calls, accepted, rejected },
});

/** Options of `logLikelihood`. `seed`, of the random signs of 'hutchinson', is an integer in [0, 2^32), default 0. */
export interface LikelihoodOptions<V> extends FlowOptions<V> {
  /**
   * 'exact': the trace of the Jacobian, a product with it for every number of an item; 'hutchinson': its unbiased estimate
   * from random signs (FFJORD, arXiv:1810.01367). Default 'exact' up to 16 numbers an item, else 'hutchinson'. Typed arrays
   * have no gradients: there the products are central differences, two model calls each.
   */
  readonly divergence?: 'exact' | 'hutchinson';
  /** Random probes of 'hutchinson', the same along the whole path. Default 1. */
  readonly probes?: number;
  readonly seed?: number;
  /** Standard deviation of the latent. Default that of unit-variance data: sqrt(alpha^2 + sigma^2), or sigma for VE. */
  readonly latentDeviation?: number;
}

/** What `logLikelihood` gives: log-densities, latents [batch, ...], and how often the model was called. */
export interface Likelihood<V> {
  /** log p(x) in nats, [batch], of data at `sde.timeMin`. */
  readonly logProb: Float64Array;
  /** The latent; the caller's own. */
  readonly latent: V;
  readonly modelCalls: number;
}

/**
 * Log-likelihood of data under the probability-flow ODE: log p(x) = log N(x(T)) + integral of div f along its path
 * (arXiv:2011.13456, eq. 39). It is exact but for the tolerance and for the prior, N(0, latentDeviation^2), which the model's
 * x(T) has only nearly.
 *
 * @param x [batch, ...] at `sde.timeMin`; noise of that level is the caller's to add.
 * @throws OptionError for an unknown option, prediction type or divergence, probes below 1, a latentDeviation that is not above 0, for
 * 'hutchinson' a seed that is no integer in [0, 2^32), or an option that `solveOde` refuses; ShapeError if the shape is not positive integers or x has not as many
 * numbers; ValueError if the error of the ODE cannot be held.
 */
export async function logLikelihood<V = Float64Array>(
  network: ItemModel<V>,
  x: V | ArrayLike<number>,
  options: LikelihoodOptions<V>,
): Promise<Likelihood<V>> {
  const own = ['divergence', 'probes', 'seed', 'latentDeviation'];
  checkKnownOptions('logLikelihood', options, [...known, ...own]);
  const { sde, shape, probes = 1, seed = 0 } = options;
  checkSde(sde);
  const on = arithmeticOf(options.on);
  const size = sizeOf(shape.slice(1));
  const { divergence = size <= 16 ? 'exact' : 'hutchinson' } = options;
  if (divergence !== 'exact' && divergence !== 'hutchinson') {
    throw new OptionError(`logLikelihood: divergence must be 'exact' or 'hutchinson', got '${divergence}'.`);
  }
  checkInteger(['logLikelihood', 'probes'], probes, { min: 1 });
  const end = sde.level(sde.timeMax);
  const deviation =
    options.latentDeviation ?? (sde.name === 've' ? end.sigma : Math.hypot(end.alpha, end.sigma));
  checkNumber(['logLikelihood', 'latentDeviation'], deviation, { min: 0, open: 'min' });
  const items = shape[0]!;
  const drift = new ModelDrift(network, options, 0);
  const start = [stateOf('logLikelihood', x, shape, on), on.from(new Float64Array(items), [items])] as const;
  const vectors = divergence === 'exact' ? unitVectors(items, size) : randomSigns(items, size, probes, seed);
  const share = divergence === 'exact' ? 1 : 1 / probes;
  const directions = vectors.map((values) => on.from(values, shape));
  const one = on.from(new Float64Array(items).fill(1), [items]);
  let calls = 0;
  try {
    const { parts } = await solveOde<V>(
      async ([state], times) => {
        const { a, b, scale, model, input, done, release } = drift.at(times);
        const seen = input(state!);
        const counted = (value: V) => {
          calls++;
          return model(value);
        };
        let m: V | undefined;
        const traces: V[] = [];
        try {
          for (const direction of directions) {
            const { output, value } = await on.quadratic(counted, seen, direction, items);
            traces.push(value);
            if (m === undefined) m = output;
            else on.free(output);
          }
          const slope = on.combine([a, b], [state!, m!]);
          const factor = b.map((value, item) => share * value * scale[item]!);
          const sum = on.combine(
            [a.map((value) => size * value), ...traces.map(() => factor)],
            [one, ...traces],
          );
          return [slope, sum];
        } finally {
          on.free(...traces);
          if (m !== undefined) on.free(m);
          done(seen);
          release();
        }
      },
      ...([start, items, [sde.timeMin, sde.timeMax], on, options] as const),
    );
    const [latent, change] = parts as readonly [V, V];
    const [values, integral] = [await on.read(latent), await on.read(change)];
    on.free(change);
    const logProb = integral.map((value, item) => value + gaussian(values, item, size, deviation));
    return { logProb, latent, modelCalls: calls };
  } finally {
    on.free(...start, ...directions, one);
  }
}

function gaussian(values: Float64Array, item: number, size: number, deviation: number): number {
  let sum = 0;
  for (let i = item * size; i < (item + 1) * size; i++) sum += (values[i]! / deviation) ** 2;
  return -0.5 * sum - size * (0.5 * Math.log(2 * Math.PI) + Math.log(deviation));
}

function unitVectors(items: number, size: number): Float64Array[] {
  return Array.from({ length: size }, (_, j) =>
    Float64Array.from({ length: items * size }, (_, i) => (i % size === j ? 1 : 0)),
  );
}

/** Signs that depend on (seed, item, probe) alone. */
function randomSigns(items: number, size: number, probes: number, seed: number): Float64Array[] {
  const root = key(seed);
  return Array.from({ length: probes }, (_, probe) => {
    const out = new Float64Array(items * size);
    for (let item = 0; item < items; item++) {
      const coins = bernoulli(foldIn(foldIn(root, item), probe), size);
      for (let i = 0; i < size; i++) out[item * size + i] = coins[i] ? 1 : -1;
    }
    return out;
  });
}

/**
 * Bits a dimension of log-probabilities in nats, both [batch].
 *
 * @param size numbers an item has.
 * @param options.binWidth width of one of the data's integer levels in units of x: 2 / 256 for bytes scaled to [-1, 1]. Data
 * is then dequantised by uniform noise of that width. Default 1.
 * @throws OptionError for an unknown option, a size that is no integer >= 1, or a binWidth that is not above 0.
 */
export function bitsPerDim(
  logProb: ArrayLike<number>,
  size: number,
  options: { readonly binWidth?: number } = {},
): Float64Array {
  checkKnownOptions('bitsPerDim', options, ['binWidth']);
  checkInteger(['bitsPerDim', 'size'], size, { min: 1 });
  const { binWidth = 1 } = options;
  checkNumber(['bitsPerDim', 'binWidth'], binWidth, { min: 0, open: 'min' });
  return Float64Array.from(logProb, (value) => -value / (size * Math.LN2) - Math.log2(binWidth));
}
