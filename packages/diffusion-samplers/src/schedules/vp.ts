/** Variance-preserving schedules: alpha^2 + sigma^2 = 1. */
import { type BetaOptions, betasOf, cumulativeAlphas, rescaleToZeroSnr } from './betas';
import type { Schedule } from './schedule';

export interface VpOptions extends BetaOptions {
  /** Rescales so that the last timestep is pure noise (arXiv:2305.08891). Then 'epsilon' cannot be predicted there. */
  readonly zeroTerminalSnr?: boolean;
  /** The SNR is divided by this (CogVideoX: 3). Default 1. */
  readonly snrShift?: number;
  /** Replaces alphasCumprod[T - 1] (diffusers puts 2^-24 in place of 0). */
  readonly terminalAlpha?: number;
  /** 'discrete': the index; 'log': log(sigma) / 4, as continuous-time EDM checkpoints take it. Default 'discrete'. */
  readonly timesteps?: 'discrete' | 'log';
}

/** alpha and sigma where sigma / alpha is `ratio`, on the unit circle. Exact for 0 and Infinity. */
export function unitLevel(ratio: number): { alpha: number; sigma: number } {
  if (ratio === Infinity) return { alpha: 0, sigma: 1 };
  const alpha = 1 / Math.sqrt(1 + ratio * ratio);
  return { alpha, sigma: ratio * alpha };
}

/**
 * The discrete variance-preserving schedule of DDPM and latent diffusion, from any betas. Listed sigma is
 * sqrt((1 - ab) / ab); between timesteps sigma is linear in t, and t is linear in log sigma (as in k-diffusion).
 *
 * @throws OptionError for betas out of range.
 * @example
 * const schedule = vp({ betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 }); // Stable Diffusion
 */
export function vp(options: VpOptions = {}): Schedule {
  const { snrShift = 1, zeroTerminalSnr = false, terminalAlpha, timesteps = 'discrete' } = options;
  let products = cumulativeAlphas(betasOf(options));
  if (snrShift !== 1) products = products.map((a) => a / (snrShift + (1 - snrShift) * a));
  if (zeroTerminalSnr) {
    products = rescaleToZeroSnr(products);
    // Through betas and back, which is how the peers' numbers come about.
    if (snrShift === 1)
      products = cumulativeAlphas(products.map((a, i) => 1 - (i ? a / products[i - 1]! : a)));
  }
  const last = products.length - 1;
  if (terminalAlpha !== undefined) products[last] = terminalAlpha;
  const sigmas = products.map((a) => Math.sqrt((1 - a) / a));
  const logs = sigmas.map(Math.log);
  const index = (sigma: number): number => {
    const log = Math.log(sigma);
    if (!(log > logs[0]!)) return 0;
    if (log >= logs[last]!) return last;
    let [low, high] = [0, last];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (logs[middle]! <= log) low = middle;
      else high = middle;
    }
    const weight = logs[high] === Infinity ? 0 : (log - logs[low]!) / (logs[high]! - logs[low]!);
    return low + weight;
  };
  const sigmaAt = (t: number): number => {
    const low = Math.min(Math.max(Math.floor(t), 0), last);
    const weight = t - low;
    return weight <= 0 || low === last
      ? sigmas[low]!
      : (1 - weight) * sigmas[low]! + weight * sigmas[low + 1]!;
  };
  return {
    name: 'vp',
    options,
    trainSteps: products.length,
    alphasCumprod: products,
    sigmaMin: sigmas[0]!,
    sigmaMax: sigmas[last]!,
    level: unitLevel,
    timestep: timesteps === 'log' ? (sigma) => 0.25 * Math.log(sigma) : index,
    sigma: timesteps === 'log' ? (t) => Math.exp(4 * t) : sigmaAt,
    sigmaOfRatio: (ratio) => ratio,
  };
}
