/** Rectified flow beyond its first training: pairs for reflow, and how straight its paths are (arXiv:2209.03003). */
import { checkInteger, checkKnownOptions, sizeOf } from '@tfkit/core';
import { checkBatchShape } from '../batchShape';
import { type NoiseSource, seededNoise } from '../noise';
import type { Plan } from '../plan/types';
import { type ArrayModel, sample } from '../sample';

/** Options of `reflowPairs`. `seed` is an integer in [0, 2^32), default 0; an aborted `signal` makes it reject with the signal's reason. */
export interface ReflowOptions {
  /** Of the whole set, the pairs first. */
  readonly shape: readonly number[];
  /** Pairs made at a time. Default 256. */
  readonly batch?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** What `reflowPairs` gives: two arrays [pairs, ...], of which item i of the one belongs to item i of the other. */
export interface ReflowPairs {
  /** Float32Array of `shape`: noise, and the data that the flow carries it to. */
  readonly noise: Float32Array;
  readonly data: Float32Array;
}

/**
 * Pairs (noise, data) along the ODE of a trained flow, of which the next flow learns the straight lines: train it on
 * x = (1 - t) data + t noise with the target noise - data (arXiv:2209.03003, algorithm 1). Pair i does not depend on the batch.
 *
 * @throws OptionError for an unknown option, a batch that is no integer >= 1, or a seed that is no integer in [0, 2^32); and what
 * `sample` throws.
 */
export async function reflowPairs(
  plan: Plan,
  model: ArrayModel,
  options: ReflowOptions,
): Promise<ReflowPairs> {
  checkKnownOptions('reflowPairs', options, ['shape', 'batch', 'seed', 'signal']);
  const { shape, batch = 256, seed = 0, signal } = options;
  checkInteger(['reflowPairs', 'batch'], batch, { min: 1 });
  checkBatchShape('reflowPairs', shape);
  const [count, size] = [shape[0]!, sizeOf(shape.slice(1))];
  const draws = seededNoise(seed)(-1, shape);
  const noise = Float32Array.from(draws, (value) => plan.initialScale * value);
  const data = new Float32Array(noise.length);
  for (let first = 0; first < count; first += batch) {
    const items = Math.min(batch, count - first);
    const x = noise.slice(first * size, (first + items) * size);
    const result = await sample(plan, model, { shape: [items, ...shape.slice(1)], x, seed, signal });
    data.set(result.x, first * size);
  }
  return { noise, data };
}

/**
 * Options of `straightness`: the shape of the batch, [batch, ...]; a seed, an integer in [0, 2^32), default 0; or the noise itself,
 * default `seededNoise(seed)`.
 */
export interface StraightnessOptions {
  readonly shape: readonly number[];
  readonly seed?: number;
  readonly noise?: NoiseSource;
}

/**
 * S = integral over t of E |(x1 - x0) - v(x_t, t)|^2 / E |x1 - x0|^2, along the paths of the plan's ODE, from a model that
 * predicts 'flow': 0 if all paths are straight, so that one Euler step is exact (arXiv:2209.03003, section 2.2; here relative to
 * the squared length). Compare models by the same plan, of Euler's method on an even `flowGrid`.
 *
 * @returns S, dimensionless.
 * @throws OptionError for an unknown option, or, without `noise`, a seed that is no integer in [0, 2^32); and what `sample` throws.
 */
export async function straightness(
  plan: Plan,
  model: ArrayModel,
  options: StraightnessOptions,
): Promise<number> {
  checkKnownOptions('straightness', options, ['shape', 'seed', 'noise']);
  const velocities: Float64Array[] = [];
  const spans: number[] = [];
  const watched: ArrayModel = async (x, call) => {
    const v = await model(x, call);
    const { from, to } = plan.steps[call.step]!;
    velocities.push(Float64Array.from(v));
    spans.push(from.sigma / (from.alpha + from.sigma) - to.sigma / (to.alpha + to.sigma));
    return v;
  };
  const { shape, seed = 0, noise = seededNoise(seed) } = options;
  checkBatchShape('straightness', shape);
  const start = Float64Array.from(noise(-1, shape), (value) => plan.initialScale * value);
  const { x } = await sample(plan, watched, { shape, x: start, noise });
  const whole = start.map((value, i) => value - x[i]!);
  const length = whole.reduce((sum, value) => sum + value * value, 0);
  const span = spans.reduce((sum, value) => sum + value, 0);
  let total = 0;
  for (const [n, v] of velocities.entries()) {
    total += (spans[n]! / span) * v.reduce((sum, value, i) => sum + (whole[i]! / span - value) ** 2, 0);
  }
  return (total * span * span) / length;
}
