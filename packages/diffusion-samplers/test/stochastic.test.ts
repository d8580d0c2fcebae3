/** Brownian paths, and SDE steppers on an Ornstein-Uhlenbeck process, whose law and paths are known. */
import { describe, expect, it } from 'vitest';
import { createPlan, customSigmas, dpmSolver, sample, vp } from '../src';
import {
  brownianNoise,
  brownianPath,
  type ItemModel,
  type SdeMethod,
  sampleSde,
  solveSde,
  subVpSde,
  veSde,
  vpSde,
} from '../src/sde';
import { mixtureMean } from './golden/models';

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
const products = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  mean(Float64Array.from(a, (value, i) => value * b[i]!));

describe('brownianPath', () => {
  const shape = [20_000];
  // One item's numbers: independent samples all the same.
  const one = [1, 20_000];

  it.each([
    ['even', 0],
    ['geometric', 0.01],
  ] as const)('has the law of a Brownian motion and its area, %s', (spacing, from) => {
    const path = brownianPath({ seed: 5, shape: one, from, to: 2, spacing });
    const [a, b, c] = [from + 0.0371, 0.61803, 1.777];
    const [first, second] = [path.increment(a, b), path.increment(b, c)];
    const slack = 4 * Math.sqrt(2 / shape[0]!);
    for (const [{ w, area }, h] of [
      [first, b - a],
      [second, c - b],
    ] as const) {
      expect(Math.abs(products(w, w) / h - 1)).toBeLessThan(slack);
      expect(Math.abs((products(area, area) * 12) / h - 1)).toBeLessThan(slack);
      expect(Math.abs(products(w, area) / (h / Math.sqrt(12)))).toBeLessThan(slack);
    }
    expect(Math.abs(products(first.w, second.w))).toBeLessThan(slack);
    expect(Math.abs(products(first.area, second.w))).toBeLessThan(slack);
  });

  it('is the same whatever was asked before, for any batch, and adds up', () => {
    const options = { seed: 9, from: 0, to: 1 };
    const path = brownianPath({ ...options, shape: [3, 2] });
    const whole = path.increment(0.2, 0.9);
    for (let k = 0; k < 50; k++) path.increment(k / 64, (k + 7.3) / 64);
    expect(path.increment(0.2, 0.9)).toEqual(whole);
    const alone = brownianPath({ ...options, shape: [1, 2] });
    expect(alone.increment(0.2, 0.9).w).toEqual(whole.w.slice(0, 2));
    const [left, right] = [path.increment(0.2, 0.55), path.increment(0.55, 0.9)];
    expect(left.w.map((w, i) => w + right.w[i]!)).toBeAllclose(whole.w, { atol: 1e-12 });
    // The integral of W over both parts, from their areas.
    const integral = (i: number) =>
      0.35 * (left.w[i]! / 2 + left.area[i]!) + 0.35 * (left.w[i]! + right.w[i]! / 2 + right.area[i]!);
    expect(whole.w.map((w, i) => 0.7 * (w / 2 + whole.area[i]!))).toBeAllclose(
      whole.w.map((_, i) => integral(i)),
      { atol: 1e-12 },
    );
  });

  it('names times outside the path', () => {
    const path = brownianPath({ shape: [1], from: 0, to: 1 });
    expect(() => path.increment(0.5, 1.5)).toThrow(/brownianPath: time must be in \[0, 1\], got 1.5/);
  });
});

/** dx = -theta x dt + g(t) dw with g = 1 + t / 2. */
const theta = 1.5;
const items = 1000;
const shape = [1, items];
const [x0, end] = [0.8, 1];
const equation = {
  drift: (x: Float64Array) => x.map((value) => -theta * value),
  diffusion: (t: number) => 1 + t / 2,
};
const path = brownianPath({ seed: 1, shape, from: 0, to: end });
const gridOf = (steps: number) => Array.from({ length: steps + 1 }, (_, n) => (n * end) / steps);
const solve = (steps: number, method: SdeMethod) =>
  solveSde(equation, new Float64Array(items).fill(x0), { times: gridOf(steps), shape, method, path });

/** e^(-theta T) x0 + integral e^(-theta (T - s)) g(s) dW, by parts on a fine grid of the same path. */
function exactPaths(): Float64Array {
  const steps = 1024;
  const h = end / steps;
  const kernel = (s: number) => Math.exp(-theta * (end - s)) * equation.diffusion(s);
  const out = new Float64Array(items).fill(Math.exp(-theta * end) * x0);
  for (let n = 0; n < steps; n++) {
    const { w, area } = path.increment(n * h, (n + 1) * h);
    const [a, b] = [kernel(n * h), kernel((n + 1) * h)];
    // kernel(s) is linear within the interval, to h^2: integral of (s - middle) dW = -h area.
    for (let i = 0; i < items; i++) out[i]! += ((a + b) / 2) * w[i]! - (b - a) * area[i]!;
  }
  return out;
}

/** The law at the end: variance integral of kernel^2, by Simpson. */
const wantedMean = Math.exp(-theta * end) * x0;
const wantedVariance = (() => {
  const n = 2000;
  const f = (s: number) => (Math.exp(-theta * (end - s)) * equation.diffusion(s)) ** 2;
  let sum = f(0) + f(end);
  for (let k = 1; k < n; k++) sum += (k % 2 ? 4 : 2) * f((k * end) / n);
  return (sum * end) / n / 3;
})();

describe('an Ornstein-Uhlenbeck process', () => {
  const paths = exactPaths();

  it('has its law on the reference paths', () => {
    const variance = products(paths, paths) - mean(paths) ** 2;
    expect(Math.abs(mean(paths) - wantedMean)).toBeLessThan(4 * Math.sqrt(wantedVariance / items));
    expect(Math.abs(variance / wantedVariance - 1)).toBeLessThan(4 * Math.sqrt(2 / items));
  });

  it.each([
    ['euler-maruyama', 1],
    ['heun', 1],
    ['sra1', 1.5],
  ] as const)('%s has strong order %f', async (method, order) => {
    const error = async (steps: number) => {
      const x = await solve(steps, method);
      const apart = x.map((value, i) => value - paths[i]!);
      return Math.sqrt(products(apart, apart));
    };
    expect(Math.log2((await error(16)) / (await error(64))) / 2).toBeGreaterThan(order - 0.15);
  });

  it.each([
    ['euler-maruyama', 1],
    ['heun', 2],
    ['sra1', 2],
  ] as const)('%s has weak order %i', async (method, order) => {
    // The equation is linear: mean and variance follow, without sampling, from the response to each increment alone.
    const errors = async (steps: number) => {
      const count = 2 * steps + 1;
      const impulse = (n: number) => Float64Array.from({ length: count }, (_, i) => (i === n ? 1 : 0));
      let n = 0;
      const impulses = { increment: () => ({ w: impulse(n), area: impulse(steps + n++) }) };
      const options = { times: gridOf(steps), shape: [1, count], method, path: impulses };
      const x = await solveSde(equation, new Float64Array(count).fill(x0), options);
      const response = x.map((value) => value - x[2 * steps]!);
      const variances = response.map((r, i) => (r * r * end) / steps / (i < steps ? 1 : 12));
      const variance = variances.reduce((a, b) => a + b, 0);
      return [Math.abs(x[2 * steps]! - wantedMean), Math.abs(variance - wantedVariance)] as const;
    };
    const [coarse, fine] = [await errors(32), await errors(128)];
    for (const moment of [0, 1] as const) {
      expect(Math.log2(coarse[moment] / fine[moment]) / 2).toBeGreaterThan(order - 0.1);
    }
  });
});

const mixture = {
  weights: [0.6, 0.4],
  means: [
    [0.8, 0.3],
    [-0.7, -0.6],
  ],
  stds: [0.25, 0.35],
};

/** The score of the mixture, of the many points that one item holds. */
const score: ItemModel<Float64Array> = (x, { alpha, sigma }) => {
  const clean = mixtureMean(mixture, x, alpha[0]!, sigma[0]!);
  return clean.map((value, i) => (alpha[0]! * value - x[i]!) / sigma[0]! ** 2);
};

describe('sampleSde', () => {
  const count = 2000;
  const latents = brownianPath({ seed: 8, shape: [1, 2 * count], from: 0, to: 1 }).increment(0, 1).w;
  const wanted = {
    mean: 0.6 * 0.8 - 0.4 * 0.7,
    square: 0.6 * (0.64 + 0.0625) + 0.4 * (0.49 + 0.1225),
  };

  it.each([
    ['VP, Euler-Maruyama', vpSde(), { steps: 200 }],
    ['VP, Heun', vpSde(), { steps: 100, method: 'heun' }],
    ['VP, SRA1', vpSde(), { steps: 100, method: 'sra1' }],
    ['VP, half the noise', vpSde(), { steps: 100, method: 'sra1', lambda: 0.5 }],
    ['sub-VP', subVpSde(), { steps: 200 }],
    ['VE', veSde({ sigmaMax: 20 }), { steps: 200, method: 'sra1' }],
    [
      'VE, predictor-corrector',
      veSde({ sigmaMax: 20 }),
      { steps: 200, corrector: { snr: 0.1, norms: 'batch' } },
    ],
    [
      'VP, corrector on SRA1',
      vpSde(),
      { steps: 60, method: 'sra1', corrector: { snr: 0.1, norms: 'batch' } },
    ],
  ] as const)('draws from the mixture: %s', async (_, sde, options) => {
    const deviation = sde.level(1).sigma;
    const x = latents.map((value) => deviation * value);
    const run = { sde, prediction: 'score', shape: [1, 2 * count], seed: 4, ...options } as const;
    const drawn = await sampleSde(score, x, run);
    const first = drawn.x.filter((_, i) => i % 2 === 0);
    const calls =
      options.steps * ('method' in options && options.method ? 2 : 1) +
      ('corrector' in options ? options.steps : 0);
    expect(drawn.modelCalls).toBe(calls);
    expect(Math.abs(mean(first) - wanted.mean)).toBeLessThan(5 * Math.sqrt(wanted.square / count));
    expect(products(first, first)).toBeAllclose(wanted.square, { rtol: 0.06 });
  });
});

describe('brownianNoise', () => {
  it('makes plans with more steps draw the same picture, more exactly', async () => {
    const model = (x: ArrayLike<number>, { alpha, sigma }: { alpha: number; sigma: number }) =>
      mixtureMean(mixture, x, alpha, sigma);
    const shape = [1, 32];
    const run = async (steps: number, independent = false) => {
      const sigmas = Array.from({ length: steps + 1 }, (_, n) => 50 * (0.05 / 50) ** (n / steps));
      const plan = createPlan({
        ...{ schedule: vp(), grid: customSigmas(sigmas), prediction: 'sample', steps },
        solver: dpmSolver({ eta: 1, lowerOrderFinal: 'never' }),
      });
      const noise = independent ? undefined : brownianNoise(plan, { seed: 2 });
      return (await sample(plan, model, { shape, seed: 2, noise, precision: 'float64' })).x;
    };
    const reference = await run(512);
    const distance = async (steps: number, independent = false) => {
      const x = await run(steps, independent);
      return Math.sqrt(
        products(
          x.map((v, i) => v - reference[i]!),
          x.map((v, i) => v - reference[i]!),
        ),
      );
    };
    const [coarse, fine] = [await distance(16), await distance(128)];
    expect(fine).toBeLessThan(coarse / 3);
    expect(fine).toBeLessThan(0.05);
    expect(await distance(128, true)).toBeGreaterThan(0.3);
  });
});
