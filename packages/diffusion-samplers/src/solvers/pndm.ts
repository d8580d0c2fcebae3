/**
 * PNDM (arXiv:2202.09778): linear multistep on the noise (PLMS), started by three Runge-Kutta steps or, as latent
 * diffusion does, by one improved Euler step. Each model call is a step of the plan.
 */
import { OptionError } from '@tfkit/core';
import type { Level } from '../level';
import type { Estimate, PlanBuilder } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import { transfer } from './multistep';
import type { Solver } from './solver';
import { adamsBashforth } from './weights';

export interface PndmOptions {
  /** 'runge-kutta': 9 calls more than steps; 'euler': one more. Default 'runge-kutta'. */
  readonly start?: 'runge-kutta' | 'euler';
}

/**
 * PNDM, the pseudo linear multistep method. Source: Liu et al., Pseudo Numerical Methods, ICLR 2022
 * (arXiv:2202.09778).
 *
 * @throws OptionError if an option is out of its range.
 */
export function pndm({ start = 'runge-kutta' }: PndmOptions = {}): Solver {
  return {
    name: 'pndm',
    options: { start },
    build(b) {
      const levels = plmsLevels(b);
      const steps = b.levels.length - 1;
      let history: Form[] = [];
      let first = 0;
      const startX: Form = b.x;
      if (start === 'runge-kutta') {
        if (steps < 4) {
          throw new OptionError(
            `createPlan: steps must be an integer >= 4 with pndm's Runge-Kutta start, got ${steps}.`,
          );
        }
        for (; first < 3; first++) history.unshift(rungeKutta(b, b.levels[first]!, b.levels[first + 1]!));
      }
      for (let i = first; i < steps; i++) {
        const [s, n] = levels[i]!;
        const m = b.keep(historical(b, b.predict(s)));
        if (start === 'euler' && i === 1) {
          // Second call: the first step again, with the mean of both slopes.
          const [s0, n0] = levels[0]!;
          b.advance(combined(b, startX, s0, n0, lin(0.5, m, 0.5, history[0]!)), n0, s);
          const again = b.keep(historical(b, b.predict(s)));
          history = [again, ...history];
        } else history = [m, ...history].slice(0, 4);
        const weights = adamsBashforth[history.length - 1]!;
        const e = lin(...weights.flatMap((weight, j) => [weight, history[j]!]));
        b.advance(combined(b, b.x, s, n, e), n, s);
      }
    },
  };
}

/** From and to of each step. diffusers steps by floor(T / N) timesteps, whatever comes next in its list. */
function plmsLevels(b: PlanBuilder): (readonly [Level, Level])[] {
  const steps = b.levels.length - 1;
  return b.levels.slice(0, -1).map((s, i) => {
    if (!b.compat) return [s, b.levels[i + 1]!] as const;
    return [s, peerLevel(b, s.timestep - Math.floor((b.schedule.trainSteps ?? 1000) / steps))] as const;
  });
}

const peerLevel = (b: PlanBuilder, t: number): Level =>
  t < 0 ? b.levels.at(-1)! : { timestep: t, ...b.schedule.level(b.schedule.sigma(t)) };

/** diffusers keeps raw v outputs and makes noise of their combination; right is to keep the noise. */
const rawHistory = (b: PlanBuilder): boolean => b.compat && b.prediction.type === 'velocity';

const historical = (b: PlanBuilder, estimate: Estimate): Form =>
  rawHistory(b) ? estimate.raw : estimate.noise;

function combined(b: PlanBuilder, x: Form, s: Level, n: Level, e: Form): Form {
  return transfer(x, s, n, rawHistory(b) ? b.convert(s, x, e).epsilon : e);
}

/** One Runge-Kutta step of four calls, all from its start; returns the first call's result. */
function rungeKutta(b: PlanBuilder, s: Level, n: Level): Form {
  const x = b.x;
  const ratio = Math.floor((b.schedule.trainSteps ?? 1000) / (b.levels.length - 1));
  const half = Math.floor(ratio / 2);
  // The middle is a whole timestep; where the grid is uneven or odd it is a little off.
  const middle = peerLevel(b, n.timestep + half);
  const firstTarget = b.compat ? peerLevel(b, s.timestep - half) : middle;
  const m1 = b.keep(historical(b, b.predict(s)));
  b.advance(combined(b, x, s, firstTarget, m1), firstTarget, s);
  const m2 = b.keep(historical(b, b.predict(middle)));
  b.advance(combined(b, x, s, middle, m2), middle, middle);
  const m3 = b.keep(historical(b, b.predict(middle)));
  b.advance(combined(b, x, s, n, m3), n, middle);
  const m4 = historical(b, b.predict(n));
  b.advance(combined(b, x, s, n, lin(1 / 6, m1, 1 / 3, m2, 1 / 3, m3, 1 / 6, m4)), n, n);
  return m1;
}
