/** Which noise levels a run visits. */
import { checkInteger, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import { linspace } from '../level';
import type { Schedule } from '../schedules/schedule';
import { betaSigmas, karrasSigmas, polyexponentialSigmas } from './ramps';

export interface GridPoints {
  /** Listed sigmas of the schedule, one more than steps: the last is where the run ends. */
  readonly sigmas: readonly number[];
  /** What the model is told at each step, where it is not `schedule.timestep(sigma)`. */
  readonly timesteps?: readonly number[];
}

/** Which levels of a schedule a run visits. */
export interface Grid {
  readonly name: string;
  readonly options: object;
  points(schedule: Schedule, steps: number): GridPoints;
}

/** The run's last sigma: 0, the schedule's smallest, the last of the grid again (the last step rests), or a number. */
export type FinalSigma = 'zero' | 'sigma-min' | 'repeat' | number;

/** How a grid takes its indices from 0..T-1 (Lin et al., arXiv:2305.08891, table 2). */
export type Spacing = 'leading' | 'trailing' | 'linspace';

export interface SpacedOptions {
  /** Default 'trailing', which starts at the last timestep, as few-step and zero-SNR models need. */
  readonly spacing?: Spacing;
  /** Added to each timestep of 'leading'; Stable Diffusion has 1. Default 0. */
  readonly offset?: number;
  /** 'points': `steps` timesteps that span the schedule; 'intervals': steps + 1 without the lowest. Default 'points'. */
  readonly count?: 'points' | 'intervals';
  /** Rounds 'linspace' to whole timesteps. Default false. */
  readonly integers?: boolean;
  /** Leaves out timesteps with lambda below this. Default -Infinity. */
  readonly lambdaMin?: number;
  /** Default 'zero'. */
  readonly final?: FinalSigma;
}

/** Half to even, as numpy rounds. */
export function roundEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const endOf = (final: FinalSigma, schedule: Schedule, last: number): number =>
  ({ zero: 0, 'sigma-min': schedule.sigmaMin, repeat: last })[final as string] ?? (final as number);

/**
 * Evenly spaced timesteps of a schedule that has them (arXiv:2305.08891, table 2, names the three spacings).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function spaced(options: SpacedOptions = {}): Grid {
  checkOneOf(['spaced', 'spacing'], options.spacing ?? 'trailing', ['leading', 'trailing', 'linspace']);
  return {
    name: 'spaced',
    options,
    points: (schedule, steps) => {
      const timesteps = spacedTimesteps(schedule, steps, options);
      const sigmas = timesteps.map((t) => schedule.sigma(t));
      return { sigmas: [...sigmas, endOf(options.final ?? 'zero', schedule, sigmas.at(-1)!)], timesteps };
    },
  };
}

function spacedTimesteps(schedule: Schedule, steps: number, options: SpacedOptions): number[] {
  const {
    spacing = 'trailing',
    offset = 0,
    count = 'points',
    integers = false,
    lambdaMin = -Infinity,
  } = options;
  const total = schedule.trainSteps;
  if (!total || !schedule.alphasCumprod) {
    throw new OptionError(
      `spaced: schedule must have discrete timesteps, got '${schedule.name}'. Use karras().`,
    );
  }
  checkInteger(['createPlan', 'steps'], steps, { min: 1, max: total });
  const low = Math.log(schedule.sigmaMin);
  const clipped = schedule.alphasCumprod.filter((a) => 0.5 * Math.log(a / (1 - a)) < lambdaMin).length;
  const length = total - (Number.isFinite(low) ? clipped : 0);
  const between = count === 'intervals';
  if (spacing === 'linspace') {
    const all = linspace(0, length - 1, between ? steps + 1 : steps);
    const kept = (between ? all.slice(1) : all).reverse();
    return integers || between ? kept.map(roundEven) : kept;
  }
  if (spacing === 'leading') {
    const ratio = Math.floor(length / (between ? steps + 1 : steps));
    return Array.from({ length: steps }, (_, i) => (between ? steps - i : steps - 1 - i) * ratio + offset);
  }
  return Array.from({ length: steps }, (_, i) => roundEven(length - (i * total) / steps) - 1);
}

/** The ends of a sequence of sigmas, in standard deviations of the data; default those of the schedule. */
export interface RampOptions {
  /** Default: the schedule's own ends. */
  readonly sigmaMin?: number;
  readonly sigmaMax?: number;
  /** Takes the ends from these timesteps instead, as diffusers' Euler and Heun do. */
  readonly between?: SpacedOptions;
  /** Default 'zero'. */
  readonly final?: FinalSigma;
  /** Whole timesteps for models that take no fractions, although sigma lies between. Default 'exact'. */
  readonly timesteps?: 'exact' | 'round' | 'truncate';
}

type Ramp = (count: number, min: number, max: number) => number[];

export function ramp(name: string, options: RampOptions, make: Ramp): Grid {
  return {
    name,
    options,
    points: (schedule, steps) => {
      const { between, final = 'zero', timesteps: rounding = 'exact' } = options;
      const ends = between && spacedTimesteps(schedule, steps, between);
      const min = options.sigmaMin ?? (ends ? schedule.sigma(ends.at(-1)!) : schedule.sigmaMin);
      const max = options.sigmaMax ?? (ends ? schedule.sigma(ends[0]!) : schedule.sigmaMax);
      checkNumber([name, 'sigmaMin'], min, { min: 0, open: 'min' });
      checkNumber(
        [name, 'sigmaMax'],
        max,
        { min },
        'A schedule with zero terminal SNR has no finite largest sigma.',
      );
      const sigmas = make(steps, min, max);
      const timesteps = roundTimesteps(
        sigmas.map((sigma) => schedule.timestep(sigma)),
        rounding,
      );
      return { sigmas: [...sigmas, endOf(final, schedule, sigmas.at(-1)!)], timesteps };
    },
  };
}

/** Truncation forgives what is a whole number but for rounding. */
export function roundTimesteps(values: readonly number[], how: 'exact' | 'round' | 'truncate'): number[] {
  return values.map((t) => (how === 'exact' ? t : how === 'round' ? roundEven(t) : Math.floor(t + 1e-9)));
}

/** The grid of Karras et al. (arXiv:2206.00364, eq. 5): small steps at small sigmas. `rho` default 7. */
export function karras(options: RampOptions & { readonly rho?: number } = {}): Grid {
  return ramp('karras', options, (n, min, max) => karrasSigmas(n, min, max, options.rho));
}

/** Even steps in log sigma, or, with `rho` other than 1, k-diffusion's polyexponential. */
export function exponential(options: RampOptions & { readonly rho?: number } = {}): Grid {
  return ramp('exponential', options, (n, min, max) => polyexponentialSigmas(n, min, max, options.rho));
}

/** Quantiles of Beta(alpha, beta), both 0.6 by default (arXiv:2407.12173). */
export function beta(options: RampOptions & { readonly alpha?: number; readonly beta?: number } = {}): Grid {
  return ramp('beta', options, (n, min, max) => betaSigmas(n, min, max, options.alpha, options.beta));
}

/** Even steps in lambda (arXiv:2206.00927, 3.4). */
export function lu(options: RampOptions = {}): Grid {
  return ramp('lu', options, (n, min, max) => polyexponentialSigmas(n, min, max));
}

/** Listed sigmas that the caller chose, the last being where the run ends (0, usually). */
export function customSigmas(sigmas: readonly number[], timesteps?: readonly number[]): Grid {
  return { name: 'customSigmas', options: { sigmas, timesteps }, points: () => ({ sigmas, timesteps }) };
}

/** Timesteps that the caller chose, descending. */
export function customTimesteps(timesteps: readonly number[], final: FinalSigma = 'zero'): Grid {
  return {
    ...{ name: 'customTimesteps', options: { timesteps, final } },
    points: (schedule) => {
      const sigmas = timesteps.map((t) => schedule.sigma(t));
      return { sigmas: [...sigmas, endOf(final, schedule, sigmas.at(-1)!)], timesteps };
    },
  };
}

/**
 * The same levels upwards, from clean data to noise: with `ddim()` this is DDIM inversion. The first level is clean, and
 * the model is told the lowest timestep there.
 */
export function ascending(grid: Grid): Grid {
  return {
    name: `ascending ${grid.name}`,
    options: grid.options,
    points: (schedule, steps) => {
      const { sigmas, timesteps = sigmas.slice(0, -1).map((s) => schedule.timestep(s)) } = grid.points(
        schedule,
        steps,
      );
      const labels = [...timesteps].reverse();
      return { sigmas: [...sigmas].reverse(), timesteps: [labels[0]!, ...labels.slice(0, -1)] };
    },
  };
}
