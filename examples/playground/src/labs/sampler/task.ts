/** One run of a sampler on the mixture, with the exact solution beside it. */
import * as tf from '@tensorflow/tfjs-core';
import { key, normal, split, uniform } from '@tfkit/core';
import * as main from '@tfkit/diffusion-samplers';
import { fromDiffusersConfig } from '@tfkit/diffusion-samplers/diffusers';
import * as solverModule from '@tfkit/diffusion-samplers/solvers';
import { iterateTensors } from '@tfkit/diffusion-samplers/tfjs';
import type { TaskContext } from '../../worker/protocol';
import { type Choice, grids, schedules, solvers } from './choices';
import { energyDistance, exactStates, rmsError } from './exact';
import { draw, posteriorMeanTensor } from './mixture';

export interface SamplerInput {
  readonly schedule: string;
  readonly grid: string;
  readonly solver: string;
  readonly steps: number;
  readonly points: number;
  readonly seed: number;
  /** A scheduler_config.json, which replaces the first three. */
  readonly config?: string;
}

/** States [points, 2] divided by sqrt(alpha^2 + sigma^2), so that every schedule fits one picture; the first is the start. */
export interface Trajectories {
  readonly states: readonly Float32Array[];
}

export interface SamplerResult extends Trajectories {
  readonly exact: readonly Float32Array[];
  /** RMS distance from the exact solution after each step; undefined for solvers that add noise. */
  readonly errors: readonly number[] | undefined;
  /** Of the end points from draws of the mixture, and of the exact solution's. */
  readonly distance: number;
  readonly exactDistance: number;
  readonly modelCalls: number;
  /** sigma / alpha of each level. */
  readonly ratios: readonly number[];
  readonly names: { readonly schedule: string; readonly grid: string; readonly solver: string };
}

type Makers = Record<string, (options?: object) => never>;
const make = (module: object, { name, options }: Choice) => (module as Makers)[name]!(options);

export function samplerOf({ schedule, grid, solver, config }: SamplerInput): main.Sampler {
  if (config !== undefined) {
    // The model answers with x0 itself, and the data are points, which have no range to be clipped to.
    return { ...fromDiffusersConfig(JSON.parse(config)), prediction: 'sample', limit: undefined };
  }
  return {
    schedule: make(main, schedules[schedule]!),
    grid: make(main, grids[grid]!),
    solver: make(solverModule, solvers[solver]!),
    prediction: 'sample',
  };
}

export async function runSampler(
  input: SamplerInput,
  { signal, progress }: TaskContext<Trajectories>,
): Promise<SamplerResult> {
  const { steps, points, seed } = input;
  const sampler = samplerOf(input);
  const plan = main.createPlan({ ...sampler, steps });
  const levels = [plan.steps[0]!.from, ...plan.steps.map(({ to }) => to)];
  const norms = levels.map(({ alpha, sigma }) => Math.hypot(alpha, sigma));
  const [startKey, partKey, drawKey] = split(key(seed), 3);
  const start = normal(startKey!, [points, 2]).map((value) => value * norms[0]!);

  const scaled = (x: ArrayLike<number>, step: number) =>
    Float32Array.from(x, (value) => value / norms[step]!);
  const states = [scaled(start, 0)];
  const x = tf.tensor2d(start, [points, 2]);
  try {
    for await (const { step, x: state } of iterateTensors(plan, posteriorMeanTensor, { x, seed, signal })) {
      states.push(scaled(await state.data(), step + 1));
      await progress((0.7 * (step + 1)) / plan.steps.length, `step ${step + 1} of ${plan.steps.length}`, {
        states,
      });
    }
  } finally {
    x.dispose();
  }
  await progress(0.75, 'solving exactly');
  const exact = [start, ...(await exactStates(plan, sampler.schedule, start))].map(scaled);
  const draws = draw(uniform(partKey!, [1500]), normal(drawKey!, [1500, 2]));
  return {
    states,
    exact,
    errors: plan.draws === 0 ? states.map((state, step) => rmsError(state, exact[step]!)) : undefined,
    distance: energyDistance(states.at(-1)!, draws),
    exactDistance: energyDistance(exact.at(-1)!, draws),
    modelCalls: plan.modelCalls,
    ratios: levels.map(({ alpha, sigma }) => sigma / alpha),
    names: { schedule: plan.schedule, grid: plan.grid, solver: plan.solver },
  };
}
