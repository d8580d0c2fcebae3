/**
 * SA-Solver (arXiv:2309.05019): stochastic Adams predictor-corrector. tau(t) says how much of the reverse SDE's noise a
 * step has: 0 the ODE, 1 the SDE.
 */
import { checkInteger, checkOneOf } from '@tfkit/core';
import { type Level, lambdaOf } from '../level';
import { type PlanBuilder, stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import { weighted } from './multistep';
import type { Solver } from './solver';
import { lagrangeWeights } from './weights';

/** Orders of predictor and corrector, and how much noise is added (Xue et al., SA-Solver, arXiv:2309.05019). */
export interface SaOptions {
  /** 1 to 4. Default 2. */
  readonly predictorOrder?: number;
  /** 0 (no corrector) to 4. Default 2. */
  readonly correctorOrder?: number;
  readonly predict?: 'data' | 'noise';
  /** tau between these timesteps, both included, is `tau`; outside 0. Default 200 to 800. */
  readonly tau?: number;
  readonly tauFrom?: number;
  readonly tauTo?: number;
  readonly lowerOrderFinal?: boolean;
}

interface Past {
  readonly at: number;
  readonly m: Form;
}

/**
 * SA-Solver: stochastic Adams predictor and corrector. Source: Xue et al., NeurIPS 2023 (arXiv:2309.05019).
 *
 * @throws OptionError if an option is out of its range.
 */
export function saSolver(options: SaOptions = {}): Solver {
  const { predictorOrder = 2, correctorOrder = 2, predict = 'data', lowerOrderFinal = true } = options;
  const { tau = 1, tauFrom = 200, tauTo = 800 } = options;
  checkInteger(['saSolver', 'predictorOrder'], predictorOrder, { min: 1, max: 4 });
  checkInteger(['saSolver', 'correctorOrder'], correctorOrder, { min: 0, max: 4 });
  checkOneOf(['saSolver', 'predict'], predict, ['data', 'noise']);
  return {
    name: 'saSolver',
    options: { predictorOrder, correctorOrder, predict, tau, tauFrom, tauTo, lowerOrderFinal },
    build(b) {
      const steps = b.levels.length - 1;
      let past: Past[] = [];
      let previous: { s: Level; tau: number; terms: Form } | undefined;
      for (const { i, s, n } of stepsOf(b)) {
        const estimate = b.predict(s);
        const m = b.keep(predict === 'data' ? estimate.x0 : estimate.noise);
        const current = { at: lambdaOf(s), m };
        let x = b.x;
        const corrector = Math.min(correctorOrder, i + 1, lowerOrderFinal ? steps - i + 2 : correctorOrder);
        if (previous && corrector > 0) {
          // Predictor and corrector differ in these terms alone: state and noise are the same.
          const nodes = [current, ...past].slice(0, corrector);
          const terms = adamsTerms(b, previous.s, s, nodes, previous.tau, predict, true);
          x = lin(1, x, 1, terms, -1, previous.terms);
        }
        past = [current, ...past].slice(0, 4);
        const order = Math.min(
          predictorOrder,
          i + 1,
          n.sigma === 0 ? 1 : predictorOrder,
          lowerOrderFinal ? steps - i : predictorOrder,
        );
        const stepTau = s.timestep >= tauFrom && s.timestep <= tauTo ? tau : 0;
        const terms = adamsTerms(b, s, n, past.slice(0, order), stepTau, predict, false);
        previous = { s, tau: stepTau, terms };
        b.advance(lin(1, carried(b, x, s, n, stepTau, predict), 1, terms));
      }
    },
  };
}

/** The state's and the noise's part of a step. */
function carried(b: PlanBuilder, x: Form, s: Level, n: Level, tau: number, predict: 'data' | 'noise'): Form {
  const h = lambdaOf(n) - lambdaOf(s);
  if (predict === 'noise') {
    const z = b.scaledNoise(h === 0 ? 0 : tau * n.sigma * Math.sqrt(Math.expm1(2 * h)));
    return lin(n.alpha / s.alpha, x, 1, z);
  }
  const decay = tau === 0 ? 1 : Math.exp(-tau * tau * h);
  const z = b.scaledNoise(tau === 0 || h === 0 ? 0 : n.sigma * Math.sqrt(-Math.expm1(-2 * tau * tau * h)));
  return lin((decay * n.sigma) / s.sigma, x, 1, z);
}

/** The integral of the interpolated estimates. */
function adamsTerms(
  b: PlanBuilder,
  s: Level,
  n: Level,
  nodes: readonly Past[],
  tau: number,
  predict: 'data' | 'noise',
  corrector: boolean,
): Form {
  const from = lambdaOf(s);
  const h = lambdaOf(n) - from;
  const q = 1 + tau * tau;
  if (n.sigma === 0) return predict === 'data' ? lin(n.alpha, nodes[0]!.m) : [];
  const offsets = nodes.map(({ at }) => at - from);
  if (predict === 'noise') {
    const weights = lagrangeWeights(offsets, h, -1);
    return weighted((-q * n.alpha * s.sigma) / s.alpha, weights, nodes);
  }
  const weights = lagrangeWeights(offsets, h, q);
  if (b.compat && nodes.length === 2) {
    const g = (h * q - 1 + Math.exp(-q * h)) / (q * q);
    const extra =
      Math.exp(q * h) *
      (corrector ? h / 2 - g / h : (h * h) / 2 - g) *
      (corrector ? 1 : 1 / (from - nodes[1]!.at));
    if (h !== 0) {
      weights[0]! += extra;
      weights[1]! -= extra;
    }
  }
  return weighted((q * n.sigma * s.alpha * Math.exp(-tau * tau * h)) / s.sigma, weights, nodes);
}
