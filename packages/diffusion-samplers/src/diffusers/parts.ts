/** The four choices as diffusers' keys say them, shared by its classes. */

import { type FlowGridOptions, flowGrid, shiftTime } from '../grids/flowGrid';
import type { FinalSigma, Grid, RampOptions, SpacedOptions, Spacing } from '../grids/grid';
import { beta, customSigmas, customTimesteps, exponential, karras, lu, spaced } from '../grids/grid';
import type { Sampler } from '../plan/createPlan';
import type { Limit, PredictionType } from '../prediction';
import { flow } from '../schedules/continuous';
import type { Schedule } from '../schedules/schedule';
import { type VpOptions, vp } from '../schedules/vp';
import type { Keys } from './config';

export interface Reading {
  readonly k: Keys;
  readonly name: string;
  readonly compat: boolean;
}

export const predictionNames = {
  epsilon: 'epsilon',
  sample: 'sample',
  v_prediction: 'velocity',
  flow_prediction: 'flow',
} as const satisfies Record<string, PredictionType>;

export const predictionOf = (k: Keys): PredictionType =>
  predictionNames[
    k.word('prediction_type', 'epsilon', ['epsilon', 'sample', 'v_prediction', 'flow_prediction'])
  ];

export const betaNames = {
  linear: 'linear',
  scaled_linear: 'scaled-linear',
  squaredcos_cap_v2: 'cosine',
  exp: 'exp',
  sigmoid: 'sigmoid',
} as const;

/** Heun and DPM2 have Stable Diffusion's betas by default, LCM and TCD with the scaled form. */
export function scheduleOf({ k, name, compat }: Reading, floor = false): Schedule {
  const consistent = /^(LCM|TCD)/.test(name);
  const stable = consistent || /^(Heun|KDPM2|DPMSolverSDE)/.test(name);
  const form = k.word(
    'beta_schedule',
    consistent || name.startsWith('CogVideoX') ? 'scaled_linear' : 'linear',
    ['linear', 'scaled_linear', 'squaredcos_cap_v2', 'exp', 'sigmoid'],
  );
  const zeroTerminalSnr = k.flag('rescale_betas_zero_snr');
  const options: VpOptions = {
    trainSteps: k.number('num_train_timesteps', 1000),
    betaStart: k.number('beta_start', stable || name.startsWith('CogVideoX') ? 0.00085 : 1e-4),
    betaEnd: k.number('beta_end', stable || name.startsWith('CogVideoX') ? 0.012 : 0.02),
    betas: k.numbers('trained_betas') ?? betaNames[form],
    ...(zeroTerminalSnr && { zeroTerminalSnr }),
    ...(k.has('snr_shift_scale') && { snrShift: k.number('snr_shift_scale', 1) }),
    // Schedulers that divide by alpha cannot have 0.
    ...(zeroTerminalSnr && floor && compat && { terminalAlpha: 2 ** -24 }),
    ...(k.word('timestep_type', 'discrete', ['discrete', 'continuous']) === 'continuous' &&
      k.word('prediction_type', 'epsilon', ['epsilon', 'sample', 'v_prediction']) === 'v_prediction' && {
        timesteps: 'log' as const,
      }),
  };
  return vp(options);
}

/** Clipping; thresholding takes precedence. */
export function limitOf(k: Keys, clipByDefault = false): { limit?: Limit } {
  if (k.flag('thresholding')) {
    const ratio = k.number('dynamic_thresholding_ratio', 0.995);
    return { limit: { kind: 'threshold', ratio, max: k.number('sample_max_value', 1) } };
  }
  if (!k.flag('clip_sample', clipByDefault)) return {};
  return { limit: { kind: 'clip', range: k.number('clip_sample_range', 1) } };
}

export const spacingOf = (k: Keys, fallback: Spacing): Spacing =>
  k.word('timestep_spacing', fallback, ['linspace', 'leading', 'trailing']);

type RampName = 'karras' | 'exponential' | 'beta' | 'lu';

export function rampOf(k: Keys): RampName | undefined {
  if (k.flag('use_karras_sigmas')) return 'karras';
  if (k.flag('use_lu_lambdas')) return 'lu';
  if (k.flag('use_exponential_sigmas')) return 'exponential';
  return k.flag('use_beta_sigmas') ? 'beta' : undefined;
}

export const ramps: Record<RampName, (options: RampOptions) => Grid> = { karras, exponential, beta, lu };

/** Euler, LMS, Heun, DPM2: fractional timesteps that span the schedule; ramps run between their ends. */
export function sigmaGrid({ k, name, compat }: Reading, final: FinalSigma = 'zero'): Grid {
  const between: SpacedOptions = { spacing: spacingOf(k, 'linspace'), offset: k.number('steps_offset', 0) };
  const sigmas = k.numbers('custom_sigmas');
  const timesteps = k.numbers('custom_timesteps');
  if (sigmas) return customSigmas(sigmas);
  const name2 = rampOf(k);
  const ends = { sigmaMin: k.optional('sigma_min'), sigmaMax: k.optional('sigma_max') };
  const rounding = compat && name.startsWith('KDPM2') && name2 === 'karras' ? 'round' : 'exact';
  if (name2) return ramps[name2]({ ...ends, between, final, timesteps: rounding });
  if (timesteps) return customTimesteps(timesteps, final);
  if (k.word('interpolation_type', 'linear', ['linear', 'log_linear']) === 'log_linear') {
    return logLinear(between, final, compat);
  }
  return continuousLabels(spaced({ ...between, final }), k);
}

/** `timestep_type: continuous`: levels of the discrete timesteps, labels log(sigma) / 4. */
function continuousLabels(grid: Grid, k: Keys): Grid {
  if (k.word('timestep_type', 'discrete', ['discrete', 'continuous']) === 'discrete') return grid;
  if (k.word('prediction_type', 'epsilon', ['epsilon', 'sample', 'v_prediction']) !== 'v_prediction')
    return grid;
  return {
    ...grid,
    points: (schedule, steps) => {
      const discrete = vp({ ...(schedule.options as VpOptions), timesteps: 'discrete' });
      return { sigmas: grid.points(discrete, steps).sigmas };
    },
  };
}

/** diffusers makes one sigma too many here, so that the run ends at the smallest that is not 0. */
function logLinear(between: SpacedOptions, final: FinalSigma, compat: boolean): Grid {
  const grid = exponential({ final });
  return {
    ...{ name: 'logLinear', options: { ...between, final } },
    points: (schedule, steps) => {
      const { timesteps } = spaced(between).points(schedule, steps);
      const { sigmas } = grid.points(schedule, compat ? steps + 1 : steps);
      return { sigmas: sigmas.slice(0, steps + 1), timesteps };
    },
  };
}

/** DPM-Solver, UniPC, DEIS, SA-Solver: whole timesteps, one interval each; ramps span the whole schedule. */
export function intervalGrid({ k, name, compat }: Reading, repeats: boolean): Grid {
  const rampName = rampOf(k);
  const isUniPc = name.startsWith('UniPC');
  const isFlow = k.flag('use_flow_sigmas');
  const endsAtZero = !repeats && k.word('final_sigmas_type', 'zero', ['zero', 'sigma_min']) === 'zero';
  const named = rampName !== undefined || isFlow;
  const final: FinalSigma = endsAtZero ? 'zero' : named && (repeats || isUniPc) ? 'repeat' : 'sigma-min';
  if (isFlow) return flowIntervals({ k, name, compat }, endsAtZero ? 'zero' : 'repeat');
  const timesteps = k.numbers('custom_timesteps');
  if (timesteps) return customTimesteps(timesteps, final);
  const sigmas = k.numbers('custom_sigmas');
  if (sigmas) return customSigmas([...sigmas, 0]);
  if (rampName) {
    const rounds = rampName === 'karras' || rampName === 'lu';
    const truncatesAlways =
      name === 'DPMSolverMultistepScheduler' &&
      k.word('beta_schedule', 'linear', Object.keys(betaNames)) === 'squaredcos_cap_v2';
    const rounding = !compat ? 'exact' : rounds && !truncatesAlways ? 'round' : 'truncate';
    const ends = { sigmaMin: k.optional('sigma_min'), sigmaMax: k.optional('sigma_max') };
    return ramps[rampName]({ ...ends, final, timesteps: rounding });
  }
  return spaced({
    spacing: name.startsWith('DPMSolverSinglestep') ? 'linspace' : spacingOf(k, 'linspace'),
    offset: k.number('steps_offset', 0),
    count: 'intervals',
    lambdaMin: k.number('lambda_min_clipped', -Infinity),
    final,
  });
}

const shiftOptions = (k: Keys, shiftKey: string): FlowGridOptions => ({
  ...(k.flag('use_dynamic_shifting') && k.has('mu')
    ? {
        mu: k.number('mu', 0),
        shiftType: k.word('time_shift_type', 'exponential', ['exponential', 'linear']),
      }
    : { shift: k.number(shiftKey, 1) }),
  ...(k.has('shift_terminal') && { terminal: k.number('shift_terminal', 0) }),
});

function flowIntervals({ k, name, compat }: Reading, final: 'zero' | 'repeat'): Grid {
  const isUniPc = name.startsWith('UniPC');
  const total = k.number('num_train_timesteps', 1000);
  const { terminal, ...shift } = shiftOptions(k, 'flow_shift');
  const grid = flowGrid({
    ...shift,
    ...(isUniPc && terminal !== undefined && { terminal }),
    ...{ count: 'intervals', final, timesteps: compat ? 'truncate' : 'exact' },
    ...(isUniPc ? { from: 1, to: 1 / total } : { from: 1 - 1 / total, to: 0 }),
  });
  if (!isUniPc || !compat) return grid;
  // diffusers lowers a first sigma of 1, where it could not take the logarithm.
  return {
    ...grid,
    points: (schedule, steps) => {
      const { sigmas, timesteps } = grid.points(schedule, steps);
      const first = Math.abs(sigmas[0]! - 1) < 1e-6 ? sigmas[0]! - 1e-6 : sigmas[0]!;
      return {
        sigmas: [first, ...sigmas.slice(1)],
        timesteps: [Math.floor(total * first + 1e-9), ...timesteps!.slice(1)],
      };
    },
  };
}

/** The FlowMatch classes; diffusers shifts the lower end before it shifts the whole grid. */
export function flowMatch({
  k,
  compat,
}: Reading): Pick<Sampler, 'schedule' | 'grid' | 'prediction' | 'initialScale'> {
  const total = k.number('num_train_timesteps', 1000);
  const shift = shiftOptions(k, 'shift');
  const twice = compat && !k.flag('use_dynamic_shifting');
  const low = twice ? shiftTime(1 / total, k.number('shift', 1)) : 1 / total;
  const ramp = rampOf(k) as 'karras' | 'exponential' | 'beta' | undefined;
  const sigmas = k.numbers('custom_sigmas') ?? k.numbers('custom_timesteps')?.map((t) => t / total);
  const options = {
    ...shift,
    to: low,
    ...(ramp && { ramp }),
    ...(k.flag('invert_sigmas') && { invert: true }),
  };
  return {
    schedule: flow({ trainSteps: total }),
    grid: flowGrid(sigmas ? { ...options, times: sigmas } : options),
    prediction: 'flow',
    initialScale: 1,
  };
}
