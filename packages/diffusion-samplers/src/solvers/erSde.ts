/**
 * Extended reverse-time SDE solvers (Cui et al. 2023, arXiv:2309.06169). In y = x / alpha over r = sigma / alpha, with a
 * noise scale function phi and q = phi(r') / phi(r), a step from r to r' is
 *
 *   y' = q y + (1 - q) x0 + [(r' - r) + phi(r') J0] x0' + [(r' - r)^2 / 2 + phi(r') J1] x0'' + sqrt(r'^2 - (q r)^2) z
 *
 * with J0 = integral of 1 / phi and J1 = integral of (u - r) / phi over u from r' to r; x0', x0'' are divided differences in r
 * (x0' at r itself: the authors' program takes it half a step back, which leaves order 2).
 * phi(r) = r is the ODE's lower bound of noise, phi(r) = r^2 the reverse SDE.
 */
import { checkInteger, checkNumber, OptionError } from '@tfkit/core';
import { stepsOf } from '../plan/builder';
import { type Form, lin } from '../plan/forms';
import type { Solver } from './solver';

/** Options of `erSde`. `noiseScale` multiplies all noise that is added, default 1. */
export interface ErSdeOptions {
  /** 1, 2 or 3. Default 3. */
  readonly order?: 1 | 2 | 3;
  /**
   * phi: 'er' r (exp(r^0.3) + 10), the article's choice; 'sde' r^2; 'ode' r; or a function of r, positive with
   * phi(r) / r not falling. Default 'er'.
   */
  readonly noise?: 'er' | 'sde' | 'ode' | ((ratio: number) => number);
  readonly noiseScale?: number;
}

const scales: Readonly<Record<string, (ratio: number) => number>> = {
  er: (r) => r * (Math.exp(r ** 0.3) + 10),
  sde: (r) => r * r,
  ode: (r) => r,
};

/**
 * One model call a step.
 *
 * @throws OptionError for an order other than 1, 2 and 3, a noiseScale below 0, or a noise that is none.
 */
export function erSde(options: ErSdeOptions = {}): Solver {
  const { order = 3, noise = 'er', noiseScale = 1 } = options;
  checkInteger(['erSde', 'order'], order, { min: 1, max: 3 });
  checkNumber(['erSde', 'noiseScale'], noiseScale, { min: 0 });
  const phi = typeof noise === 'function' ? noise : scales[noise];
  if (!phi) throw new OptionError(`erSde: noise must be 'er', 'sde', 'ode' or a function, got '${noise}'.`);
  return {
    name: 'erSde',
    options: { order, noise: typeof noise === 'function' ? 'custom' : noise, noiseScale },
    build(b) {
      const past: { r: number; m: Form; d?: Form }[] = [];
      for (const { s, n, rs, rn } of stepsOf(b)) {
        const { x0 } = b.predict(s);
        const m = n.sigma === 0 || order === 1 ? x0 : b.keep(x0);
        if (n.sigma === 0) {
          b.advance(lin(n.alpha, m));
          continue;
        }
        const [one, two] = past;
        const usable = order > 1 && one && Number.isFinite(one.r) && one.r !== rs;
        const d = usable ? lin(1 / (rs - one.r), m, -1 / (rs - one.r), one.m) : undefined;
        const second = order > 2 && d && one?.d && two ? ([d, one.d, two.r] as const) : undefined;
        past.unshift({ r: rs, m, d });
        past.length = Math.min(past.length, 2);
        if (rs === Infinity) {
          b.advance(lin(n.alpha, m, n.alpha * noiseScale * rn, b.noise()));
          continue;
        }
        const q = phi(rn) / phi(rs);
        const step = rn - rs;
        const j0 = d ? integral((u) => 1 / phi(u), rn, rs) : 0;
        const j1 = second ? integral((u) => (u - rs) / phi(u), rn, rs) : 0;
        const gap = second ? (rs - second[2]) / 2 : 1;
        const curve = second ? lin(1 / gap, second[0], -1 / gap, second[1]) : [];
        const spread = noiseScale * Math.sqrt(Math.max(0, rn ** 2 - (q * rs) ** 2));
        const slope = second ? lin(1, d!, (rs - one!.r) / 2, curve) : (d ?? []);
        b.advance(
          lin(
            ...[(n.alpha * q) / s.alpha, b.x, n.alpha * (1 - q), m],
            ...[n.alpha * (step + phi(rn) * j0), slope],
            ...[n.alpha * (step ** 2 / 2 + phi(rn) * j1), curve],
            ...[1, b.scaledNoise(n.alpha * spread)],
          ),
        );
      }
    },
  };
}

/** Integral over u from `low` to `high` by Gauss-Legendre in log u, 8 points on each octave or less. */
function integral(f: (u: number) => number, low: number, high: number): number {
  const octaves = Math.max(1, Math.ceil(Math.log2(high / low)));
  const width = Math.log(high / low) / octaves;
  let sum = 0;
  for (let k = 0; k < octaves; k++) {
    const middle = Math.log(low) + (k + 0.5) * width;
    for (const [node, weight] of gauss) {
      for (const side of [-1, 1]) {
        const u = Math.exp(middle + (side * node * width) / 2);
        sum += (weight * width * u * f(u)) / 2;
      }
    }
  }
  return sum;
}

const gauss: readonly (readonly [node: number, weight: number])[] = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
];
