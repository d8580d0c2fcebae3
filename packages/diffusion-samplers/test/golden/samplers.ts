/** The sampler that a case's `config` means. */
import {
  customSigmas,
  exponential,
  exponentialSigmas,
  type Grid,
  karrasSigmas,
  polyexponentialSigmas,
  type Sampler,
  type Solver,
  ve,
} from '../../src';
import { fromDiffusersConfig, vpSigmas } from '../../src/diffusers';
import {
  dpm2,
  dpm2Ancestral,
  dpmFast,
  dpmpp2sAncestral,
  dpmppSde,
  dpmSolver,
  euler,
  eulerAncestral,
  heun,
  lms,
} from '../../src/solvers';
import type { Json } from './models';

const numeric = (value: Json, fallback: number): number =>
  value === 'inf' ? Infinity : value === '-inf' ? -Infinity : (value ?? fallback);

export const isFunction = (scheduler: string): boolean => scheduler.startsWith('sample_');

/** Classes whose state is x0 + s epsilon; ours is alpha times that. */
export const isVarianceExploding = (scheduler: string): boolean =>
  isFunction(scheduler) ||
  /^(Euler|EulerAncestral|Heun|LMS|KDPM2|KDPM2Ancestral)Discrete|^(DPMSolverSDE|EDM|Cosine|CMStochastic)/.test(
    scheduler,
  );

/** The `grid` op: k-diffusion's ramps with 0 appended. */
export function rampOf(config: Json): number[] {
  const { grid, num_inference_steps: n, sigma_min: min, sigma_max: max, rho } = config;
  const ramps: Record<string, () => number[]> = {
    karras: () => karrasSigmas(n, min, max, rho),
    exponential: () => exponentialSigmas(n, min, max),
    polyexponential: () => polyexponentialSigmas(n, min, max, rho),
    vp: () => vpSigmas(n, config.beta_d, config.beta_min, config.eps_s),
  };
  const make = ramps[grid];
  if (!make) throw new Error(`unknown grid '${grid}'`);
  return [...make(), 0];
}

export function samplerOf(config: Json, compat: boolean): Sampler {
  if (isFunction(config.scheduler)) return functionSampler(config);
  const call = { ...config, _class_name: config.scheduler };
  return fromDiffusersConfig(call, { compat: compat ? 'diffusers' : 'none' });
}

function functionSampler(config: Json): Sampler {
  const churn = {
    churn: config.s_churn ?? 0,
    churnMin: config.s_tmin ?? 0,
    churnMax: numeric(config.s_tmax, Infinity),
    noiseScale: config.s_noise ?? 1,
  };
  const ancestral = { eta: config.eta ?? 1, noiseScale: config.s_noise ?? 1 };
  const solvers: Record<string, () => Solver> = {
    sample_euler: () => euler(churn),
    sample_heun: () => heun(churn),
    sample_dpm_2: () => dpm2(churn),
    sample_lms: () => lms({ order: config.order }),
    sample_euler_ancestral: () => eulerAncestral(ancestral),
    sample_dpm_2_ancestral: () => dpm2Ancestral(ancestral),
    sample_dpmpp_2s_ancestral: () => dpmpp2sAncestral(ancestral),
    sample_dpmpp_sde: () => dpmppSde({ ...ancestral, ratio: config.r }),
    sample_dpmpp_2m: () => dpmSolver({ lowerOrderFinal: 'never' }),
    sample_dpmpp_2m_sde: () =>
      dpmSolver({ ...ancestral, form: config.solver_type, lowerOrderFinal: 'never' }),
    sample_dpmpp_3m_sde: () => dpmSolver({ ...ancestral, order: 3, form: 'heun', lowerOrderFinal: 'never' }),
    sample_dpm_fast: () => dpmFast({ eta: config.eta ?? 0, noiseScale: config.s_noise ?? 1 }),
  };
  const make = solvers[config.scheduler];
  if (!make) throw new Error(`unknown scheduler '${config.scheduler}'`);
  const grid: Grid = config.grid
    ? customSigmas(rampOf(config))
    : exponential({ sigmaMin: config.sigma_min, sigmaMax: config.sigma_max, final: 'repeat' });
  return { schedule: ve({ sigmaMin: 1e-4, sigmaMax: 1e4 }), grid, prediction: 'sample', solver: make() };
}

/** The `sigmas` list as a class shows it: two-stage classes list inner entries twice. */
export function listedSigmas(config: Json, sigmas: readonly number[]): number[] {
  const { scheduler } = config;
  if (/^(HeunDiscrete|DPMSolverSDE|FlowMatchHeun)/.test(scheduler)) {
    return [sigmas[0]!, ...sigmas.slice(1, -1).flatMap((s) => [s, s]), sigmas.at(-1)!];
  }
  if (scheduler.startsWith('KDPM2')) {
    return [sigmas[0]!, ...sigmas.slice(1).flatMap((s) => [s, s]), sigmas.at(-1)!];
  }
  return [...sigmas];
}
