/** What a run is measured against. */
import { createPlan, customSigmas, iterate, type Plan, type Schedule } from '@tfkit/diffusion-samplers';
import { rk4 } from '@tfkit/diffusion-samplers/solvers';
import { posteriorMean } from './mixture';

/**
 * The solution of the probability-flow ODE at the levels of a plan, by the fourth-order method in float64 on a grid so
 * much finer that its own error is below what is shown.
 *
 * @param x0 the initial state, [n, 2] row-major.
 * @param substeps steps between two levels.
 * @returns one state for each step of the plan.
 */
export async function exactStates(
  plan: Plan,
  schedule: Schedule,
  x0: ArrayLike<number>,
  substeps = Math.max(24, Math.ceil(1500 / plan.steps.length)),
): Promise<Float64Array[]> {
  // sigma / (alpha + sigma), in [0, 1] for every schedule.
  const times = [plan.steps[0]!.from, ...plan.steps.map(({ to }) => to)].map(
    ({ alpha, sigma }) => sigma / (alpha + sigma),
  );
  const fine = times.slice(1).flatMap((time, i) => {
    const start = times[i]!;
    return Array.from({ length: substeps }, (_, k) => start + ((time - start) * k) / substeps);
  });
  const sigmas = [...fine, times.at(-1)!].map((time) =>
    schedule.sigmaOfRatio(time === 1 ? Infinity : time / (1 - time)),
  );
  const finePlan = createPlan({
    schedule,
    grid: customSigmas(sigmas),
    prediction: 'sample',
    solver: rk4({ path: 'flow' }),
    steps: fine.length,
  });
  const states: Float64Array[] = [];
  const options = { shape: [x0.length / 2, 2], x: x0, precision: 'float64' } as const;
  for await (const { step, x } of iterate(finePlan, posteriorMean, options)) {
    if ((step + 1) % substeps === 0) states.push(Float64Array.from(x));
  }
  return states;
}

/** Root mean square distance of two lists of numbers. */
export function rmsError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
}

/** 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two sets of points in the plane: 0 for equal distributions (Szekely, Rizzo 2013). */
export function energyDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (p: ArrayLike<number>, q: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < p.length; i += 2) {
      for (let j = 0; j < q.length; j += 2) sum += Math.hypot(p[i]! - q[j]!, p[i + 1]! - q[j + 1]!);
    }
    return sum / ((p.length / 2) * (q.length / 2));
  };
  return 2 * mean(a, b) - mean(a, a) - mean(b, b);
}
