/** From the four choices to a plan. */
import { checkInteger, checkKnownOptions, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import type { Grid } from '../grids/grid';
import { type Level, levelSlack, ratioOf } from '../level';
import { checkPrediction, inputLevel, type Limit, type Prediction, type PredictionType } from '../prediction';
import type { Schedule } from '../schedules/schedule';
import type { Solver } from '../solvers/solver';
import { PlanBuilder } from './builder';
import { planOf } from './program';
import type { Plan } from './types';

/** A sampler but for the number of steps: the four choices, each independent of the others. */
export interface Sampler {
  readonly schedule: Schedule;
  readonly grid: Grid;
  readonly prediction: PredictionType | Prediction;
  readonly solver: Solver;
  /** Clipping of the x0 estimate. Default none. */
  readonly limit?: Limit;
  /**
   * Standard deviation of an initial state that is drawn. Default 'unit', sqrt(alpha^2 + sigma^2) at the first level: the
   * marginal for data of unit variance. 'sigma' is sigma there.
   */
  readonly initialScale?: number | 'unit' | 'sigma';
  /** 'diffusers' reproduces the quirks of diffusers that models may rely on. Default: correct mathematics. */
  readonly compat?: 'diffusers';
}

export interface PlanOptions extends Sampler {
  /** N, the number of listed levels the run visits before its end. At least 1. */
  readonly steps: number;
  /** Starts at this step of the grid, as img2img with strength (steps - start) / steps does. Default 0. */
  readonly start?: number;
}

const known = [
  'schedule',
  'grid',
  'prediction',
  'solver',
  'limit',
  'initialScale',
  'compat',
  'steps',
  'start',
];

/**
 * The plan of a run: its steps with all coefficients, in float64. A thousand steps take milliseconds;
 * the objects of `steps` are made when they are first read.
 *
 * @throws OptionError for steps below 1 or beyond the schedule's, a grid that does not go one way or reaches sigma 0
 * before its end, and a prediction that is undefined at a level ('epsilon' where alpha is 0).
 * @example
 * const plan = createPlan({ schedule: vp(), grid: karras(), prediction: 'epsilon', solver: dpmSolver(), steps: 20 });
 */
export function createPlan(options: PlanOptions): Plan {
  checkKnownOptions('createPlan', options, known);
  const { schedule, grid, solver, limit, steps, start = 0, compat } = options;
  const prediction = checkPrediction(options.prediction);
  checkInteger(['createPlan', 'steps'], steps, { min: 1, max: 100_000 });
  checkInteger(['createPlan', 'start'], start, { min: 0, max: steps - 1 });
  if (compat !== undefined) checkOneOf(['createPlan', 'compat'], compat, ['diffusers']);
  checkLimit(limit);
  const levels = levelsOf(schedule, grid, prediction, steps).slice(start);
  const b = new PlanBuilder({
    ...{ schedule, levels, prediction, limit },
    ...{ compat: compat === 'diffusers', solver: solver.name },
  });
  solver.build(b);
  const { program, counts } = b.finish();
  const initialScale = scaleOf(options.initialScale ?? 'unit', levels[0]!);
  return planOf(
    {
      format: 'tfkit-diffusion-plan-1',
      ...{ solver: solver.name, schedule: schedule.name, grid: grid.name, prediction: prediction.type },
      ...{ initialScale, ...counts },
    },
    program,
  );
}

function scaleOf(scale: number | 'unit' | 'sigma', { alpha, sigma }: Level): number {
  if (scale === 'unit') return Math.hypot(alpha, sigma);
  if (scale === 'sigma') return sigma;
  checkNumber(['createPlan', 'initialScale'], scale, { min: 0 });
  return scale;
}

/** The levels of a run in the coordinates that the model sees, one more than steps. */
export function levelsOf(schedule: Schedule, grid: Grid, prediction: Prediction, steps: number): Level[] {
  const { sigmas, timesteps } = grid.points(schedule, steps);
  if (sigmas.length < 2) {
    throw new OptionError(`createPlan: grid must have 2 or more sigmas, got ${sigmas.length}.`);
  }
  const levels = sigmas.map((sigma, i): Level => {
    const timestep = timesteps?.[i] ?? schedule.timestep(sigma);
    const level = { timestep: Number.isFinite(timestep) ? timestep : 0, ...schedule.level(sigma) };
    return inputLevel(prediction, level);
  });
  checkLevels(levels, grid, prediction);
  return levels;
}

function checkLevels(levels: readonly Level[], { name }: Grid, { type }: Prediction): void {
  const ratios = levels.map(ratioOf);
  const last = ratios.length - 1;
  const up = ratios[0]! < ratios[last]!;
  for (const [i, ratio] of ratios.entries()) {
    const before = ratios[i - 1] ?? ratio;
    const slack = levelSlack * before;
    if (Number.isNaN(ratio) || (up ? ratio < before - slack : ratio > before + slack)) {
      throw new OptionError(
        `createPlan: grid must go one way in sigma, got ${before} then ${ratio} at step ${i} of '${name}'.`,
      );
    }
    if (ratio === 0 && i !== last && !(up && i === 0)) {
      throw new OptionError(
        `createPlan: grid must not reach sigma 0 before its end, got 0 at step ${i} of ${last} of '${name}'.`,
      );
    }
    if (ratio === Infinity && i !== last && (type === 'epsilon' || type === 'score')) {
      throw new OptionError(
        `createPlan: prediction must be 'velocity', 'sample' or 'flow' where alpha is 0, got '${type}' at step ${i}.`,
      );
    }
  }
}

function checkLimit(limit: Limit | undefined): void {
  if (!limit) return;
  if (limit.kind === 'clip') checkNumber(['createPlan', 'limit.range'], limit.range, { min: 0, open: 'min' });
  else {
    checkNumber(['createPlan', 'limit.ratio'], limit.ratio, { min: 0, max: 1 });
    checkNumber(['createPlan', 'limit.max'], limit.max, { min: 1 });
  }
}
