/** Sequences of sigmas from large to small. */
import { linspace } from '../level';
import { betaQuantile } from './betaQuantile';

/**
 * (max^(1/rho) + u (min^(1/rho) - max^(1/rho)))^rho, u = 0..1 (arXiv:2206.00364, eq. 5).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function karrasSigmas(count: number, min: number, max: number, rho = 7): number[] {
  return linspace(0, 1, count).map((u) => karrasSigma(u, min, max, rho));
}

export function karrasSigma(u: number, min: number, max: number, rho: number): number {
  const [low, high] = [min ** (1 / rho), max ** (1 / rho)];
  return (high + u * (low - high)) ** rho;
}

/**
 * Even steps of log sigma. The same as even steps of lambda (Lu et al., DPM-Solver, arXiv:2206.00927).
 *
 * @throws OptionError if count is no integer in [0, 1e6].
 */
export function exponentialSigmas(count: number, min: number, max: number): number[] {
  return polyexponentialSigmas(count, min, max, 1);
}

/**
 * exp(u^rho (log max - log min) + log min), u = 1..0 (k-diffusion).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function polyexponentialSigmas(count: number, min: number, max: number, rho = 1): number[] {
  const [low, high] = [Math.log(min), Math.log(max)];
  return linspace(1, 0, count).map((u) => Math.exp(u ** rho * (high - low) + low));
}

/**
 * min + (max - min) q(u) with q the quantile function of Beta(alpha, beta) (arXiv:2407.12173).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function betaSigmas(count: number, min: number, max: number, alpha = 0.6, beta = 0.6): number[] {
  return linspace(1, 0, count).map((u) => min + (max - min) * betaQuantile(u, alpha, beta));
}
