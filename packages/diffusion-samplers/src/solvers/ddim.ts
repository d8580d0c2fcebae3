/**
 * DDIM (arXiv:2010.02502, eq. 12): x' = alpha' x0 + sqrt(sigma'^2 - s^2) epsilon + s z, where
 * s = eta sigma'/sigma sqrt(1 - (alpha/alpha')^2). With eta 0 it is Euler's method for the probability-flow ODE of any
 * schedule, in sigma/alpha; with eta 1 DDPM's ancestral step. On an ascending grid it is DDIM inversion.
 */
import { checkNumber } from '@tfkit/core';
import type { Level } from '../level';
import { type PlanBuilder, stepsOf } from '../plan/builder';
import { lin } from '../plan/forms';
import type { Solver } from './solver';

export interface DdimOptions {
  /** 0: deterministic; 1: ancestral. Default 0. */
  readonly eta?: number;
  /** Recomputes epsilon from the clipped x0. Default false. */
  readonly useClipped?: boolean;
  /** For `compat` alone: diffusers' DDIMInverseScheduler, whose labels are one step off. */
  readonly inverse?: boolean;
}

/**
 * DDIM: deterministic at eta 0, DDPM's variance at eta 1. Source: Song et al., Denoising Diffusion Implicit Models,
 * ICLR 2021 (arXiv:2010.02502), eq. 12.
 *
 * @throws OptionError if an option is out of its range.
 */
export function ddim(options: DdimOptions = {}): Solver {
  const { eta = 0, useClipped = false, inverse = false } = options;
  checkNumber(['ddim', 'eta'], eta, { min: 0 });
  return {
    name: 'ddim',
    options: { eta, useClipped, inverse },
    build(b) {
      for (const { i, s, n } of stepsOf(b)) {
        const [from, to] = b.compat ? peerLevels(b, i, inverse) : [s, n];
        const { x0, epsilon, noise } = b.predict(from);
        const sd = eta === 0 ? 0 : eta * ddimDeviation(from, to);
        const direction = Math.sqrt(Math.max(0, to.sigma ** 2 - sd ** 2));
        const z = eta > 0 ? b.scaledNoise(sd) : [];
        b.advance(lin(to.alpha, x0, direction, useClipped ? noise : epsilon, 1, z), to, from);
      }
    },
  };
}

/** sqrt((1-b)/(1-a) (1 - a/b)) for any schedule: sigma'/sigma sqrt(1 - (alpha/alpha')^2 (...)) in ratios. */
function ddimDeviation(from: Level, to: Level): number {
  return (to.sigma / from.sigma) * Math.sqrt(Math.max(0, 1 - (from.alpha / to.alpha) ** 2));
}

/** diffusers steps by floor(T / N) timesteps, whatever the next listed timestep is. */
function peerLevels(b: PlanBuilder, i: number, inverse: boolean): readonly [Level, Level] {
  const s = b.levels[i]!;
  const total = b.schedule.trainSteps ?? 1000;
  const other = s.timestep - Math.floor(total / (b.levels.length - 1));
  const end = inverse ? b.levels[0]! : b.levels.at(-1)!;
  const at = (timestep: number): Level => ({ timestep, ...b.schedule.level(b.schedule.sigma(timestep)) });
  const beyond = other < 0 ? end : at(other);
  return inverse ? [{ ...beyond, timestep: s.timestep }, at(s.timestep)] : [s, beyond];
}
