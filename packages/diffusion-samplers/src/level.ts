import { checkInteger } from '@tfkit/core';

/** One noise level of a run: the state there is `alpha * x0 + sigma * epsilon`, as the model sees it. */
export interface Level {
  /** What the model is told: an index 0..T-1, a time in [0, 1], or a function of sigma, as its schedule says. */
  readonly timestep: number;
  readonly alpha: number;
  readonly sigma: number;
}

/** Noise-to-signal ratio sigma / alpha, "sigma" of Karras et al. (arXiv:2206.00364). Infinity where alpha is 0. */
export const ratioOf = ({ alpha, sigma }: Level): number => sigma / alpha;

/** Half the log signal-to-noise ratio, log(alpha / sigma): -Infinity for pure noise, Infinity for clean data. */
export const lambdaOf = ({ alpha, sigma }: Level): number => Math.log(alpha / sigma);

/** Levels whose lambda differs by no more are the same: a grid that repeats its end may miss it by a rounding. */
export const levelSlack = 1e-9;

/**
 * `count` numbers from `start` to `end`, both included. One number is `start`. A million is more than any run takes, and
 * keeps a mistaken count from filling the memory.
 *
 * @throws OptionError if count is no integer in [0, 1e6].
 */
export function linspace(start: number, end: number, count: number): number[] {
  checkInteger(['sigmas', 'count'], count, { min: 0, max: 1e6 });
  const step = count > 1 ? (end - start) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => (i === count - 1 && i > 0 ? end : start + i * step));
}
