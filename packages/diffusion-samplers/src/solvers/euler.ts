/**
 * Euler, Heun, midpoint (DPM2) and Runge-Kutta 4 for the probability-flow ODE, with the churn of Karras et al.
 * (arXiv:2206.00364, algorithms 1 and 2). Euler on a flow schedule is rectified flow's sampler (arXiv:2209.03003).
 */
import { checkNumber, checkOneOf } from '@tfkit/core';
import { type Level, ratioOf } from '../level';
import { type Estimate, type PlanBuilder, stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import { coordinates, moved, type Path } from './path';
import type { Solver } from './solver';

/** Noise added before a step, and where (Karras et al., arXiv:2206.00364, algorithm 2). */
export interface ChurnOptions {
  /** Noise put back in the whole run; 0: deterministic. Default 0. */
  readonly churn?: number;
  /** Sigmas between which noise is put back. Default 0 and Infinity. */
  readonly churnMin?: number;
  readonly churnMax?: number;
  /** The factor of that noise (S_noise). Default 1. */
  readonly noiseScale?: number;
}

export interface PathOptions extends ChurnOptions {
  /** What is integrated over what. Default 'sigma'; 'flow' on rectified flows. Euler's step is the same in both. */
  readonly path?: Path;
}

interface Start {
  readonly level: Level;
  readonly x: Form;
}

/** The ratio that a churned step starts from, and the noise that brings the state there. */
function churnOf(b: PlanBuilder, s: Level, options: ChurnOptions): [high: number, spread: number] {
  const { churn = 0, churnMin = 0, churnMax = Infinity, noiseScale = 1 } = options;
  const ratio = ratioOf(s);
  const gamma =
    ratio >= churnMin && ratio <= churnMax ? Math.min(churn / (b.levels.length - 1), Math.SQRT2 - 1) : 0;
  return [ratio * (1 + gamma), noiseScale * ratio * Math.sqrt((1 + gamma) ** 2 - 1)];
}

/** The state with noise put back, before the model sees it. */
function churned(b: PlanBuilder, s: Level, options: ChurnOptions): Start {
  if (!options.churn) return { level: s, x: b.x };
  const [high, spread] = churnOf(b, s, options);
  if (high === ratioOf(s)) {
    b.skipDraw();
    return { level: s, x: b.x };
  }
  const level = b.at(high);
  const x = b.keep(lin(level.alpha / s.alpha, b.x, level.alpha * spread, b.noise()));
  return { level, x };
}

/** diffusers' Euler puts the noise in after the model saw the state; v-predictions keep their sigma, others do not. */
function churnedAfterModel(b: PlanBuilder, s: Level, options: ChurnOptions): Start & { estimate: Estimate } {
  const [high, spread] = churnOf(b, s, options);
  const raw = b.call(s);
  if (high === ratioOf(s)) return { level: s, x: b.x, estimate: b.convert(s, b.x, raw) };
  // In the coordinates of `s`, so that the state need not be scaled.
  const level: Level = { timestep: s.timestep, alpha: s.alpha, sigma: s.alpha * high };
  const z = lin(s.alpha * spread, b.noise());
  const x = b.keep(lin(1, b.x, 1, z));
  const estimate = b.convert(b.prediction.type === 'velocity' ? s : level, x, raw);
  return { level, x, estimate: { ...estimate, noise: b.noiseOf(level, x, estimate.x0) } };
}

function checkChurn(name: string, { churn = 0, noiseScale = 1 }: ChurnOptions): void {
  checkNumber([name, 'churn'], churn, { min: 0 });
  checkNumber([name, 'noiseScale'], noiseScale, { min: 0 });
}

/**
 * Euler's method; with a flow schedule, rectified flow's. One call a step, order 1.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function euler(options: ChurnOptions = {}): Solver {
  checkChurn('euler', options);
  return {
    name: 'euler',
    options,
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        if (b.compat && options.churn) {
          const { level, x, estimate } = churnedAfterModel(b, s, options);
          b.advance(moved(coordinates.sigma, x, level, n, ratioOf(n) - ratioOf(level), estimate.noise));
          continue;
        }
        const { level, x } = churned(b, s, options);
        const { x0, noise } = b.predict(level, x);
        b.advance(lin(n.alpha, x0, n.sigma, noise));
      }
    },
  };
}

/**
 * Heun's method: two calls a step, one at the last if that ends at sigma 0. Order 2.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function heun(options: PathOptions = {}): Solver {
  checkChurn('heun', options);
  const c = coordinates[options.path ?? 'sigma'];
  return {
    name: 'heun',
    options: { path: 'sigma', ...options },
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const { level, x } = churned(b, s, options);
        const first = b.predict(level, x);
        const d = b.keep(c.slope(first));
        const h = c.time(n) - c.time(level);
        const end = moved(c, x, level, n, h, d);
        if (n.sigma === 0) {
          b.advance(end);
          continue;
        }
        const second = b.predict(n, b.keep(end));
        b.advance(moved(c, x, level, n, h / 2, d, h / 2, c.slope(second)));
      }
    },
  };
}

/**
 * DPM2: the midpoint method, the midpoint taken in log sigma. Two calls a step, one at the last. Order 2.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function dpm2(options: ChurnOptions = {}): Solver {
  checkChurn('dpm2', options);
  return {
    name: 'dpm2',
    options,
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const { level, x } = churned(b, s, options);
        const { x0, noise } = b.predict(level, x);
        if (n.sigma === 0) {
          b.advance(lin(n.alpha, x0, n.sigma, noise));
          continue;
        }
        const middle = b.at(Math.sqrt(ratioOf(level) * ratioOf(n)));
        const y = b.keep(lin(middle.alpha, x0, middle.sigma, noise));
        const { noise: slope } = b.predict(middle, y);
        b.advance(moved(coordinates.sigma, x, level, n, ratioOf(n) - ratioOf(level), slope));
      }
    },
  };
}

/**
 * The classical Runge-Kutta method: four calls a step, Euler for a last step that ends at sigma 0 on the sigma path.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function rk4({ path = 'flow' }: { readonly path?: Path } = {}): Solver {
  checkOneOf(['rk4', 'path'], path, ['sigma', 'flow']);
  const c = coordinates[path];
  return {
    name: 'rk4',
    options: { path },
    build(b) {
      for (const { s, n } of stepsOf(b)) {
        const h = c.time(n) - c.time(s);
        const k1 = b.keep(c.slope(b.predict(s)));
        const middle = c.level(b, c.time(s) + h / 2);
        // A model cannot be asked for the noise of clean data: stop one stage short.
        if (n.sigma === 0) {
          const x = b.keep(moved(c, b.x, s, middle, h / 2, k1));
          b.advance(moved(c, b.x, s, n, h, c.slope(b.predict(middle, x))));
          continue;
        }
        const k2 = b.keep(c.slope(b.predict(middle, b.keep(moved(c, b.x, s, middle, h / 2, k1)))));
        const k3 = b.keep(c.slope(b.predict(middle, b.keep(moved(c, b.x, s, middle, h / 2, k2)))));
        const k4 = c.slope(b.predict(n, b.keep(moved(c, b.x, s, n, h, k3))));
        b.advance(moved(c, b.x, s, n, h / 6, k1, h / 3, k2, h / 3, k3, h / 6, k4));
      }
    },
  };
}
