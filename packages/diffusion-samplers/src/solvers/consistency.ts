/** Few-step samplers of distilled models: estimate x0, then put noise back. */
import { checkNumber, checkOneOf } from '@tfkit/core';
import { ratioOf } from '../level';
import { stepsOf } from '../plan/builder';
import { lin } from '../plan/forms';
import type { AncestralOptions } from './ancestral';
import { coordinates } from './path';
import type { Solver } from './solver';

export interface LcmOptions {
  /**
   * 'scaled': c_out x0 + c_skip x with sigma_data 0.5 and the timestep times `timestepScale` (latent consistency models);
   * 'none': x0 itself (flow models). Default 'scaled'.
   */
  readonly boundary?: 'scaled' | 'none';
  /** Default 10. */
  readonly timestepScale?: number;
}

/**
 * Latent consistency models (arXiv:2310.04378): x' = alpha' D + sigma' z, the last step D.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function lcm({ boundary = 'scaled', timestepScale = 10 }: LcmOptions = {}): Solver {
  checkOneOf(['lcm', 'boundary'], boundary, ['scaled', 'none']);
  checkNumber(['lcm', 'timestepScale'], timestepScale, { min: 0, open: 'min' });
  return {
    name: 'lcm',
    options: { boundary, timestepScale },
    build(b) {
      const clean = { timestep: 0, alpha: 1, sigma: 0 };
      for (const { i, s, n } of stepsOf(b)) {
        const { x0 } = b.predict(s);
        const u = s.timestep * timestepScale;
        const denoised =
          boundary === 'none' ? x0 : lin(u / Math.sqrt(u * u + 0.25), x0, 0.25 / (u * u + 0.25), b.x);
        if (boundary === 'scaled' && i === b.levels.length - 2) b.advance(denoised, clean);
        else b.advance(lin(n.alpha, denoised, 1, b.scaledNoise(n.sigma)));
      }
    },
  };
}

/**
 * Trajectory consistency (arXiv:2402.19159, algorithm 2): down to the timestep floor((1 - eta) t'), then noise up to t'.
 * Needs a schedule with discrete timesteps.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function tcd({ eta = 0.3 }: { readonly eta?: number } = {}): Solver {
  checkNumber(['tcd', 'eta'], eta, { min: 0, max: 1 });
  return {
    name: 'tcd',
    options: { eta },
    build(b) {
      for (const { i, s, n } of stepsOf(b)) {
        const { x0, epsilon } = b.predict(s);
        const last = i === b.levels.length - 2;
        const down = last ? n : b.schedule.level(b.schedule.sigma(Math.floor((1 - eta) * n.timestep)));
        const y = lin(down.alpha, x0, down.sigma, epsilon);
        if (last || eta === 0) {
          b.advance(y);
          continue;
        }
        const kept = n.alpha / down.alpha;
        b.advance(lin(kept, y, 1, b.scaledNoise(Math.sqrt(Math.max(0, 1 - kept * kept)))));
      }
    },
  };
}

/** Multistep consistency sampling (arXiv:2303.01469, algorithm 1) for prediction 'consistency'. */
export function consistency({
  noiseScale = 1,
  sigmaMin = 0.002,
  sigmaMax = 80,
}: {
  readonly noiseScale?: number;
  readonly sigmaMin?: number;
  readonly sigmaMax?: number;
} = {}): Solver {
  return {
    name: 'consistency',
    options: { noiseScale, sigmaMin, sigmaMax },
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const { x0 } = b.predict(s);
        const level = Math.min(Math.max(ratioOf(n), sigmaMin), sigmaMax);
        const spread = noiseScale * Math.sqrt(Math.max(0, level ** 2 - sigmaMin ** 2));
        b.advance(lin(n.alpha, x0, 1, b.scaledNoise(n.alpha * spread)));
      }
    },
  };
}

/**
 * Ancestral Euler for rectified flows (LTX-Video): down in flow time, rescaled, and noise up to the next level.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function flowAncestral({ eta = 1, noiseScale = 1 }: AncestralOptions = {}): Solver {
  checkNumber(['flowAncestral', 'eta'], eta, { min: 0, max: 1 });
  checkNumber(['flowAncestral', 'noiseScale'], noiseScale, { min: 0 });
  const { time } = coordinates.flow;
  return {
    name: 'flowAncestral',
    options: { eta, noiseScale },
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const { x0, noise } = b.predict(s);
        if (n.sigma === 0 || eta === 0 || noiseScale === 0) {
          b.advance(lin(n.alpha, x0, n.sigma, noise));
          continue;
        }
        const [from, to] = [time(s), time(n)];
        const down = to * (1 + (to / from - 1) * eta);
        const rest = 1 - down;
        // The small numbers keep a step from pure noise finite.
        const kept = (1 - to) / (rest + 1e-12);
        const up = Math.sqrt(Math.max(0, to ** 2 - (down * (1 - to)) ** 2 / (rest ** 2 + 1e-12)));
        const scale = n.alpha + n.sigma;
        const y = lin(scale * kept * rest, x0, scale * kept * down, noise);
        b.advance(lin(1, y, 1, b.scaledNoise(scale * noiseScale * up)));
      }
    },
  };
}
