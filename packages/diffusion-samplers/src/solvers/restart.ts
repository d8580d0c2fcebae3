/** Samplers that go back up in noise: Restart, and RePaint's resampling. */
import { checkInteger, checkNumber, OptionError } from '@tfkit/core';
import { karrasSigmas } from '../grids/ramps';
import { type Level, ratioOf } from '../level';
import { type PlanBuilder, stepsOf } from '../plan/builder';
import { lin } from '../plan/forms';
import { ancestralSplit } from './ancestral';
import { coordinates, moved } from './path';
import type { Solver } from './solver';

/** Heun's step from the state at s to n. */
function heunStep(b: PlanBuilder, s: Level, n: Level): void {
  const c = coordinates.sigma;
  const first = b.predict(s);
  if (n.sigma === 0) {
    b.advance(lin(n.alpha, first.x0), n, s);
    return;
  }
  const d = b.keep(c.slope(first));
  const h = c.time(n) - c.time(s);
  const second = b.predict(n, b.keep(moved(c, b.x, s, n, h, d)));
  b.advance(moved(c, b.x, s, n, h / 2, d, h / 2, c.slope(second)), n, s);
}

/** The state at s with as much noise as brings it to the noisier level n. */
function noised(b: PlanBuilder, s: Level, n: Level, noiseScale: number) {
  const kept = n.alpha / s.alpha;
  const spread = noiseScale * n.alpha * Math.sqrt(Math.max(0, ratioOf(n) ** 2 - ratioOf(s) ** 2));
  return lin(kept, b.x, 1, b.scaledNoise(spread));
}

/** A range of noise that `restart` passes several times. */
export interface RestartInterval {
  /** Ends of the interval in sigma / alpha. */
  readonly min: number;
  readonly max: number;
  /** Heun steps of one passage. */
  readonly steps: number;
  /** How often it is passed again. */
  readonly times: number;
}

/** Options of `restart`. `noiseScale` multiplies all noise that is added, default 1. */
export interface RestartOptions {
  /** Default: once from 0.1 to 2 in 3 steps. */
  readonly intervals?: readonly RestartInterval[];
  readonly noiseScale?: number;
}

/**
 * Restart sampling (Xu et al. 2023, arXiv:2306.14878, algorithm 1): Heun on the probability-flow ODE; where the grid passes
 * an interval's lower end, noise is added up to its upper end and the ODE followed down again. The noise contracts errors,
 * the ODE keeps steps few.
 *
 * @throws OptionError for a noiseScale below 0, or an interval without 0 < min < max, steps >= 1 and times >= 0.
 */
export function restart(options: RestartOptions = {}): Solver {
  const { intervals = [{ min: 0.1, max: 2, steps: 3, times: 1 }], noiseScale = 1 } = options;
  checkNumber(['restart', 'noiseScale'], noiseScale, { min: 0 });
  for (const { min, max, steps, times } of intervals) {
    checkNumber(['restart', 'intervals.min'], min, { min: 0, open: 'min' });
    checkNumber(['restart', 'intervals.max'], max, { min, open: 'min' });
    checkInteger(['restart', 'intervals.steps'], steps, { min: 1 });
    checkInteger(['restart', 'intervals.times'], times, { min: 0 });
  }
  return {
    name: 'restart',
    options: { intervals, noiseScale },
    build(b) {
      for (const { s, n, rs, rn } of stepsOf(b)) {
        heunStep(b, s, n);
        for (const interval of intervals) {
          // The level of the grid that is nearest above the lower end is where it restarts.
          if (!(rs > interval.min && rn <= interval.min) || rn === 0) continue;
          passAgain(b, n, interval, noiseScale);
        }
      }
    },
  };
}

function passAgain(
  b: PlanBuilder,
  n: Level,
  { max, steps, times }: RestartInterval,
  noiseScale: number,
): void {
  const ramp = karrasSigmas(steps + 1, ratioOf(n), max).map((ratio) => b.at(ratio));
  ramp[steps] = n;
  for (let k = 0; k < times; k++) {
    b.advance(noised(b, n, ramp[0]!, noiseScale), ramp[0]!, n);
    for (let i = 0; i < steps; i++) heunStep(b, ramp[i]!, ramp[i + 1]!);
  }
}

export interface RepaintOptions {
  /** Steps of the grid that a jump goes back. Default 10. */
  readonly jumpLength?: number;
  /** How often each stretch of that length is passed. Default 10. */
  readonly resamplings?: number;
  /** Of the steps down: 1 ancestral (DDPM), 0 DDIM. Default 1. */
  readonly eta?: number;
}

/**
 * RePaint's schedule (Lugmayr et al. 2022, arXiv:2201.09865): ancestral steps down; after every `jumpLength` of them, noise
 * back up and down again, so that what is drawn fits what is known. Run it on a model from `inpainting` of `./guidance`.
 *
 * @throws OptionError if jumpLength or resamplings is no integer >= 1, or eta no number in [0, 1]; from `createPlan`, if the grid starts
 * where alpha is 0.
 */
export function repaint(options: RepaintOptions = {}): Solver {
  const { jumpLength = 10, resamplings = 10, eta = 1 } = options;
  checkInteger(['repaint', 'jumpLength'], jumpLength, { min: 1 });
  checkInteger(['repaint', 'resamplings'], resamplings, { min: 1 });
  checkNumber(['repaint', 'eta'], eta, { min: 0, max: 1 });
  return {
    name: 'repaint',
    options: { jumpLength, resamplings, eta },
    build(b) {
      const steps = b.levels.length - 1;
      if (b.levels[0]!.alpha === 0) {
        throw new OptionError(
          'repaint: grid must start where alpha is above 0, got 0. Noise cannot be added there.',
        );
      }
      const down = (i: number) => {
        const [s, n] = [b.levels[i]!, b.levels[i + 1]!];
        const [low, up] = ancestralSplit(ratioOf(s), ratioOf(n), eta);
        const { x0, noise } = b.predict(s);
        b.advance(lin(n.alpha, x0, n.alpha * low, noise, 1, b.scaledNoise(n.alpha * up)), n, s);
      };
      for (let first = 0; first < steps; first += jumpLength) {
        const last = Math.min(first + jumpLength, steps);
        for (let pass = 0; pass < resamplings; pass++) {
          if (pass > 0) {
            const [s, n] = [b.levels[last]!, b.levels[first]!];
            b.advance(noised(b, s, n, 1), n, s);
          }
          for (let i = first; i < last; i++) down(i);
        }
      }
    },
  };
}
