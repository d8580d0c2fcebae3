/** The time grids of flow models: shifted to larger noise for larger images. */
import { checkNumber } from '@tfkit/core';
import { linspace } from '../level';
import { type Grid, roundTimesteps } from './grid';
import { betaSigmas, exponentialSigmas, karrasSigmas } from './ramps';

/** How the times of a flow are shifted towards noise. */
export interface FlowGridOptions {
  /** t becomes shift t / (1 + (shift - 1) t) (arXiv:2403.03206, eq. 23). Default 1. */
  readonly shift?: number;
  /** Instead of `shift`: t becomes w t / (1 + (w - 1) t) with w = exp(mu), or mu itself if 'linear' (`shiftType`). */
  readonly mu?: number;
  readonly shiftType?: 'exponential' | 'linear';
  /** Stretches the grid so that its last time before the end is this. */
  readonly terminal?: number;
  /** The first and last time before shifting. Default 1 and 1 / trainSteps (or 1 / steps where the schedule has none). */
  readonly from?: number;
  readonly to?: number;
  /** Times from `from` to `to`: `steps` of them, or steps + 1 without the last. Default 'points'. */
  readonly count?: 'points' | 'intervals';
  /** Instead of even times: these, before shifting. Their number must be that of steps. */
  readonly times?: readonly number[];
  /** Replaces what lies between the ends by this ramp. */
  readonly ramp?: 'karras' | 'exponential' | 'beta';
  /** t becomes 1 - t, and the run ends at 1. */
  readonly invert?: boolean;
  readonly final?: 'zero' | 'repeat';
  readonly timesteps?: 'exact' | 'round' | 'truncate';
}

/** t w / (1 + (w - 1) t). */
export const shiftTime = (t: number, weight: number): number => (weight * t) / (1 + (weight - 1) * t);

/**
 * Even times from 1 down, shifted; the run ends at 0.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function flowGrid(options: FlowGridOptions = {}): Grid {
  const { shift = 1, mu, shiftType = 'exponential', terminal, count = 'points' } = options;
  checkNumber(['flowGrid', 'shift'], shift, { min: 0, open: 'min' });
  const weight = mu === undefined ? shift : shiftType === 'linear' ? mu : Math.exp(mu);
  checkNumber(['flowGrid', 'mu'], weight, { min: 0, open: 'min' });
  return {
    name: 'flow',
    options,
    points: (schedule, steps) => {
      const { from = 1, to = 1 / (schedule.trainSteps ?? steps) } = options;
      const even = options.times ?? linspace(from, to, count === 'points' ? steps : steps + 1);
      let times = even.slice(0, steps).map((t) => shiftTime(t, weight));
      if (terminal !== undefined) {
        const stretch = (1 - terminal) / (1 - times.at(-1)!);
        times = times.map((t) => 1 - (1 - t) * stretch);
      }
      const [first, last] = [times[0]!, times.at(-1)!];
      if (options.ramp) {
        const make = { karras: karrasSigmas, exponential: exponentialSigmas, beta: betaSigmas }[options.ramp];
        times = make(steps, last, first);
      }
      if (options.invert) times = times.map((t) => 1 - t);
      const end = options.invert ? 1 : options.final === 'repeat' ? times.at(-1)! : 0;
      const timesteps = roundTimesteps(
        times.map((t) => schedule.timestep(t)),
        options.timesteps ?? 'exact',
      );
      return { sigmas: [...times, end], timesteps };
    },
  };
}
