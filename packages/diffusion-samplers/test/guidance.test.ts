/** Guidance and editing where their answers are known. */
import { describe, expect, it } from 'vitest';
import {
  ascending,
  createPlan,
  ddim,
  dpmSolver,
  karras,
  type ModelCall,
  sample,
  seededNoise,
  spaced,
  vp,
} from '../src';
import type { FloatArray } from '../src/engine/machine';
import { cfgPlusPlus, classifierFreeGuidance, inpainting, noisedTo, startOfStrength } from '../src/guidance';
import { repaint } from '../src/solvers';

type HostModel = (x: FloatArray, call: ModelCall) => FloatArray;

/** The noise that data N(mean, 0.5^2) implies. */
const gaussian =
  (mean: number): HostModel =>
  (x, { alpha, sigma }) =>
    x.map((value) => (sigma * (value - alpha * mean)) / (alpha ** 2 * 0.25 + sigma ** 2));

const [conditional, unconditional] = [gaussian(1), gaussian(-0.5)];
const shape = [3, 4];
const sampler = { schedule: vp(), grid: karras(), prediction: 'epsilon', steps: 12 } as const;
const plan = createPlan({ ...sampler, solver: ddim() });
const x = Float64Array.from(seededNoise(3)(-1, shape));
const call = { ...plan.steps[4]!.from, step: 4, call: 0, shape };

describe('classifierFreeGuidance', () => {
  it('goes from one model to the other and beyond', async () => {
    const [c, u] = [conditional(x, call), unconditional(x, call)];
    const guided = classifierFreeGuidance(conditional, unconditional, { scale: 3 });
    expect(await guided(x, call)).toBeAllclose(
      c.map((value, i) => u[i]! + 3 * (value - u[i]!)),
      { atol: 1e-12 },
    );
  });

  it('brings the deviation of each item back to the conditional one', async () => {
    const wide: HostModel = (state, told) =>
      conditional(state, told).map((value, i) => value * (1 + (i % 3)));
    const deviations = (values: FloatArray) =>
      [0, 1, 2].map((item) => {
        const part = Array.from(values.subarray(4 * item, 4 * item + 4));
        const mean = part.reduce((a, b) => a + b, 0) / 4;
        return Math.sqrt(part.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 4);
      });
    const guided = classifierFreeGuidance(wide, unconditional, { scale: 5, rescale: 1 });
    expect(deviations(await guided(x, call))).toBeAllclose(deviations(wide(x, call)), { rtol: 1e-10 });
  });

  it('acts within its interval alone', async () => {
    let calls = 0;
    const counted: HostModel = (state, told) => {
      calls++;
      return unconditional(state, told);
    };
    const guided = classifierFreeGuidance(conditional, counted, { scale: 4, interval: [0.2, 5] });
    await sample(plan, guided, { shape, x });
    const inside = plan.steps.filter(
      ({ from }) => from.sigma / from.alpha >= 0.2 && from.sigma / from.alpha <= 5,
    );
    expect(calls).toBe(inside.length);
    expect(calls).toBeLessThan(12);
    expect(() => classifierFreeGuidance(conditional, counted, { scale: 4, rescale: 2 })).toThrow(
      /rescale must be a number in \[0, 1\]|rescale must be/,
    );
  });

  it('is CFG++ with the scale that a plan gives', async () => {
    const lambda = 0.6;
    const guided = classifierFreeGuidance(conditional, unconditional, { scale: cfgPlusPlus(plan, lambda) });
    const { x: result } = await sample(plan, guided, { shape, x });
    let state: FloatArray = x;
    for (const [step, { from, to }] of plan.steps.entries()) {
      const told = { ...from, step, call: 0, shape };
      const [c, u] = [conditional(state, told), unconditional(state, told)];
      state = state.map((value, i) => {
        const x0 = (value - from.sigma * (u[i]! + lambda * (c[i]! - u[i]!))) / from.alpha;
        return to.alpha * x0 + to.sigma * u[i]!;
      });
    }
    expect(result).toBeAllclose(state, { atol: 1e-9 });
  });
});

/** Pairs with unit variances and correlation `rho`: the noise is linear in both. */
const rho = 0.8;
const pairs: HostModel = (state, { alpha, sigma }) => {
  // In the coordinates (a + b) / sqrt 2 and (a - b) / sqrt 2 the variances are 1 + rho and 1 - rho.
  const factor = (variance: number) => sigma / (alpha ** 2 * variance + sigma ** 2);
  const [f, g] = [factor(1 + rho), factor(1 - rho)];
  return state.map((value, i) => {
    const other = state[i ^ 1]!;
    return ((f + g) * value + (f - g) * other) / 2;
  });
};

describe('inpainting', () => {
  const count = 2000;
  const known = Float64Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 1.2 : 0));
  const mask = Float64Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 1 : 0));
  const model = inpainting(pairs, { known, mask, prediction: 'epsilon' });
  // All pairs are one item: its noise is drawn at once.
  const run = async (solver: Parameters<typeof createPlan>[0]['solver'], steps: number) => {
    const grid = spaced({ spacing: 'trailing' });
    const chosen = createPlan({ ...sampler, grid, solver, steps });
    const { x: drawn } = await sample(chosen, model, {
      shape: [1, 2 * count],
      seed: 5,
      precision: 'float64',
    });
    const free = Array.from(drawn).filter((_, i) => i % 2 === 1);
    const mean = free.reduce((a, b) => a + b, 0) / count;
    return { drawn, mean, variance: free.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count };
  };

  it('ends with the known part itself, under any solver', async () => {
    for (const solver of [ddim(), dpmSolver({ eta: 1 })]) {
      const { drawn } = await run(solver, 20);
      expect(drawn.filter((_, i) => i % 2 === 0)).toBeAllclose(new Array(count).fill(1.2), { atol: 1e-9 });
    }
  });

  it('draws the rest as the known part implies, nearer with RePaint', async () => {
    const plain = await run(ddim({ eta: 1 }), 50);
    const resampled = await run(repaint({ jumpLength: 5, resamplings: 8 }), 50);
    const off = ({ mean, variance }: typeof plain) => Math.hypot(mean - rho * 1.2, variance - (1 - rho ** 2));
    expect(off(resampled)).toBeLessThan(0.12);
    expect(off(resampled)).toBeLessThan(off(plain));
  });
});

describe('starting from an image', () => {
  it('takes the last steps that the strength says, from the image with noise', async () => {
    expect([1, 0.5, 0.25, 0.01].map((strength) => startOfStrength(20, strength))).toEqual([0, 10, 15, 19]);
    const start = startOfStrength(12, 0.5);
    const late = createPlan({ ...sampler, solver: dpmSolver(), start });
    expect(late.modelCalls).toBe(6);
    const image = Float64Array.from({ length: 12 }, (_, i) => 1 + 0.1 * i);
    const { alpha, sigma } = late.steps[0]!.from;
    const noised = noisedTo(late, image, { shape, seed: 3 });
    expect(noised).toBeAllclose(
      image.map((value, i) => alpha * value + sigma * x[i]!),
      { atol: 1e-12 },
    );
  });

  it.each([
    [50, 0.05],
    [200, 0.0125],
  ])('inverts and draws back with DDIM, %i steps, to %f', async (steps, bound) => {
    const grid = karras({ final: 'repeat' });
    const up = createPlan({ ...sampler, grid: ascending(grid), solver: ddim(), steps });
    const down = createPlan({ ...sampler, grid, solver: ddim(), steps });
    const image = Float64Array.from({ length: 12 }, (_, i) => 0.5 + 0.1 * i);
    const latent = await sample(up, conditional, { shape, x: image });
    const { x: back } = await sample(down, conditional, { shape, x: latent.x });
    const error = Math.sqrt(
      Array.from(back).reduce((sum, value, i) => sum + (value - image[i]!) ** 2, 0) / 12,
    );
    expect(error).toBeLessThan(bound);
  });
});
