/**
 * DPM-Solver(++) singlestep: groups of 1, 2, 3 calls, each update made from the group's start. Also k-diffusion's
 * dpm_fast, which places its own stages.
 */
import { type Level, lambdaOf } from '../level';
import { type PlanBuilder, stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import { type AncestralOptions, ancestralSplit } from './ancestral';
import {
  type Differences,
  type DpmOptions,
  type DpmSettings,
  dpmSettings,
  dpmUpdate,
  targetOf,
} from './dpmSolver';
import type { Solver } from './solver';

/** The order of each call: 1, 2, 3, 1, 2, 3, ..., cut so that the last group is whole. */
export function singlestepOrders(
  order: number,
  steps: number,
  lower: boolean,
  endsAtZero: boolean,
): number[] {
  const cycle = (count: number) => Array.from({ length: count }, () => [1, 2, 3].slice(0, order)).flat();
  const groups = Math.floor(steps / order);
  const rest = steps % order;
  let orders: number[];
  if (!lower) orders = cycle(groups + 1).slice(0, steps);
  else if (order === 3) {
    orders = rest === 0 ? [...cycle(groups - 1), 1, 2, 1] : [...cycle(groups), ...[1, 2].slice(0, rest)];
  } else if (order === 2) orders = rest === 0 ? [...cycle(groups - 1), 1, 1] : [...cycle(groups), 1];
  else orders = cycle(steps);
  if (endsAtZero) orders[steps - 1] = 1;
  return orders;
}

interface Stage {
  readonly lambda: number;
  readonly m: Form;
}

/** Singlestep DPM-Solver(++): one model call a listed step. "DPM++ 2S". */
export function dpmSinglestep(options: DpmOptions = {}): Solver {
  const settings = dpmSettings('dpmSinglestep', options);
  return {
    name: 'dpmSinglestep',
    options: settings,
    build(b) {
      const steps = b.levels.length - 1;
      const endsAtZero = b.levels[steps]!.sigma === 0;
      const lower = settings.lowerOrderFinal !== 'never' || endsAtZero || steps % settings.order !== 0;
      const orders = singlestepOrders(settings.order, steps, lower, endsAtZero);
      let start: { x: Form; s: Level } = { x: b.x, s: b.levels[0]! };
      let stages: Stage[] = [];
      for (const { i, s, n } of stepsOf(b)) {
        if (orders[i] === 1) {
          start = { x: b.x, s };
          stages = [];
        }
        const target = targetOf(settings, b.predict(s));
        const continues = (orders[i + 1] ?? 1) > 1;
        stages.push({ lambda: lambdaOf(s), m: continues ? b.keep(target) : target });
        const h = lambdaOf(n) - lambdaOf(start.s);
        const differences = stageDifferences(settings, orders[i]!, h, stages);
        b.advance(dpmUpdate(b, settings, [start.x, start.s, n], differences));
      }
    },
  };
}

function stageDifferences({ form }: DpmSettings, order: number, h: number, stages: Stage[]): Differences {
  const [a, second, third] = stages;
  const m = a!.m;
  const slope = ({ lambda, m: later }: Stage): [number, Form] => {
    const r = (lambda - a!.lambda) / h;
    return [r, lin(1 / r, later, -1 / r, m)];
  };
  // A start at pure noise has no slope.
  if (order === 1 || a!.lambda === -Infinity) return { m: stages.at(-1)!.m };
  if (order === 2) return { m, d1: slope(second!)[1] };
  const [r1, d11] = slope(second!);
  const [r2, d12] = slope(third!);
  if (form === 'midpoint') return { m, d1: d12, exact: true };
  const gap = r2 - r1;
  return {
    m,
    d1: lin(r2 / gap, d11, -r1 / gap, d12),
    d2: lin(2 / gap, d12, -2 / gap, d11),
  };
}

/**
 * k-diffusion's dpm_fast: as many calls as steps, in groups of order 3 that end at the grid's last sigma but one, equal
 * in lambda. Build its plan with `exponential({ final: 'repeat' })`: only the ends of the grid are used.
 */
export function dpmFast(options: AncestralOptions = {}): Solver {
  const { eta = 0, noiseScale = 1 } = options;
  return {
    name: 'dpmFast',
    options: { eta, noiseScale },
    build(b) {
      const calls = b.levels.length - 1;
      const [first, last] = [lambdaOf(b.levels[0]!), lambdaOf(b.levels[calls - 1]!)];
      const groups = Math.floor(calls / 3) + 1;
      const rest = calls % 3;
      const orders = new Array<number>(rest === 0 ? groups - 2 : groups - 1).fill(3);
      orders.push(...(rest === 0 ? [2, 1] : [rest]));
      let from = b.levels[0]!;
      for (const [i, order] of orders.entries()) {
        const end = first + ((i + 1) / groups) * (last - first);
        const to = i + 1 === orders.length ? b.levels[calls - 1]! : b.at(Math.exp(-end));
        fastStep(b, from, to, order, eta, noiseScale);
        from = to;
      }
    },
  };
}

/** DPM-Solver-1, 2 or 3 (arXiv:2206.00927, algorithms 1 and 2), to sigma_down, then noise. */
function fastStep(
  b: PlanBuilder,
  from: Level,
  to: Level,
  order: number,
  eta: number,
  noiseScale: number,
): void {
  const [rs, rn] = [from.sigma / from.alpha, to.sigma / to.alpha];
  const [down] = eta > 0 ? ancestralSplit(rs, rn, eta) : [rn];
  const target = eta > 0 && down > 0 ? { ...to, sigma: to.alpha * down } : to;
  const up = Math.sqrt(Math.max(0, rn ** 2 - (target.sigma / target.alpha) ** 2));
  const h = lambdaOf(target) - lambdaOf(from);
  const next = exponentialStages(b, b.x, from, target, order, h);
  b.advance(lin(1, next, 1, b.scaledNoise(to.alpha * noiseScale * up)), to, from);
}

/** The state at `to` by 1, 2 or 3 evaluations of the noise. */
export function exponentialStages(
  b: PlanBuilder,
  x: Form,
  from: Level,
  to: Level,
  order: number,
  h: number,
): Form {
  const stage = (r: number): Level => b.at(Math.exp(-(lambdaOf(from) + r * h)));
  const base = (n: Level, r: number, e: Form) =>
    lin(n.alpha / from.alpha, x, -n.sigma * Math.expm1(r * h), e);
  const noise = b.predict(from, x).noise;
  if (order === 1) return base(to, 1, noise);
  const e = b.keep(noise);
  const r1 = order === 2 ? 1 / 2 : 1 / 3;
  const s1 = stage(r1);
  const e1 = b.predict(s1, b.keep(base(s1, r1, e))).noise;
  const phi = (r: number) => Math.expm1(r * h) / (r * h) - 1;
  if (order === 2) {
    const w = (to.sigma / (2 * r1)) * Math.expm1(h);
    return lin(1, base(to, 1, e), -w, e1, w, e);
  }
  const [r2, s2] = [2 / 3, stage(2 / 3)];
  const w2 = (s2.sigma * r2 * phi(r2)) / r1;
  const e2 = b.predict(s2, b.keep(lin(1, base(s2, r2, e), -w2, e1, w2, e))).noise;
  const w3 = (to.sigma * phi(1)) / r2;
  return lin(1, base(to, 1, e), -w3, e2, w3, e);
}
