/**
 * Multistep methods on the noise or the data: LMS, DEIS, RES multistep, gradient estimation, iPNDM. All integrate an
 * interpolating polynomial exactly; they differ in what is interpolated over what.
 */
import { checkInteger, checkNumber } from '@tfkit/core';
import { type Level, lambdaOf, ratioOf } from '../level';
import { type PlanBuilder, stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import { coordinates, moved } from './path';
import type { Solver } from './solver';
import { adamsBashforth, lagrangeWeights } from './weights';

interface Past {
  readonly at: number;
  readonly m: Form;
}

/** `sum factor * weight * m`. */
export const weighted = (factor: number, weights: readonly number[], past: readonly Past[]): Form =>
  lin(...weights.flatMap((weight, j) => [factor * weight, past[j]!.m]));

/** Keeps an estimate if a later step reads it. */
const remember = (b: PlanBuilder, order: number, form: Form): Form =>
  order > 1 && b.step < b.levels.length - 2 ? b.keep(form) : form;

/**
 * LMS: the noise as a polynomial of sigma (k-diffusion; Adams-Bashforth with uneven steps). Order 4 by default.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function lms({ order = 4 }: { readonly order?: number } = {}): Solver {
  checkInteger(['lms', 'order'], order, { min: 1, max: 4 });
  return {
    name: 'lms',
    options: { order },
    build(b) {
      let past: Past[] = [];
      for (const { s, n, rs, rn } of stepsOf(b)) {
        past = [{ at: rs, m: remember(b, order, b.predict(s).noise) }, ...past].slice(0, order);
        const weights = lagrangeWeights(
          past.map(({ at }) => at - rs),
          rn - rs,
          0,
        );
        b.advance(moved(coordinates.sigma, b.x, s, n, 1, weighted(1, weights, past)));
      }
    },
  };
}

export interface DeisOptions {
  /** 1, 2 or 3. Default 2. */
  readonly order?: 1 | 2 | 3;
  /** Lowers the order in the last steps when there are fewer than 15. Default true. */
  readonly lowerOrderFinal?: boolean;
}

/**
 * DEIS (arXiv:2204.13902): the noise as a polynomial of log(sigma / alpha), integrated over sigma / alpha.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function deis({ order = 2, lowerOrderFinal = true }: DeisOptions = {}): Solver {
  checkInteger(['deis', 'order'], order, { min: 1, max: 3 });
  return {
    name: 'deis',
    options: { order, lowerOrderFinal },
    build(b) {
      const steps = b.levels.length - 1;
      let past: Past[] = [];
      for (const { i, s, n, rs } of stepsOf(b)) {
        const estimate = b.predict(s);
        if (rs === Infinity || n.sigma === 0) {
          b.advance(lin(n.alpha, estimate.x0, n.sigma, estimate.noise));
          continue;
        }
        past = [{ at: -lambdaOf(s), m: remember(b, order, estimate.noise) }, ...past].slice(0, order);
        const count = Math.min(past.length, lowerOrderFinal && steps < 15 ? steps - i : order);
        const used = past.slice(0, count);
        const weights = lagrangeWeights(
          used.map(({ at }) => at + lambdaOf(s)),
          lambdaOf(s) - lambdaOf(n),
          1,
        );
        b.advance(moved(coordinates.sigma, b.x, s, n, rs, weighted(1, weights, used)));
      }
    },
  };
}

/**
 * RES multistep (arXiv:2308.02157): x0 as a polynomial of lambda, integrated with the exponential weight exactly. Order 2
 * is DPM-Solver++ 2M with exact integrals.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function resMultistep({ order = 2 }: { readonly order?: 1 | 2 | 3 } = {}): Solver {
  checkInteger(['resMultistep', 'order'], order, { min: 1, max: 3 });
  return {
    name: 'resMultistep',
    options: { order },
    build(b) {
      let past: Past[] = [];
      for (const { s, n, rs } of stepsOf(b)) {
        const { x0, noise } = b.predict(s);
        if (rs === Infinity || n.sigma === 0) {
          b.advance(lin(n.alpha, x0, n.sigma, noise));
          continue;
        }
        past = [{ at: lambdaOf(s), m: remember(b, order, x0) }, ...past].slice(0, order);
        const weights = lagrangeWeights(
          past.map(({ at }) => at - lambdaOf(s)),
          lambdaOf(n) - lambdaOf(s),
          1,
        );
        b.advance(lin(n.sigma / s.sigma, b.x, n.sigma / rs, weighted(1, weights, past)));
      }
    },
  };
}

/**
 * Gradient estimation (arXiv:2306.04848, eq. 12): Euler with the noise extrapolated, gamma e + (1 - gamma) e_before.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function gradientEstimation({ gamma = 2 }: { readonly gamma?: number } = {}): Solver {
  checkNumber(['gradientEstimation', 'gamma'], gamma);
  return {
    name: 'gradientEstimation',
    options: { gamma },
    build(b) {
      let before: Form | undefined;
      for (const { s, n } of stepsOf(b)) {
        const { x0, noise } = b.predict(s);
        const current: Form = remember(b, 2, noise);
        // The last step, to clean data, takes x0 as it is.
        const change = before && n.sigma > 0 ? lin(gamma - 1, current, 1 - gamma, before) : [];
        const length = n.sigma - (n.alpha * s.sigma) / s.alpha;
        b.advance(lin(n.alpha, x0, n.sigma, current, change.length ? length : 0, change));
        before = current;
      }
    },
  };
}

/** x moved from `s` to `n` along the noise `e`, exactly if e is the noise of both. */
export function transfer(x: Form, s: Level, n: Level, e: Form): Form {
  return lin(n.alpha / s.alpha, x, n.sigma - (n.alpha * s.sigma) / s.alpha, e);
}

/**
 * iPNDM (arXiv:2202.09778, as in the DEIS paper): Adams-Bashforth on the noise, orders rising from 1 to `order`.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function ipndm({ order = 4 }: { readonly order?: number } = {}): Solver {
  checkInteger(['ipndm', 'order'], order, { min: 1, max: 4 });
  return {
    name: 'ipndm',
    options: { order },
    build(b) {
      let past: Past[] = [];
      for (const { s, n } of stepsOf(b)) {
        const { x0, noise } = b.predict(s);
        past = [{ at: ratioOf(s), m: remember(b, order, noise) }, ...past].slice(0, order);
        const e = weighted(1, adamsBashforth[past.length - 1]!, past);
        if (s.alpha > 0) b.advance(transfer(b.x, s, n, e));
        // diffusers divides 0 by 1e-8, which leaves out the model: its x0 is 0.
        else if (b.compat) b.advance(lin(n.sigma, e));
        else b.advance(lin(n.alpha, x0, n.sigma, e));
      }
    },
  };
}
