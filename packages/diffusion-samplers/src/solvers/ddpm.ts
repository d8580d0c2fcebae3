/**
 * DDPM's ancestral sampling (arXiv:2006.11239, eq. 7, between any two levels): the posterior mean of q(x' | x, x0) and
 * noise of its variance, or of the forward step's.
 */
import { checkOneOf } from '@tfkit/core';
import type { Level } from '../level';
import { stepsOf } from '../plan/builder';
import { lin } from '../plan/forms';
import type { Solver } from './solver';

export interface DdpmOptions {
  /**
   * 'small': the posterior's variance; 'large': beta, the forward step's; 'learned' and 'learned-range': as 'small', for
   * `learnedVariance` of `./guidance`, which takes the model's. Default 'small'.
   */
  readonly variance?: 'small' | 'large' | 'learned' | 'learned-range';
}

/** Variances of q(x_to | x_from, x0), at least 1e-20, and of the forward step: x_from has `scale` x_to as its mean. */
export function variancesOf(from: Level, to: Level) {
  const scale = from.alpha / to.alpha;
  const forward = from.sigma ** 2 - (scale * to.sigma) ** 2;
  const posterior = Math.max((forward * to.sigma ** 2) / from.sigma ** 2, 1e-20);
  return { scale, forward, posterior };
}

/**
 * Ancestral sampling of DDPM. Source: Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020
 * (arXiv:2006.11239), algorithm 2.
 *
 * @throws OptionError if an option is out of its range.
 */
export function ddpm({ variance = 'small' }: DdpmOptions = {}): Solver {
  checkOneOf(['ddpm', 'variance'], variance, ['small', 'large', 'learned', 'learned-range']);
  return {
    name: 'ddpm',
    options: { variance },
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const { x0 } = b.predict(s);
        const { scale, forward, posterior } = variancesOf(s, n);
        const onX0 = (n.alpha * forward) / s.sigma ** 2;
        const onX = (scale * n.sigma ** 2) / s.sigma ** 2;
        const last = b.step === b.levels.length - 2;
        // DDPM adds no noise at timestep 0, whatever the variance.
        const quiet = n.sigma === 0 || (last && s.timestep <= 0);
        const sd = quiet ? 0 : Math.sqrt(variance === 'large' ? forward : posterior);
        b.advance(lin(onX0, x0, onX, b.x, 1, b.scaledNoise(sd)));
      }
    },
  };
}
