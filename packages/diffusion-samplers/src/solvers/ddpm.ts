/**
 * DDPM's ancestral sampling (arXiv:2006.11239, eq. 7, between any two levels): the posterior mean of q(x' | x, x0) and
 * noise of its variance, or of the forward step's.
 */
import { checkOneOf } from '@tfkit/core';
import { stepsOf } from '../plan/builder';
import { lin } from '../plan/forms';
import type { Solver } from './solver';

export interface DdpmOptions {
  /** 'small': the posterior's variance; 'large': beta, the forward step's. Default 'small'. */
  readonly variance?: 'small' | 'large';
}

/**
 * Ancestral sampling of DDPM. Source: Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020
 * (arXiv:2006.11239), algorithm 2.
 *
 * @throws OptionError if an option is out of its range.
 */
export function ddpm({ variance = 'small' }: DdpmOptions = {}): Solver {
  checkOneOf(['ddpm', 'variance'], variance, ['small', 'large']);
  return {
    name: 'ddpm',
    options: { variance },
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const { x0 } = b.predict(s);
        // q(x_s | x_n) has mean k x_n and variance `forward`.
        const k = s.alpha / n.alpha;
        const forward = s.sigma ** 2 - (k * n.sigma) ** 2;
        const onX0 = (n.alpha * forward) / s.sigma ** 2;
        const onX = (k * n.sigma ** 2) / s.sigma ** 2;
        const posterior = (forward * n.sigma ** 2) / s.sigma ** 2;
        const last = b.step === b.levels.length - 2;
        // DDPM adds no noise at timestep 0, whatever the variance.
        const quiet = n.sigma === 0 || (last && s.timestep <= 0);
        const sd = quiet ? 0 : Math.sqrt(variance === 'large' ? forward : Math.max(posterior, 1e-20));
        b.advance(lin(onX0, x0, onX, b.x, 1, b.scaledNoise(sd)));
      }
    },
  };
}
