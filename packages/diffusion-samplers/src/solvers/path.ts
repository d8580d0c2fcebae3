/**
 * Coordinates in which the probability-flow ODE is integrated. `sigma`: x / alpha over sigma / alpha, whose slope is
 * the noise (arXiv:2206.00364); it is unbounded where alpha is 0. `flow`: x / (alpha + sigma) over
 * sigma / (alpha + sigma) in [0, 1], whose slope is epsilon - x0; bounded for every schedule, and the schedule's own
 * time where that is a rectified flow.
 */
import { type Level, ratioOf } from '../level';
import type { Estimate, PlanBuilder } from '../plan/builder';
import { type Form, lin } from '../plan/forms';

/** The coordinates in which a solver steps: sigma of Karras et al. (arXiv:2206.00364), or the time of a flow. */
export type Path = 'sigma' | 'flow';

export interface Coordinates {
  /** The independent variable at a level. */
  time(level: Level): number;
  /** The state's factor: coordinate = scale * x. */
  scale(level: Level): number;
  slope(estimate: Estimate): Form;
  /** The level at a time. */
  level(b: PlanBuilder, time: number): Level;
}

export const coordinates: Record<Path, Coordinates> = {
  sigma: {
    time: ratioOf,
    scale: ({ alpha }) => 1 / alpha,
    slope: ({ noise }) => noise,
    level: (b, time) => b.at(time),
  },
  flow: {
    time: ({ alpha, sigma }) => sigma / (alpha + sigma),
    scale: ({ alpha, sigma }) => 1 / (alpha + sigma),
    slope: ({ noise, x0 }) => lin(1, noise, -1, x0),
    level: (b, time) => b.at(time / (1 - time)),
  },
};

/** The state at `to` after moving from x at `from` by the slopes, each times a time difference. */
export function moved(c: Coordinates, x: Form, from: Level, to: Level, ...slopes: (number | Form)[]): Form {
  return lin(1 / c.scale(to), lin(c.scale(from), x, ...slopes));
}
