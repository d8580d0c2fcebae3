/** A scheduler_config.json from a sampler. */
import { OptionError } from '@tfkit/core';
import type { RampOptions, SpacedOptions } from '../grids/grid';
import type { Sampler } from '../plan/createPlan';
import type { EdmOptions, FlowOptions } from '../schedules/continuous';
import type { VpOptions } from '../schedules/vp';
import type { AncestralOptions } from '../solvers/ancestral';
import type { LcmOptions } from '../solvers/consistency';
import type { DdimOptions } from '../solvers/ddim';
import type { DdpmOptions } from '../solvers/ddpm';
import type { DpmOptions } from '../solvers/dpmSolver';
import type { DeisOptions } from '../solvers/multistep';
import type { PndmOptions } from '../solvers/pndm';
import type { SaOptions } from '../solvers/saSolver';
import type { UniPcOptions } from '../solvers/unipc';
import type { DiffusersConfig } from './config';
import { betaNames, predictionNames } from './parts';

type Entries = Record<string, unknown>;

const nameFor = (table: Record<string, string>, value: string): string =>
  Object.keys(table).find((key) => table[key] === value) ?? fail(`'${value}'`);

function fail(what: string): never {
  throw new OptionError(`toDiffusersConfig: sampler must have a counterpart in diffusers, got ${what}.`);
}

/** Solvers with the class that has them, and the keys that say their options. */
const classes: Record<string, (options: Entries) => Entries & { _class_name: string }> = {
  ddpm: (o: DdpmOptions) => ({
    _class_name: 'DDPMScheduler',
    variance_type: o.variance?.startsWith('learned')
      ? o.variance.replace('-', '_')
      : `fixed_${o.variance ?? 'small'}`,
  }),
  ddim: (o: DdimOptions) => ({ _class_name: o.inverse ? 'DDIMInverseScheduler' : 'DDIMScheduler' }),
  pndm: (o: PndmOptions) => ({ _class_name: 'PNDMScheduler', skip_prk_steps: o.start === 'euler' }),
  lms: () => ({ _class_name: 'LMSDiscreteScheduler' }),
  euler: () => ({ _class_name: 'EulerDiscreteScheduler' }),
  eulerAncestral: () => ({ _class_name: 'EulerAncestralDiscreteScheduler' }),
  heun: () => ({ _class_name: 'HeunDiscreteScheduler' }),
  dpm2: () => ({ _class_name: 'KDPM2DiscreteScheduler' }),
  dpm2Ancestral: () => ({ _class_name: 'KDPM2AncestralDiscreteScheduler' }),
  dpmppSde: (_: AncestralOptions) => ({ _class_name: 'DPMSolverSDEScheduler' }),
  dpmSolver: (o: DpmOptions) => ({ _class_name: 'DPMSolverMultistepScheduler', ...dpmKeys(o) }),
  dpmSinglestep: (o: DpmOptions) => ({ _class_name: 'DPMSolverSinglestepScheduler', ...dpmKeys(o) }),
  deis: (o: DeisOptions) => ({
    ...{ _class_name: 'DEISMultistepScheduler', solver_order: o.order, lower_order_final: o.lowerOrderFinal },
  }),
  uniPc: (o: UniPcOptions) => ({
    ...{ _class_name: 'UniPCMultistepScheduler', solver_order: o.order, solver_type: o.form },
    ...{ predict_x0: o.predict !== 'noise', lower_order_final: o.lowerOrderFinal },
    disable_corrector: o.disableCorrector ?? [],
  }),
  saSolver: (o: SaOptions) => ({
    ...{
      _class_name: 'SASolverScheduler',
      predictor_order: o.predictorOrder,
      corrector_order: o.correctorOrder,
    },
    algorithm_type: `${o.predict ?? 'data'}_prediction`,
    lower_order_final: o.lowerOrderFinal,
  }),
  lcm: (o: LcmOptions) => ({ _class_name: 'LCMScheduler', timestep_scaling: o.timestepScale }),
  tcd: () => ({ _class_name: 'TCDScheduler' }),
  ipndm: () => ({ _class_name: 'IPNDMScheduler' }),
  consistency: () => ({ _class_name: 'CMStochasticIterativeScheduler' }),
  flowAncestral: () => ({ _class_name: 'LTXEulerAncestralRFScheduler' }),
};

const dpmKeys = ({ order, predict, form, eta, lowerOrderFinal, eulerAtFinal }: DpmOptions): Entries => ({
  solver_order: order,
  solver_type: form,
  algorithm_type: `${eta ? 'sde-' : ''}dpmsolver${predict === 'noise' ? '' : '++'}`,
  lower_order_final: lowerOrderFinal !== 'never',
  euler_at_final: eulerAtFinal,
});

/** Flow and EDM have classes of their own for these solvers. */
const special: Record<string, Record<string, string>> = {
  flow: {
    euler: 'FlowMatchEulerDiscreteScheduler',
    heun: 'FlowMatchHeunDiscreteScheduler',
    lcm: 'FlowMatchLCMScheduler',
  },
  edm: { euler: 'EDMEulerScheduler', dpmSolver: 'EDMDPMSolverMultistepScheduler' },
};

/**
 * The scheduler_config.json of a sampler: `fromDiffusersConfig` of it gives the same plans. What diffusers takes at run
 * time (eta, churn, custom lists) is not part of a file.
 *
 * @throws OptionError for a sampler that diffusers has no scheduler for.
 */
export function toDiffusersConfig(sampler: Sampler): DiffusersConfig {
  const { schedule, solver, grid, limit } = sampler;
  const own = classes[solver.name] ?? fail(`solver '${solver.name}'`);
  const keys = own(solver.options as Entries);
  const name = special[schedule.name]?.[solver.name] ?? keys._class_name;
  const isFlow = schedule.name === 'flow';
  return {
    ...keys,
    _class_name: name,
    ...scheduleKeys(sampler),
    ...(name === 'IPNDMScheduler' || name.startsWith('CMStoch')
      ? {}
      : gridKeys(grid, isFlow && !name.startsWith('Flow'))),
    ...(isFlow && /^(DPM|UniPC|DEIS|SA)/.test(name) && { use_flow_sigmas: true }),
    clip_sample: limit?.kind === 'clip',
    ...(limit?.kind === 'clip' && { clip_sample_range: limit.range }),
    ...(limit?.kind === 'threshold' && {
      ...{ thresholding: true, dynamic_thresholding_ratio: limit.ratio, sample_max_value: limit.max },
    }),
  };
}

function scheduleKeys({ schedule, prediction }: Sampler): Entries {
  const { type, sigmaData } =
    typeof prediction === 'string' ? { type: prediction, sigmaData: undefined } : prediction;
  if (schedule.name === 'edm') {
    const options = schedule.options as EdmOptions;
    return {
      ...{ sigma_min: schedule.sigmaMin, sigma_max: schedule.sigmaMax, sigma_data: sigmaData ?? 0.5 },
      ...(type !== 'consistency' && { prediction_type: type === 'edm' ? 'epsilon' : 'v_prediction' }),
      ...(options.timesteps === 'arctan' && { _class_name: 'CosineDPMSolverMultistepScheduler' }),
    };
  }
  if (schedule.name === 'trigFlow') return {};
  const prediction_type = nameFor(predictionNames, type);
  if (schedule.name === 'flow') {
    return { num_train_timesteps: (schedule.options as FlowOptions).trainSteps ?? 1000, prediction_type };
  }
  if (schedule.name !== 'vp') fail(`schedule '${schedule.name}'`);
  const { trainSteps, betaStart, betaEnd, betas, zeroTerminalSnr, snrShift, timesteps } =
    schedule.options as VpOptions;
  return {
    ...{ num_train_timesteps: trainSteps ?? 1000, beta_start: betaStart ?? 1e-4, beta_end: betaEnd ?? 0.02 },
    ...(typeof betas === 'object'
      ? { trained_betas: [...betas] }
      : { beta_schedule: nameFor(betaNames, betas ?? 'linear') }),
    rescale_betas_zero_snr: zeroTerminalSnr ?? false,
    ...(snrShift !== undefined && { snr_shift_scale: snrShift }),
    ...(timesteps === 'log' && { timestep_type: 'continuous' }),
    prediction_type,
  };
}

const rampKeys: Record<string, string> = {
  karras: 'use_karras_sigmas',
  exponential: 'use_exponential_sigmas',
  beta: 'use_beta_sigmas',
  lu: 'use_lu_lambdas',
};

function gridKeys(grid: Sampler['grid'], flowSigmas: boolean): Entries {
  const options = grid.options as RampOptions & SpacedOptions & Entries;
  const { rho } = options;
  if (grid.name === 'flow') {
    const ramp = rampKeys[options.ramp as string];
    return {
      [flowSigmas ? 'flow_shift' : 'shift']: options.shift ?? 1,
      ...(options.terminal !== undefined && { shift_terminal: options.terminal }),
      ...(options.invert === true && { invert_sigmas: true }),
      ...(ramp && { [ramp]: true }),
    };
  }
  if (grid.name === 'distilled') {
    return { original_inference_steps: options.original, set_alpha_to_one: options.final !== 'sigma-min' };
  }
  const base = (options.between ?? options) as SpacedOptions;
  const ramp = rampKeys[grid.name];
  if (!ramp && !/spaced|logLinear/.test(grid.name)) fail(`grid '${grid.name}'`);
  return {
    ...(rho !== undefined && { rho, sigma_schedule: grid.name }),
    ...(ramp && { [ramp]: true }),
    ...(options.sigmaMin !== undefined && { sigma_min: options.sigmaMin }),
    ...(options.sigmaMax !== undefined && { sigma_max: options.sigmaMax }),
    ...(base.spacing && { timestep_spacing: base.spacing }),
    ...(base.offset !== undefined && { steps_offset: base.offset }),
    ...(base.lambdaMin !== undefined &&
      Number.isFinite(base.lambdaMin) && { lambda_min_clipped: base.lambdaMin }),
    ...(grid.name === 'logLinear' && { interpolation_type: 'log_linear' }),
    final_sigmas_type: options.final === 'zero' || options.final === undefined ? 'zero' : 'sigma_min',
    set_alpha_to_one: options.final !== 'sigma-min',
  };
}
