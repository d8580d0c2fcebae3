import { linspace } from '../level';
import { type Grid, type RampOptions, ramp } from './grid';

/** Even steps in the schedule's own sigma: the time of a flow, the angle of TrigFlow. */
export function uniform(options: RampOptions = {}): Grid {
  return ramp('uniform', options, (n, min, max) => linspace(max, min + (max - min) / n, n));
}
