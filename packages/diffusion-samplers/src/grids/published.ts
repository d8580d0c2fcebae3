/** Grids that programs and papers give for the models they know. */
import { checkOneOf } from '@tfkit/core';
import { linspace } from '../level';
import type { Grid } from './grid';

/** Even times of the VP SDE (k-diffusion's get_sigmas_vp). */
export function vpTimes(
  options: { readonly betaD?: number; readonly betaMin?: number; readonly timeMin?: number } = {},
): Grid {
  return {
    ...{ name: 'vpTimes', options },
    points: (_, n) => ({ sigmas: [...vpSigmas(n, options.betaD, options.betaMin, options.timeMin), 0] }),
  };
}

/** Optimised for ten steps (Sabour et al., arXiv:2404.14507; the project's page), others by interpolation. */
const alignedSteps = {
  'stable-diffusion': [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
  'stable-diffusion-xl': [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0.029],
  'stable-video-diffusion': [700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002],
} as const;

/**
 * The tables of Align Your Steps for the models that have one.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function alignYourSteps(model: keyof typeof alignedSteps): Grid {
  checkOneOf(['alignYourSteps', 'model'], model, Object.keys(alignedSteps) as (keyof typeof alignedSteps)[]);
  return {
    ...{ name: 'alignYourSteps', options: { model } },
    points: (_, steps) => ({ sigmas: [...interpolateLog(alignedSteps[model], steps + 1).slice(0, -1), 0] }),
  };
}

/** Sigmas between those given, linear in log sigma. */
export function interpolateLog(sigmas: readonly number[], count: number): number[] {
  const logs = sigmas.map(Math.log);
  return linspace(0, logs.length - 1, count).map((at) => {
    const low = Math.min(Math.floor(at), logs.length - 2);
    return Math.exp(logs[low]! + (at - low) * (logs[low + 1]! - logs[low]!));
  });
}

/**
 * sqrt(exp(betaD t^2 / 2 + betaMin t) - 1), t = 1..epsilon: even times of the VP SDE (k-diffusion).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function vpSigmas(count: number, betaD = 19.9, betaMin = 0.1, epsilon = 1e-3): number[] {
  return linspace(1, epsilon, count).map((t) => Math.sqrt(Math.expm1((betaD * t * t) / 2 + betaMin * t)));
}
