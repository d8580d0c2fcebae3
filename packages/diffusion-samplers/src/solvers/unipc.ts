/**
 * UniPC (arXiv:2302.04867): a multistep predictor, and a corrector that reuses the next step's model call. With x0
 * prediction hh = -h, with noise prediction hh = h; B(h) is hh (bh1) or e^hh - 1 (bh2).
 */
import { checkInteger, checkOneOf } from '@tfkit/core';
import { type Level, lambdaOf } from '../level';
import { stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import type { Solver } from './solver';

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
        // Towards sigma 0 only order 1 has a limit; pure noise has no slope.
        const usable = history.filter(({ lambda }) => lambda !== -Infinity).length;
        const limits = [
          order,
          i + 1,
          usable + 1,
          n.sigma === 0 ? 1 : order,
          lowerOrderFinal ? steps - i : order,
        ];
        const stepOrder = Math.min(...limits);
        history = [{ lambda: lambdaOf(s), m }, ...history].slice(0, 3);
        const terms = differenceTerms(s, n, history, stepOrder, { form, predict });
        previous = { s, order: stepOrder, terms };
        b.advance(lin(1, firstOrder(x, s, n, predict, m), 1, terms));
      }
    },
  };
}

/** The exponential Euler step. */
function firstOrder(x: Form, s: Level, n: Level, predict: 'data' | 'noise', m: Form): Form {
  const decay = (n.sigma * s.alpha) / (n.alpha * s.sigma);
  return predict === 'data'
    ? lin(n.sigma / s.sigma, x, n.alpha * (1 - decay), m)
    : lin(n.alpha / s.alpha, x, -n.sigma * (1 / decay - 1), m);
}

interface UpdateOptions {
  readonly form: 'bh1' | 'bh2';
  readonly predict: 'data' | 'noise';
  /** The new estimate, for the corrector. */
  readonly next?: Form;
}

/** What the order adds to the first-order step: - scale B(h) sum_i rho_i (m_i - m0) / rk_i. */
function differenceTerms(
  s: Level,
  n: Level,
  history: readonly Point[],
  order: number,
  { form, predict, next }: UpdateOptions,
): Form {
  const h = lambdaOf(n) - lambdaOf(s);
  // From pure noise the first-order step is exact.
  if ((order === 1 && !next) || !Number.isFinite(h)) return [];
  const { m: m0, lambda } = history[0]!;
  const past = history.slice(1, order).map((point) => ({ rk: (point.lambda - lambda) / h, m: point.m }));
  const points = next ? [...past, { rk: 1, m: next }] : past;
  const hh = predict === 'data' ? -h : h;
  const bh = form === 'bh1' ? hh : Math.expm1(hh);
  const rho = coefficients(
    points.map(({ rk }) => rk),
    hh,
    bh,
  );
  const scale = (predict === 'data' ? n.alpha : n.sigma) * bh;
  return lin(...points.flatMap(({ rk, m }, i) => [(-scale * rho[i]!) / rk, m, (scale * rho[i]!) / rk, m0]));
}

/** Solves sum_j rk_j^(i-1) rho_j = i! phi_(i+1)(hh) / B. One unknown is 1/2 by definition. */
function coefficients(rks: readonly number[], hh: number, bh: number): number[] {
  if (rks.length === 1) return [0.5];
  const rows: number[][] = [];
  let phi = Math.expm1(hh) / hh - 1;
  let factorial = 1;
  for (let i = 1; i <= rks.length; i++) {
    rows.push([...rks.map((rk) => rk ** (i - 1)), (phi * factorial) / bh]);
    factorial *= i + 1;
    phi = phi / hh - 1 / factorial;
  }
  return solve(rows);
}

/** Gaussian elimination with pivots on an augmented matrix. */
function solve(rows: number[][]): number[] {
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? k + i : best), k);
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const result = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    const rest = result.reduce((sum, value, j) => (j > i ? sum + rows[i]![j]! * value : sum), 0);
    result[i] = (rows[i]![n]! - rest) / rows[i]![i]!;
  }
  return result;
}
