/**
 * UniPC (arXiv:2302.04867): a multistep predictor, and a corrector that reuses the next step's model call. With x0
 * prediction hh = -h, with noise prediction hh = h; B(h) is hh (bh1) or e^hh - 1 (bh2).
 */
import { checkInteger, checkOneOf } from '@tfkit/core';
import { type Level, lambdaOf, levelSlack } from '../level';
import { stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import type { Solver } from './solver';
import { lagrangeWeights } from './weights';

/** Order and form of UniPC (Zhao et al., arXiv:2302.04867). */
export interface UniPcOptions {
  /** 1, 2 or 3. Default 2. */
  readonly order?: 1 | 2 | 3;
  /** Default 'bh2', better for few steps with guidance; 'bh1' for more steps without. */
  readonly form?: 'bh1' | 'bh2';
  readonly predict?: 'data' | 'noise';
  /** Steps after which the corrector does not run. Default none. */
  readonly disableCorrector?: readonly number[];
  /** Lowers the order in the last steps. Default true. */
  readonly lowerOrderFinal?: boolean;
}

interface Point {
  readonly lambda: number;
  readonly m: Form;
}

/**
 * UniPC: a multistep predictor with a corrector that costs no model call. Source: Zhao et al., NeurIPS 2023
 * (arXiv:2302.04867).
 *
 * @throws OptionError if an option is out of its range.
 */
export function uniPc(options: UniPcOptions = {}): Solver {
  const {
    order = 2,
    form = 'bh2',
    predict = 'data',
    disableCorrector = [],
    lowerOrderFinal = true,
  } = options;
  checkInteger(['uniPc', 'order'], order, { min: 1, max: 3 });
  checkOneOf(['uniPc', 'form'], form, ['bh1', 'bh2']);
  checkOneOf(['uniPc', 'predict'], predict, ['data', 'noise']);
  return {
    name: 'uniPc',
    options: { order, form, predict, disableCorrector, lowerOrderFinal },
    build(b) {
      const steps = b.levels.length - 1;
      let history: Point[] = [];
      let previous: { s: Level; order: number; terms: Form } | undefined;
      for (const { i, s, n } of stepsOf(b)) {
        const estimate = b.predict(s);
        const target = predict === 'data' ? estimate.x0 : estimate.noise;
        const m = i === steps - 1 ? target : b.keep(target);
        let x = b.x;
        if (previous && !disableCorrector.includes(i - 1)) {
          // Predictor and corrector start from the same state and differ in these terms alone.
          const terms = differenceTerms(previous.s, s, history, previous.order, { form, predict, next: m });
          x = lin(1, x, 1, terms, -1, previous.terms);
        }
        // No slope leads to pure noise or clean data, nor from a level that the grid repeats to itself.
        const lambda = lambdaOf(s);
        const past = history.filter(
          (point) => Number.isFinite(point.lambda) && Math.abs(point.lambda - lambda) > levelSlack,
        );
        history = [{ lambda, m }, ...past].slice(0, 3);
        // Towards sigma 0 only order 1 has a limit.
        const limits = [
          order,
          history.length,
          n.sigma === 0 ? 1 : order,
          lowerOrderFinal ? steps - i : order,
        ];
        const stepOrder = Math.min(...limits);
        const terms = differenceTerms(s, n, history, stepOrder, { form, predict });
        previous = { s, order: stepOrder, terms };
        b.advance(lin(1, firstOrder(x, s, n, predict, m), 1, terms));
      }
    },
  };
}

/** The exponential Euler step. */
function firstOrder(x: Form, s: Level, n: Level, predict: 'data' | 'noise', m: Form): Form {
  return predict === 'data'
    ? lin(n.sigma / s.sigma, x, n.alpha - (n.sigma * s.alpha) / s.sigma, m)
    : lin(n.alpha / s.alpha, x, n.sigma - (n.alpha * s.sigma) / s.alpha, m);
}

interface UpdateOptions {
  readonly form: 'bh1' | 'bh2';
  readonly predict: 'data' | 'noise';
  /** The new estimate, for the corrector. */
  readonly next?: Form;
}

/**
 * What the order adds to the first-order step: sum_j w_j (m_j - m0), m being a polynomial of lambda through the points.
 * Of the paper's linear system, one unknown is 1/2 by definition, which is where B(h) matters; more are the exact
 * integrals of the Lagrange polynomials, whatever B(h).
 */
function differenceTerms(
  s: Level,
  n: Level,
  history: readonly Point[],
  order: number,
  { form, predict, next }: UpdateOptions,
): Form {
  const h = lambdaOf(n) - lambdaOf(s);
  // From pure noise the first-order step is exact; a step that rests has nothing to add.
  if ((order === 1 && !next) || !Number.isFinite(h) || Math.abs(h) <= levelSlack) return [];
  const { m: m0, lambda } = history[0]!;
  const past = history.slice(1, order).map((point) => ({ at: point.lambda - lambda, m: point.m }));
  const points = next ? [...past, { at: h, m: next }] : past;
  const weights = pointWeights(
    points.map(({ at }) => at),
    h,
    predict === 'data' ? 1 : -1,
    form,
  );
  const scale = predict === 'data' ? n.alpha : -n.sigma;
  return lin(...points.flatMap(({ m }, j) => [scale * weights[j]!, m, -scale * weights[j]!, m0]));
}

/** w_j = integral_0^h of exp(rate (l - h)) L_j(l) dl for the points beside m0, which is at 0. */
function pointWeights(at: readonly number[], h: number, rate: 1 | -1, form: 'bh1' | 'bh2'): number[] {
  if (at.length === 1) {
    const bh = form === 'bh1' ? h : -Math.expm1(-rate * h) / rate;
    return [(0.5 * bh * h) / at[0]!];
  }
  const decay = Math.exp(-rate * h);
  const weights = lagrangeWeights([0, ...at], h, rate).slice(1);
  return weights.map((weight) => decay * weight);
}
