/**
 * DPM-Solver and DPM-Solver++ (arXiv:2206.00927, 2211.01095), multistep, with their SDE forms. With
 * lambda = log(alpha / sigma), h = lambda' - lambda and D1, D2 the divided differences of past estimates:
 *
 *   data (++):  x' = sigma'/sigma e^(-eta h) x + alpha' [(1 - e^-k) x0 + p1 D1 - p2 D2] + sigma' sqrt(1 - e^(-2 eta h)) z
 *   noise:      x' = alpha'/alpha x - sigma' [(e^h - 1) epsilon + q1 D1 + q2 D2]
 *
 * with k = (1 + eta) h. `heun` has the exact integrals p1 = (e^-k - 1)/k + 1, p2 = p1/k - 1/2; `midpoint` approximates
 * p1 by (1 - e^-k)/2, which is what most programs mean by 2M. D2 here is half of h^2 x0'', as in the published programs
 * (and in every image made with 3M), so that order 3 converges with order 2, with a small constant; `resMultistep` is exact.
 */
import { checkInteger, checkNumber, checkOneOf } from '@tfkit/core';
import { type Level, lambdaOf } from '../level';
import { type Estimate, type PlanBuilder, stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import type { Solver } from './solver';

/** The order of the solver and the form of its steps. */
export interface DpmOptions {
  /** 1, 2 or 3. Default 2. */
  readonly order?: 1 | 2 | 3;
  /** What is interpolated: 'data' is DPM-Solver++, 'noise' DPM-Solver. Default 'data'. */
  readonly predict?: 'data' | 'noise';
  /** Of order 2. Default 'midpoint'. */
  readonly form?: 'midpoint' | 'heun';
  /** 0: the ODE; 1: the reverse SDE. For 'noise' 0 or 1. Default 0. */
  readonly eta?: number;
  readonly noiseScale?: number;
  /** Lowers the order in the last steps: 'auto' below 15 steps, and always to 1 for a step to sigma 0. Default 'auto'. */
  readonly lowerOrderFinal?: 'auto' | 'always' | 'never';
  /** Makes the last step Euler's. Default false. */
  readonly eulerAtFinal?: boolean;
}

export type DpmSettings = Required<DpmOptions>;

export function dpmSettings(name: string, options: DpmOptions): DpmSettings {
  const settings: DpmSettings = {
    ...{ order: 2, predict: 'data', form: 'midpoint', eta: 0, noiseScale: 1, lowerOrderFinal: 'auto' },
    ...{ eulerAtFinal: false, ...options },
  };
  checkInteger([name, 'order'], settings.order, { min: 1, max: 3 });
  checkOneOf([name, 'predict'], settings.predict, ['data', 'noise']);
  checkOneOf([name, 'form'], settings.form, ['midpoint', 'heun']);
  checkNumber([name, 'eta'], settings.eta, { min: 0 });
  checkNumber([name, 'noiseScale'], settings.noiseScale, { min: 0 });
  return settings;
}

/** The differences D1, D2 (times their powers of h) that an order needs, as forms. */
export interface Differences {
  readonly m: Form;
  readonly d1?: Form;
  readonly d2?: Form;
  /** Uses the exact integrals although there is no D2. */
  readonly exact?: boolean;
}

/** One update from `x` at `s` to the level `n`. Order 3 always has the exact integrals. */
export function dpmUpdate(
  b: PlanBuilder,
  { predict, form, eta, noiseScale }: DpmSettings,
  [x, s, n]: readonly [Form, Level, Level],
  { m, d1 = [], d2 = [], exact = form === 'heun' || d2.length > 0 }: Differences,
): Form {
  // e^-h, also where h is infinite.
  const decay = (n.sigma * s.alpha) / (n.alpha * s.sigma);
  const h = -Math.log(decay);
  if (predict === 'noise') {
    const growth = Math.expm1(h);
    const scale = eta > 0 ? 2 * n.sigma : n.sigma;
    const q1 = exact ? growth / h - 1 : growth / 2;
    const q2 = d2.length ? (growth - h) / (h * h) - 0.5 : 0;
    const z = eta > 0 ? b.scaledNoise(noiseScale * n.sigma * Math.sqrt(Math.expm1(2 * h))) : [];
    return lin(n.alpha / s.alpha, x, -scale * growth, m, -scale * q1, d1, -scale * q2, d2, 1, z);
  }
  const k = (1 + eta) * h;
  const rest = decay === 0 ? 1 : -Math.expm1(-k);
  const p1 = exact ? 1 - rest / k : rest / 2;
  let p2 = d2.length ? p1 / k - 0.5 : 0;
  // diffusers' order 3 of the SDE has the constant's sign wrong.
  if (b.compat && eta > 0) p2 = d2.length ? p2 + 1 : 0;
  const z = eta > 0 ? b.scaledNoise(noiseScale * n.sigma * Math.sqrt(-Math.expm1(-2 * eta * h))) : [];
  const kept = (n.sigma / s.sigma) * (eta === 0 ? 1 : decay ** eta);
  return lin(kept, x, n.alpha * rest, m, n.alpha * p1, d1, -n.alpha * p2, d2, 1, z);
}

/** What is interpolated; noise follows clipping, as in the peers. */
export const targetOf = ({ predict }: DpmSettings, estimate: Estimate): Form =>
  predict === 'data' ? estimate.x0 : estimate.noise;

/** Divided differences of the newest estimates, scaled by the step h. */
export function pastDifferences(
  order: number,
  h: number,
  history: readonly { readonly lambda: number; readonly m: Form }[],
): Differences {
  const [a, b, c] = history;
  if (order === 1 || !b) return { m: a!.m };
  const r0 = (a!.lambda - b.lambda) / h;
  const d10 = lin(1 / r0, a!.m, -1 / r0, b.m);
  if (order === 2 || !c) return { m: a!.m, d1: d10 };
  const r1 = (b.lambda - c.lambda) / h;
  const d11 = lin(1 / r1, b.m, -1 / r1, c.m);
  const w = r0 / (r0 + r1);
  return {
    m: a!.m,
    d1: lin(1 + w, d10, -w, d11),
    d2: lin(1 / (r0 + r1), d10, -1 / (r0 + r1), d11),
  };
}

/** Multistep DPM-Solver(++): one model call a step. `dpmSolver()` is "DPM++ 2M", `dpmSolver({ eta: 1 })` "2M SDE". */
export function dpmSolver(options: DpmOptions = {}): Solver {
  const settings = dpmSettings('dpmSolver', options);
  return {
    name: 'dpmSolver',
    options: settings,
    build(b) {
      const steps = b.levels.length - 1;
      const history: { lambda: number; m: Form }[] = [];
      for (const { i, s, n } of stepsOf(b)) {
        const target = targetOf(settings, b.predict(s));
        const order = Math.min(orderOfStep(settings, i, steps, n), usable(history) + 1);
        const wanted = settings.order > 1 && i + 1 < steps;
        history.unshift({ lambda: lambdaOf(s), m: wanted || order > 1 ? b.keep(target) : target });
        history.length = Math.min(history.length, 3);
        const differences = pastDifferences(order, lambdaOf(n) - lambdaOf(s), history);
        b.advance(dpmUpdate(b, settings, [b.x, s, n], differences));
      }
    },
  };
}

/** Estimates at pure noise (lambda -Infinity) carry no slope. */
const usable = (history: readonly { lambda: number }[]): number =>
  history.filter(({ lambda }) => lambda !== -Infinity).length;

export function orderOfStep(
  { order, lowerOrderFinal, eulerAtFinal }: DpmSettings,
  i: number,
  steps: number,
  n: Level,
): number {
  if (n.sigma === 0 || (eulerAtFinal && i === steps - 1)) return 1;
  const lower = lowerOrderFinal === 'always' || (lowerOrderFinal === 'auto' && steps < 15);
  return Math.min(order, i + 1, lower ? steps - i : order);
}
