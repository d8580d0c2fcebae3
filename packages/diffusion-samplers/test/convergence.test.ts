/** Observed order on the probability-flow ODE of a Gaussian mixture with exact score, ending above sigma 0. */
import { describe, expect, it } from 'vitest';
import { type ArrayModel, createPlan, exponential, sample, vp } from '../src';
import { rk4 } from '../src/solvers';
import { mixtureMean } from './golden/models';
import { allSolvers } from './solvers';

const mixture = {
  weights: [0.5, 0.3, 0.2],
  means: [
    [1, 0.5],
    [-0.8, -1],
    [0.2, -0.6],
  ],
  stds: [0.25, 0.35, 0.2],
};

const model: ArrayModel = (x, { alpha, sigma }) => {
  const clean = mixtureMean(mixture, x, alpha, sigma);
  return clean.map((value, i) => (x[i]! - alpha * value) / sigma);
};

const schedule = vp();
/** A range of sigma over which the solution is smooth enough for the order to show. */
const range = { sigmaMin: 0.3, sigmaMax: 8 };
const grid = exponential({ ...range, final: 0.3 });
const shape = [8, 2];
const start = Float64Array.from({ length: 16 }, (_, i) => Math.sin(3.7 * i) + 0.3 * Math.cos(11 * i));

/**
 * sigma from 8 to 0.3 in `steps` steps, even in the square of log sigma's fraction: the first steps, in which multistep
 * methods have no history and so a lower order, are as much shorter.
 */
const evenGrid = (steps: number) => ({
  ...grid,
  points: () => ({
    sigmas: Array.from({ length: steps + 1 }, (_, i) => 8 * (0.3 / 8) ** ((i / steps) ** 2)),
  }),
});

async function run(solver: Parameters<typeof createPlan>[0]['solver'], steps: number) {
  // dpm_fast takes its ends from the first level and the last but one.
  const chosen = solver.name === 'dpmFast' ? exponential({ ...range, final: 'repeat' }) : evenGrid(steps);
  const plan = createPlan({ schedule, grid: chosen, prediction: 'epsilon', solver, steps });
  return (await sample(plan, model, { shape, x: start })).x;
}

const exact = await run(rk4(), 4096);

const errorOf = async (solver: Parameters<typeof run>[0], steps: number) => {
  const x = Float64Array.from(await run(solver, steps));
  return Math.sqrt(x.reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0) / x.length);
};

describe('order of convergence', () => {
  const ordered = Object.entries(allSolvers).filter(([, { order }]) => order !== undefined);
  it.each(ordered)('%s', async (_, { solver, order }) => {
    const steps = order! >= 4 ? 48 : 192;
    const [coarse, fine] = [await errorOf(solver, steps), await errorOf(solver, 2 * steps)];
    const observed = Math.log2(coarse / fine);
    expect(observed).toBeGreaterThan(order! - 0.35);
    expect(fine).toBeLessThan(0.02);
  });
});
