/** The probability-flow ODE where its answers are known: linear systems, Gaussians and mixtures. */
import { describe, expect, it } from 'vitest';
import type { Level } from '../src/level';
import {
  arrays,
  bitsPerDim,
  decode,
  encode,
  flowSde,
  type ItemModel,
  logLikelihood,
  reverseDrift,
  type Sde,
  sampleSde,
  solveOde,
  subVpSde,
  veSde,
  vpSde,
} from '../src/sde';
import { mixtureMean } from './golden/models';

/** x'' = -x with frequency of the item's own. */
const frequencies = [1, 3, 7];
const oscillator = ([x]: readonly Float64Array[]) => [
  Float64Array.from({ length: 6 }, (_, i) =>
    i % 2 === 0 ? x![i + 1]! : -(frequencies[i >> 1]! ** 2) * x![i - 1]!,
  ),
];
const start = [Float64Array.from(frequencies.flatMap(() => [1, 0]))];
const exact = (t: number) => frequencies.flatMap((w) => [Math.cos(w * t), -w * Math.sin(w * t)]);
const largestError = (x: Float64Array, t: number) =>
  Math.max(...exact(t).map((value, i) => Math.abs(value - x[i]!)));

describe('solveOde', () => {
  it.each([
    ['heun', 2],
    ['rk4', 4],
  ] as const)('%s has order %i', async (method, order) => {
    const error = async (steps: number) => {
      const { parts } = await solveOde(oscillator, start, 3, [0, 1], arrays, { method, steps });
      return largestError(parts[0]!, 1);
    };
    expect(Math.log2((await error(64)) / (await error(128)))).toBeCloseTo(order, 0);
  });

  it.each(['dopri5', 'dop853'] as const)('%s meets the tolerance, with dense output', async (method) => {
    for (const tolerance of [1e-4, 1e-7, 1e-10]) {
      const times = [0, 0.3, 1.234, 2];
      const { parts, dense, rejected } = await solveOde(oscillator, start, 3, [0, 2], arrays, {
        ...{ method, rtol: tolerance, atol: tolerance, times },
      });
      expect(largestError(parts[0]!, 2)).toBeLessThan(50 * tolerance);
      for (const [k, time] of times.entries()) {
        expect(largestError(dense[k]![0]!, time)).toBeLessThan(60 * tolerance);
      }
      expect(rejected).toBeLessThan(20);
    }
  });

  it('gives an item the same numbers in any batch, and each its own steps', async () => {
    const alone = (x: readonly Float64Array[]) => [Float64Array.of(x[0]![1]!, -49 * x[0]![0]!)];
    const single = await solveOde(alone, [Float64Array.of(1, 0)], 1, [0, 1], arrays);
    const batch = await solveOde(oscillator, start, 3, [0, 1], arrays);
    expect(batch.parts[0]!.slice(4)).toEqual(single.parts[0]);
    expect(batch.calls).toBe(single.calls);
  });

  it('runs backwards, and stands still on an empty range', async () => {
    const there = await solveOde(oscillator, start, 3, [0, 1], arrays, { rtol: 1e-9, atol: 1e-9 });
    const back = await solveOde(oscillator, there.parts, 3, [1, 0], arrays, { rtol: 1e-9, atol: 1e-9 });
    expect(largestError(back.parts[0]!, 0)).toBeLessThan(1e-7);
    const still = await solveOde(oscillator, start, 3, [1, 1], arrays);
    expect(still.parts[0]).toEqual(start[0]);
  });

  it('names what is wrong', async () => {
    const run = (options: object) => solveOde(oscillator, start, 3, [0, 1], arrays, options);
    await expect(run({ method: 'rk5' })).rejects.toThrow(/solveOde: method must be one of/);
    await expect(run({ method: 'rk4', times: [0.5] })).rejects.toThrow(/times must be empty for 'rk4'/);
    await expect(run({ maxSteps: 2 })).rejects.toThrow(/maxSteps must be enough/);
    const broken = () => [new Float64Array(6).fill(NaN)];
    await expect(solveOde(broken, start, 3, [0, 1], arrays)).rejects.toThrow(/NaN or an infinity in item 0/);
  });
});

const mixture = {
  weights: [0.5, 0.3, 0.2],
  means: [
    [1, 0.5],
    [-0.8, -1],
    [0.2, -0.6],
  ],
  stds: [0.25, 0.35, 0.2],
};

/** The noise of the mixture, each item at its own level. */
const epsilonOf =
  (model: typeof mixture): ItemModel<Float64Array> =>
  (x, { alpha, sigma }) => {
    const out = new Float64Array(x.length);
    for (let item = 0; item < alpha.length; item++) {
      const clean = mixtureMean(model, x.subarray(2 * item, 2 * item + 2), alpha[item]!, sigma[item]!);
      for (const i of [0, 1])
        out[2 * item + i] = (x[2 * item + i]! - alpha[item]! * clean[i]!) / sigma[item]!;
    }
    return out;
  };

function logDensity(model: typeof mixture, x: ArrayLike<number>, alpha: number, sigma: number): number {
  const logs = model.weights.map((weight, k) => {
    const variance = (alpha * model.stds[k]!) ** 2 + sigma ** 2;
    const [dx, dy] = [x[0]! - alpha * model.means[k]![0]!, x[1]! - alpha * model.means[k]![1]!];
    return Math.log(weight / (2 * Math.PI * variance)) - (dx ** 2 + dy ** 2) / (2 * variance);
  });
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0));
}

const points = [0.9, 0.4, -0.7, -1.1, 0.1, -0.5, 0.3, 0.2];
const shape = [4, 2];
const sdes: Record<string, Sde> = {
  vp: vpSde(),
  subVp: subVpSde(),
  ve: veSde({ sigmaMax: 200 }),
  flow: flowSde(),
};

it('refuses a run without an SDE', async () => {
  const options = { shape: [1, 2], prediction: 'epsilon' } as never;
  for (const run of [encode, decode, logLikelihood, sampleSde]) {
    await expect(run((x) => x, [0, 0], options)).rejects.toThrow(/sde must be one of .* got nothing/);
  }
});

describe.each(Object.entries(sdes))('%s', (_, sde) => {
  it('has marginals that solve its moment equations', () => {
    for (const t of [0.01, 0.2, 0.7, 0.99]) {
      const h = 1e-6;
      const [before, here, after] = [t - h, t, t + h].map((time) => sde.level(time)) as [Level, Level, Level];
      const slope = (pick: (level: Level) => number) => (pick(after) - pick(before)) / (2 * h);
      expect(slope(({ alpha }) => alpha)).toBeCloseTo(sde.drift(t) * here.alpha, 5);
      const variance = here.sigma ** 2;
      const rate = 2 * sde.drift(t) * variance + sde.diffusion(t) ** 2;
      // VE's variance at timeMin is not 0: its rate is g^2 all the same.
      expect(slope(({ sigma }) => sigma ** 2) / rate).toBeCloseTo(1, 5);
    }
  });

  it('has the same drift from every prediction', () => {
    const t = 0.4;
    const { alpha, sigma } = sde.level(t);
    const [x0, epsilon] = [0.7, -1.3];
    const x = alpha * x0 + sigma * epsilon;
    const outputs = {
      epsilon,
      sample: x0,
      velocity: alpha * epsilon - sigma * x0,
      flow: epsilon - x0,
      score: -epsilon / sigma,
    };
    const want = sde.drift(t) * x + (sde.diffusion(t) ** 2 * epsilon) / sigma;
    for (const [type, m] of Object.entries(outputs)) {
      const drift = reverseDrift(sde, type as 'epsilon', t);
      expect(drift.x * x + drift.m * m).toBeCloseTo(want, 9);
    }
  });

  it.each(['dopri5', 'dop853'] as const)('encodes and decodes back, %s', async (method) => {
    const options = { sde, prediction: 'epsilon', shape, method, rtol: 1e-8, atol: 1e-8 } as const;
    const { x: latent } = await encode(epsilonOf(mixture), points, options);
    const { x } = await decode(epsilonOf(mixture), latent, options);
    expect(x).toBeAllclose(points, { atol: 3e-6 });
  });

  it.each(['heun', 'rk4'] as const)('decodes with fixed steps, %s', async (method) => {
    const options = { sde, prediction: 'epsilon', shape } as const;
    const { x: latent } = await encode(epsilonOf(mixture), points, { ...options, rtol: 1e-8, atol: 1e-8 });
    const { x, modelCalls } = await decode(epsilonOf(mixture), latent, { ...options, method, steps: 400 });
    expect(modelCalls).toBe(method === 'heun' ? 800 : 1600);
    expect(x).toBeAllclose(points, { atol: 0.02 });
  });

  it('gives the exact likelihood of a mixture, in bits', async () => {
    const options = { sde, prediction: 'epsilon', shape, rtol: 1e-7, atol: 1e-7 } as const;
    const { logProb } = await logLikelihood(epsilonOf(mixture), points, options);
    const { alpha, sigma } = sde.level(sde.timeMin);
    const want = [0, 1, 2, 3].map((i) => logDensity(mixture, points.slice(2 * i, 2 * i + 2), alpha, sigma));
    // The latent is normal only nearly: by alpha(1) of VP, by 1 / sigmaMax of VE.
    expect(logProb).toBeAllclose(want, { atol: 0.02 });
    const bits = bitsPerDim(logProb, 2, { binWidth: 2 / 256 });
    expect(bits[0]).toBeCloseTo(-logProb[0]! / (2 * Math.LN2) + 7, 10);
  });
});

describe('likelihood of one Gaussian', () => {
  // The exact latent deviation is known here, so that only the tolerance is left.
  const gaussian = { weights: [1], means: [[0, 0]], stds: [0.6] };

  it.each(['exact', 'hutchinson'] as const)('%s divergence', async (divergence) => {
    const sde = vpSde();
    const end = sde.level(1);
    const latentDeviation = Math.hypot(0.6 * end.alpha, end.sigma);
    const { logProb } = await logLikelihood(epsilonOf(gaussian), points, {
      ...{ sde, prediction: 'epsilon', shape, divergence, latentDeviation, rtol: 1e-9, atol: 1e-9 },
    });
    const { alpha, sigma } = sde.level(sde.timeMin);
    const want = [0, 1, 2, 3].map((i) => logDensity(gaussian, points.slice(2 * i, 2 * i + 2), alpha, sigma));
    // An isotropic Jacobian makes the estimate exact: every sign vector has the same product.
    expect(logProb).toBeAllclose(want, { atol: 1e-6 });
  });

  it('estimates without bias where the Jacobian is not isotropic', async () => {
    const copies = 400;
    const sde = vpSde();
    const many = Float64Array.from({ length: 2 * copies }, (_, i) => points[i % 2]!);
    const options = { sde, prediction: 'epsilon', shape: [copies, 2] } as const;
    const { logProb } = await logLikelihood(epsilonOf(mixture), many, {
      ...options,
      divergence: 'hutchinson',
    });
    const exactly = await logLikelihood(epsilonOf(mixture), many.slice(0, 2), { ...options, shape: [1, 2] });
    const mean = logProb.reduce((sum, value) => sum + value, 0) / copies;
    const spread = Math.sqrt(logProb.reduce((sum, value) => sum + (value - mean) ** 2, 0) / copies);
    expect(spread).toBeGreaterThan(0.01);
    expect(Math.abs(mean - exactly.logProb[0]!)).toBeLessThan((4 * spread) / Math.sqrt(copies));
  });
});
