/**
 * Ancestral sampling: a deterministic step to a lower noise level, then noise up to the next one (k-diffusion). In VE
 * coordinates sigma_up^2 = min(n^2, eta^2 n^2 (s^2 - n^2) / s^2) and sigma_down^2 = n^2 - sigma_up^2.
 */
import { checkNumber } from '@tfkit/core';
import { type Level, ratioOf } from '../level';
import { type PlanBuilder, stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import { coordinates, moved } from './path';
import type { Solver } from './solver';

export interface AncestralOptions {
  /** 0: deterministic; 1: as much noise as the forward process would lose. Default 1. */
  readonly eta?: number;
  /** The factor of the noise. Default 1. */
  readonly noiseScale?: number;
}

/** [down, up] in ratios. */
export function ancestralSplit(from: number, to: number, eta: number): [down: number, up: number] {
  if (from === Infinity)
    return to === 0 ? [0, 0] : [to * Math.sqrt(Math.max(0, 1 - eta * eta)), Math.min(to, eta * to)];
  const up = Math.min(to, eta * Math.sqrt(Math.max(0, (to ** 2 * (from ** 2 - to ** 2)) / from ** 2)));
  return [Math.sqrt(Math.max(0, to ** 2 - up ** 2)), up];
}

function checked(name: string, { eta = 1, noiseScale = 1 }: AncestralOptions) {
  checkNumber([name, 'eta'], eta, { min: 0 });
  checkNumber([name, 'noiseScale'], noiseScale, { min: 0 });
  return { eta, noiseScale };
}

/** alpha' (x0 + down noise) plus noise of ratio `up`: the state at `n`. */
function landed(b: PlanBuilder, n: Level, x: Form, up: number): Form {
  return n.sigma === 0 ? x : lin(1, x, 1, b.scaledNoise(n.alpha * up));
}

/** alpha and sigma of a ratio in the coordinates of the level `n`. */
const below = (n: Level, ratio: number): Level => ({ ...n, sigma: n.alpha * ratio });

/** "Euler a". */
export function eulerAncestral(options: AncestralOptions = {}): Solver {
  const { eta, noiseScale } = checked('eulerAncestral', options);
  return {
    name: 'eulerAncestral',
    options: { eta, noiseScale },
    build(b) {
      for (const { s, n, rs, rn } of stepsOf(b)) {
        const [down, up] = ancestralSplit(rs, rn, eta);
        const { x0, noise } = b.predict(s);
        b.advance(landed(b, n, lin(n.alpha, x0, n.alpha * down, noise), noiseScale * up));
      }
    },
  };
}

/** "DPM2 a": the midpoint method down to sigma_down, then noise. */
export function dpm2Ancestral(options: AncestralOptions = {}): Solver {
  const { eta, noiseScale } = checked('dpm2Ancestral', options);
  return {
    name: 'dpm2Ancestral',
    options: { eta, noiseScale },
    build(b) {
      for (const { s, n, rs, rn } of stepsOf(b)) {
        const [down, up] = ancestralSplit(rs, rn, eta);
        const { x0, noise } = b.predict(s);
        if (down === 0) {
          b.advance(landed(b, n, lin(n.alpha, x0), noiseScale * up));
          continue;
        }
        const middle = b.at(Math.sqrt(rs * down));
        const y = b.keep(lin(middle.alpha, x0, middle.sigma, noise));
        const slope = b.predict(middle, y).noise;
        b.advance(
          landed(b, n, moved(coordinates.sigma, b.x, s, below(n, down), down - rs, slope), noiseScale * up),
        );
      }
    },
  };
}

/** x' = w x + alpha' (1 - w...) x0 towards the ratio `to`: the exponential integrator of order 1. */
export function towards(x: Form, s: Level, to: Level, x0: Form): Form {
  const w = to.sigma / s.sigma;
  return lin(w, x, to.alpha - w * s.alpha, x0);
}

/** "DPM++ 2S a": DPM-Solver++ (2S), the midpoint in lambda, down to sigma_down, then noise. */
export function dpmpp2sAncestral(options: AncestralOptions = {}): Solver {
  const { eta, noiseScale } = checked('dpmpp2sAncestral', options);
  return {
    name: 'dpmpp2sAncestral',
    options: { eta, noiseScale },
    build(b) {
      for (const { s, n, rs, rn } of stepsOf(b)) {
        const [down, up] = ancestralSplit(rs, rn, eta);
        const { x0 } = b.predict(s);
        if (down === 0) {
          b.advance(landed(b, n, lin(n.alpha, x0), noiseScale * up));
          continue;
        }
        const middle = b.at(Math.sqrt(rs * down));
        const y = b.keep(towards(b.x, s, middle, x0));
        const second = b.predict(middle, y);
        b.advance(landed(b, n, towards(b.x, s, below(n, down), second.x0), noiseScale * up));
      }
    },
  };
}

/**
 * "DPM++ SDE" (k-diffusion; arXiv:2211.01095 with noise): two ancestral steps from s, to a midpoint and to the end. The
 * two draws of a step are independent here; a Brownian path would correlate them.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function dpmppSde(options: AncestralOptions & { readonly ratio?: number } = {}): Solver {
  const { eta, noiseScale } = checked('dpmppSde', options);
  const { ratio = 0.5 } = options;
  checkNumber(['dpmppSde', 'ratio'], ratio, { min: 0, max: 1, open: 'both' });
  return {
    name: 'dpmppSde',
    options: { eta, noiseScale, ratio },
    build(b) {
      for (const { s, n, rs, rn } of stepsOf(b)) {
        const { x0 } = b.predict(s);
        if (n.sigma === 0) {
          b.advance(lin(n.alpha, x0));
          continue;
        }
        const first = b.keep(x0);
        const middle = b.at(rs ** (1 - ratio) * rn ** ratio);
        const [down1, up1] = ancestralSplit(rs, ratioOf(middle), eta);
        const y = lin(
          1,
          towards(b.x, s, below(middle, down1), first),
          1,
          b.scaledNoise(middle.alpha * noiseScale * up1),
        );
        const second = b.predict(middle, b.keep(y));
        const mixed = lin(1 - 1 / (2 * ratio), first, 1 / (2 * ratio), second.x0);
        const [down, up] = ancestralSplit(rs, rn, eta);
        b.advance(landed(b, n, towards(b.x, s, below(n, down), mixed), noiseScale * up));
      }
    },
  };
}
