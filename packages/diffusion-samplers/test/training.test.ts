/** Targets, weights, noise levels, averages and reflow, against what their definitions say. */
import { key } from '@tfkit/core';
import { describe, expect, it } from 'vitest';
import { conversion, createPlan, edm, euler, flow, flowGrid, type PredictionType, vp } from '../src';
import { inputLevel, predictionTypes } from '../src/prediction';
import {
  Ema,
  emaExponent,
  levelsAt,
  lossWeights,
  noiseLevels,
  postHocEma,
  reflowPairs,
  straightness,
  trainingExample,
} from '../src/training';
import { mixtureMean } from './golden/models';

const x0 = Float64Array.of(0.3, -0.8, 1.1, 0.2);
const epsilon = Float64Array.of(-1.2, 0.4, 0.7, 2);
const levels = levelsAt(vp(), [0.1, 4]);

describe('trainingExample', () => {
  it.each(predictionTypes)('%s: the solver finds x0 and the noise in the target', (type) => {
    const chosen = /edm|consistency/.test(type) ? levelsAt(edm(), [0.1, 4]) : levels;
    const { input, target } = trainingExample(x0, epsilon, chosen, type);
    for (let i = 0; i < 4; i++) {
      const item = i >> 1;
      const level = { timestep: 0, alpha: chosen.alpha[item]!, sigma: chosen.sigma[item]! };
      const [a, b, c, d] = conversion({ type }, inputLevel({ type }, level));
      expect(a * input[i]! + b * target[i]!).toBeCloseTo(x0[i]!, 10);
      expect(c * input[i]! + d * target[i]!).toBeCloseTo(epsilon[i]!, 10);
    }
  });

  it('gives raw EDM networks inputs and targets of unit variance', () => {
    const n = 4000;
    const [clean, noise] = [noiseLevels(key(1), n, 'log-normal'), noiseLevels(key(2), n, 'log-normal')];
    const normal = (values: Float64Array, deviation: number) =>
      values.map((v) => (deviation * (Math.log(v) + 1.2)) / 1.2);
    const many = levelsAt(edm(), new Float64Array(n).fill(0.7));
    const { input, target } = trainingExample(normal(clean, 0.5), normal(noise, 1), many, 'edm');
    for (const values of [input, target]) {
      expect(values.reduce((sum, v) => sum + v * v, 0) / n).toBeCloseTo(1, 1);
    }
  });
});

describe('lossWeights', () => {
  const snr = Array.from(levels.alpha, (alpha, i) => (alpha / levels.sigma[i]!) ** 2);

  it('weighs the same error alike, whatever the network predicts', () => {
    // A network that errs by e in x0 has, times its weight, the same loss in all parametrisations.
    for (const weight of [
      'epsilon',
      'velocity',
      { kind: 'min-snr' },
      { kind: 'edm' },
      { kind: 'p2' },
    ] as const) {
      const losses = (['epsilon', 'sample', 'velocity', 'flow', 'score'] as PredictionType[]).map((type) => {
        const weights = lossWeights(levels, type, weight);
        return Array.from(weights, (w, i) => {
          const [, b] = conversion(
            { type },
            { timestep: 0, alpha: levels.alpha[i]!, sigma: levels.sigma[i]! },
          );
          return w / (b * b);
        });
      });
      for (const loss of losses) expect(loss).toBeAllclose(losses[0]!, { rtol: 1e-10 });
    }
  });

  it('is as published', () => {
    const of = (type: PredictionType, weight: Parameters<typeof lossWeights>[2]) =>
      lossWeights(levels, type, weight);
    expect(of('epsilon', 'uniform')).toEqual(Float64Array.of(1, 1));
    expect(of('sample', 'epsilon')).toBeAllclose(snr, { rtol: 1e-12 });
    expect(of('sample', 'velocity')).toBeAllclose(
      snr.map((s) => s + 1),
      { rtol: 1e-12 },
    );
    expect(of('epsilon', { kind: 'min-snr', gamma: 5 })).toBeAllclose(
      snr.map((s) => Math.min(s, 5) / s),
      { rtol: 1e-12 },
    );
    expect(of('velocity', { kind: 'min-snr', gamma: 5 })).toBeAllclose(
      snr.map((s) => Math.min(s, 5) / (s + 1)),
      { rtol: 1e-12 },
    );
    expect(of('epsilon', { kind: 'p2' })).toBeAllclose(
      snr.map((s) => 1 / (1 + s)),
      { rtol: 1e-12 },
    );
    // EDM's weight times c_out^2 is 1.
    expect(lossWeights(levelsAt(edm(), [0.1, 4]), 'edm', { kind: 'edm' })).toBeAllclose([1, 1], {
      rtol: 1e-12,
    });
    expect(() => of('epsilon', 'snr' as 'epsilon')).toThrow(/lossWeights: weight must be one of/);
  });
});

describe('noiseLevels', () => {
  const moments = (values: Float64Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return [mean, Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length)];
  };

  it('covers the range, or has the law it says', () => {
    const even = noiseLevels(key(3), 1000, 'uniform');
    expect(even.every((u, i) => u >= i / 1000 && u <= (i + 1) / 1000)).toBe(true);
    const logit = noiseLevels(key(3), 20_000, 'logit-normal', { mean: 0.3, deviation: 0.8 });
    expect(moments(logit.map((u) => Math.log(u / (1 - u))))).toBeAllclose([0.3, 0.8], { atol: 0.03 });
    const sigmas = noiseLevels(key(3), 20_000, 'log-normal');
    expect(moments(sigmas.map(Math.log))).toBeAllclose([-1.2, 1.2], { atol: 0.03 });
  });
});

describe('Ema', () => {
  it('has the profile of a power function', () => {
    const gamma = 3;
    const steps = 200;
    const ema = new Ema({ gamma });
    // Step t holds the value t: the average of the profile (gamma + 1) t^gamma / T^(gamma + 1) is (gamma + 1) / (gamma + 2) T.
    for (let t = 1; t <= steps; t++) ema.update({ w: Float64Array.of(t) });
    expect(ema.values.w![0]! / steps).toBeCloseTo(4 / 5, 2);
    expect(ema.steps).toBe(steps);
    expect(() => ema.update({ other: Float64Array.of(1) })).toThrow(/Ema: weights must have the same names/);
  });

  it('finds the exponents of the article', () => {
    // arXiv:2312.02696: sigma_rel 0.05 is gamma 16.97, 0.10 is 6.94.
    expect(emaExponent(0.05)).toBeCloseTo(16.97, 2);
    expect(emaExponent(0.1)).toBeCloseTo(6.94, 2);
  });

  it('rebuilds an average of another width from stored ones', () => {
    const [narrow, wide, wanted] = [16.97, 6.94, 10];
    const steps = 4000;
    const averages = [narrow, wide, wanted].map((gamma) => new Ema({ gamma }));
    const snapshots: { step: number; gamma: number; value: number }[] = [];
    const curve = (t: number) => Math.sin(t / 700) + t / steps;
    for (let t = 1; t <= steps; t++) {
      for (const [k, ema] of averages.entries()) {
        ema.update({ w: Float64Array.of(curve(t)) });
        if (t % 500 === 0 && k < 2)
          snapshots.push({ step: t, gamma: [narrow, wide][k]!, value: ema.values.w![0]! });
      }
    }
    const factors = postHocEma(snapshots, { step: steps, gamma: wanted });
    const rebuilt = factors.reduce((sum, factor, i) => sum + factor * snapshots[i]!.value, 0);
    expect(rebuilt).toBeCloseTo(averages[2]!.values.w![0]!, 3);
    expect(factors.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 2);
  });
});

describe('reflow', () => {
  const mixture = {
    weights: [0.5, 0.5],
    means: [
      [1, 0.5],
      [-0.8, -1],
    ],
    stds: [0.25, 0.35],
  };
  const curved = (x: ArrayLike<number>, { alpha, sigma }: { alpha: number; sigma: number }) => {
    const clean = mixtureMean(mixture, x, alpha, sigma);
    return clean.map((value, i) => (x[i]! - alpha * value) / sigma - value);
  };
  const plan = createPlan({
    schedule: flow(),
    grid: flowGrid(),
    prediction: 'flow',
    solver: euler(),
    steps: 50,
  });

  it('calls a translation straight and a mixture not', async () => {
    const shift = () => Float64Array.from({ length: 64 }, (_, i) => (i % 2 ? 0.7 : -1.5));
    expect(await straightness(plan, shift, { shape: [32, 2] })).toBeLessThan(1e-9);
    expect(await straightness(plan, curved, { shape: [32, 2] })).toBeGreaterThan(0.05);
  });

  it("makes pairs on the model's paths, whatever the batch", async () => {
    const shape = [10, 2];
    const whole = await reflowPairs(plan, curved, { shape, seed: 3 });
    const parts = await reflowPairs(plan, curved, { shape, seed: 3, batch: 3 });
    expect(parts).toEqual(whole);
    const mirrored = await reflowPairs(plan, () => new Float64Array(20), { shape, seed: 3 });
    expect(mirrored.data).toEqual(mirrored.noise);
    expect(whole.noise).toEqual(mirrored.noise);
  });
});
