/** Betas of discrete diffusion, in float64. */
import { checkInteger, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import { linspace } from '../level';

/** The sequences of betas by their usual names. */
export type BetaSchedule = 'linear' | 'scaled-linear' | 'cosine' | 'exp' | 'sigmoid';

/** Where a sequence of betas begins and ends, and how long it is. */
export interface BetaOptions {
  /** T. Default 1000. */
  readonly trainSteps?: number;
  /** Default 0.0001 and 0.02 (Ho et al.); Stable Diffusion has 0.00085 and 0.012 with 'scaled-linear'. */
  readonly betaStart?: number;
  readonly betaEnd?: number;
  /** A named form, or the betas themselves, each in (0, 1). Default 'linear'. */
  readonly betas?: BetaSchedule | readonly number[];
}

const betaNames: readonly BetaSchedule[] = ['linear', 'scaled-linear', 'cosine', 'exp', 'sigmoid'];

/**
 * The T betas: linear (arXiv:2006.11239), scaled-linear (linear in sqrt(beta), latent diffusion), cosine
 * (arXiv:2102.09672, capped at 0.999), exp (beta_i = 1 - f(i+1)/f(i) with f(t) = exp(-12 t)), sigmoid (GeoDiff).
 *
 * @returns of length T, or of that of the betas given.
 * @throws OptionError for values out of range.
 */
export function betasOf(options: BetaOptions = {}): Float64Array {
  const { trainSteps = 1000, betaStart = 1e-4, betaEnd = 0.02, betas = 'linear' } = options;
  if (typeof betas !== 'string') {
    for (const beta of betas) checkNumber(['vp', 'betas'], beta, { min: 0, max: 1 });
    if (betas.length < 1) throw new OptionError('vp: betas must have at least one element, got none.');
    return Float64Array.from(betas);
  }
  checkOneOf(['vp', 'betas'], betas, betaNames);
  checkInteger(['vp', 'trainSteps'], trainSteps, { min: 1, max: 1e6 });
  checkNumber(['vp', 'betaStart'], betaStart, { min: 0, max: 1, open: 'max' });
  checkNumber(['vp', 'betaEnd'], betaEnd, { min: 0, max: 1, open: 'max' });
  switch (betas) {
    case 'linear':
      return Float64Array.from(linspace(betaStart, betaEnd, trainSteps));
    case 'scaled-linear':
      return Float64Array.from(
        linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), trainSteps),
        (root) => root * root,
      );
    case 'sigmoid':
      return Float64Array.from(
        linspace(-6, 6, trainSteps),
        (t) => betaStart + (betaEnd - betaStart) / (1 + Math.exp(-t)),
      );
    default: {
      const signal =
        betas === 'cosine'
          ? (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2
          : (t: number) => Math.exp(-12 * t);
      return Float64Array.from({ length: trainSteps }, (_, i) =>
        Math.min(1 - signal((i + 1) / trainSteps) / signal(i / trainSteps), 0.999),
      );
    }
  }
}

/** cumprod(1 - beta). */
export function cumulativeAlphas(betas: ArrayLike<number>): Float64Array {
  let product = 1;
  return Float64Array.from(betas, (beta) => {
    product *= 1 - beta;
    return product;
  });
}

/** Square roots shifted and scaled so that the last is 0 and the first stays (arXiv:2305.08891, algorithm 1). */
export function rescaleToZeroSnr(alphasCumprod: Float64Array): Float64Array {
  const roots = alphasCumprod.map(Math.sqrt);
  const [first, last] = [roots[0]!, roots.at(-1)!];
  return roots.map((root) => (((root - last) * first) / (first - last)) ** 2);
}
