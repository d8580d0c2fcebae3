/** A sampler from the scheduler_config.json of a diffusers model. */
import { FormatError } from '@tfkit/core';
import { customSigmas, customTimesteps, exponential, type Grid, karras, spaced } from '../grids/grid';
import { karrasSigma } from '../grids/ramps';
import type { Sampler } from '../plan/createPlan';
import { edm, flow, trigFlow } from '../schedules/continuous';
import { dpm2Ancestral, dpmppSde, eulerAncestral } from '../solvers/ancestral';
import { consistency, flowAncestral, lcm, tcd } from '../solvers/consistency';
import { ddim } from '../solvers/ddim';
import { ddpm } from '../solvers/ddpm';
import { dpmSinglestep } from '../solvers/dpmSinglestep';
import { type DpmOptions, dpmSolver } from '../solvers/dpmSolver';
import { dpm2, euler, heun } from '../solvers/euler';
import { deis, ipndm, lms } from '../solvers/multistep';
import { pndm } from '../solvers/pndm';
import { saSolver } from '../solvers/saSolver';
import type { Solver } from '../solvers/solver';
import { uniPc } from '../solvers/unipc';
import { type DiffusersCall, type DiffusersConfig, Keys } from './config';
import {
  flowMatch,
  intervalGrid,
  limitOf,
  predictionOf,
  type Reading,
  scheduleOf,
  sigmaGrid,
  spacingOf,
} from './parts';

type Reader = (reading: Reading) => Omit<Sampler, 'compat'>;

const order = (k: Keys) => k.number('solver_order', 2) as 1 | 2 | 3;

/** DDPM, DDIM, PNDM and the like: whole timesteps, state of the schedule's own scale. */
function timestepGrid(
  { k, compat: _ }: Reading,
  final: 'zero' | 'sigma-min',
  spacing = spacingOf(k, 'leading'),
): Grid {
  const timesteps = k.numbers('custom_timesteps');
  if (timesteps) return customTimesteps(timesteps, final);
  return spaced({ spacing, offset: k.number('steps_offset', 0), integers: true, final });
}

const ownEnd = (k: Keys, one: boolean) => (k.flag('set_alpha_to_one', one) ? 'zero' : 'sigma-min');

const discrete = (r: Reading, solver: Solver, grid: Grid, clipByDefault = false): ReturnType<Reader> => ({
  ...{ schedule: scheduleOf(r), grid, prediction: predictionOf(r.k), solver, initialScale: 1 },
  ...limitOf(r.k, clipByDefault),
});

const sigmas = (r: Reading, solver: Solver): ReturnType<Reader> => {
  const zero = r.k.word('final_sigmas_type', 'zero', ['zero', 'sigma_min']) === 'zero';
  const leading = spacingOf(r.k, 'linspace') === 'leading';
  return {
    ...{
      schedule: scheduleOf(r, /^Euler/.test(r.name)),
      grid: sigmaGrid(r, zero ? 'zero' : 'sigma-min'),
      solver,
    },
    ...{ prediction: predictionOf(r.k), initialScale: leading ? 'unit' : 'sigma' },
    ...limitOf(r.k),
  };
};

const intervals = (r: Reading, solver: Solver, repeats = false): ReturnType<Reader> => {
  const isFlow = r.k.flag('use_flow_sigmas');
  const schedule = isFlow
    ? flow({ trainSteps: r.k.number('num_train_timesteps', 1000) })
    : scheduleOf(r, /^(DPMSolverMultistep|UniPC)/.test(r.name));
  const prediction = predictionOf(r.k);
  return { schedule, grid: intervalGrid(r, repeats), prediction, solver, initialScale: 1, ...limitOf(r.k) };
};

const churnOf = (k: Keys) => ({
  churn: k.number('s_churn', 0),
  churnMin: k.number('s_tmin', 0),
  churnMax: k.number('s_tmax', Infinity),
  noiseScale: k.number('s_noise', 1),
});

function dpmOptions(k: Keys, lowerByDefault: boolean): DpmOptions {
  const words = ['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver'] as const;
  const algorithm = k.word('algorithm_type', 'dpmsolver++', words);
  return {
    order: order(k),
    predict: algorithm.endsWith('++') ? 'data' : 'noise',
    form: k.word('solver_type', 'midpoint', ['midpoint', 'heun']),
    eta: algorithm.startsWith('sde') ? 1 : 0,
    lowerOrderFinal: k.flag('lower_order_final', lowerByDefault) ? 'auto' : 'never',
    eulerAtFinal: k.flag('euler_at_final'),
  };
}

function edmParts(r: Reading, timesteps: 'log' | 'arctan') {
  const { k } = r;
  const cosine = timesteps === 'arctan';
  const sigmaMin = k.number('sigma_min', cosine ? 0.3 : 0.002);
  const sigmaMax = k.number('sigma_max', cosine ? 500 : 80);
  const final = k.word('final_sigmas_type', 'zero', ['zero', 'sigma_min']) === 'zero' ? 'zero' : 'sigma-min';
  const fallback = cosine ? 'exponential' : 'karras';
  const isKarras = k.word('sigma_schedule', fallback, ['karras', 'exponential']) === 'karras';
  const grid = isKarras ? karras({ rho: k.number('rho', 7), final }) : exponential({ final });
  const velocity = k.word('prediction_type', cosine ? 'v_prediction' : 'epsilon', [
    'epsilon',
    'v_prediction',
  ]);
  const custom = k.numbers('custom_sigmas');
  return {
    schedule: edm({ sigmaMin, sigmaMax, timesteps }),
    grid: custom
      ? customSigmas(custom.at(-1) === 0 ? custom : [...custom, final === 'zero' ? 0 : sigmaMin])
      : grid,
    prediction: {
      type: velocity === 'epsilon' ? 'edm' : 'edm-velocity',
      sigmaData: k.number('sigma_data', cosine ? 1 : 0.5),
    } as const,
    ...limitOf(k),
  };
}

/** LCM and TCD: a subset of the timesteps that the distillation saw. */
function distilledGrid({ k }: Reading, final: 'zero' | 'sigma-min'): Grid {
  const timesteps = k.numbers('custom_timesteps');
  if (timesteps) return customTimesteps(timesteps, final);
  const original = k.number('original_inference_steps', 50);
  const options = { original, strength: k.number('strength', 1), final };
  return {
    ...{ name: 'distilled', options },
    points: (schedule, steps) => {
      const stride = Math.floor((schedule.trainSteps ?? 1000) / original);
      const count = Math.floor(original * options.strength);
      const origin = Array.from({ length: count }, (_, i) => (count - i) * stride - 1);
      const chosen = Array.from({ length: steps }, (_, i) => origin[Math.floor((i * count) / steps)]!);
      return customTimesteps(chosen, final).points(schedule, steps);
    },
  };
}

function consistencySampler({ k }: Reading): ReturnType<Reader> {
  const [sigmaMin, sigmaMax] = [k.number('sigma_min', 0.002), k.number('sigma_max', 80)];
  const [total, rho] = [k.number('num_train_timesteps', 40), k.number('rho', 7)];
  const custom = k.numbers('custom_timesteps');
  const grid: Grid = {
    ...{ name: 'consistency', options: { total, rho } },
    points: (_, steps) => {
      const stride = Math.floor(total / steps);
      const indices = custom ?? Array.from({ length: steps }, (_, i) => i * stride);
      return {
        sigmas: [...indices.map((i) => karrasSigma(i / (total - 1), sigmaMin, sigmaMax, rho)), sigmaMin],
      };
    },
  };
  return {
    schedule: edm({ sigmaMin, sigmaMax, timesteps: 'consistency' }),
    grid,
    prediction: { type: 'consistency', sigmaData: k.number('sigma_data', 0.5), sigmaMin },
    solver: consistency({ noiseScale: k.number('s_noise', 1), sigmaMin, sigmaMax }),
    initialScale: 'sigma',
    ...(k.flag('clip_denoised', true) && { limit: { kind: 'clip', range: 1 } as const }),
  };
}

function ipndmSampler(): ReturnType<Reader> {
  const grid: Grid = {
    ...{ name: 'ipndm', options: {} },
    points: (_, steps) => {
      const angle = (u: number) => (u === 1 ? Math.PI / 2 : Math.asin(Math.sin((u * Math.PI) / 2) ** 2));
      return { sigmas: Array.from({ length: steps + 1 }, (_, i) => angle(1 - i / steps)) };
    },
  };
  return { schedule: trigFlow({ timesteps: 'fraction' }), grid, prediction: 'velocity', solver: ipndm() };
}

const readers: Record<string, Reader> = {
  DDPMScheduler: (r) => {
    const variances = {
      fixed_small: 'small',
      fixed_small_log: 'small',
      fixed_large: 'large',
      learned: 'learned',
      learned_range: 'learned-range',
    } as const;
    const names = Object.keys(variances) as (keyof typeof variances)[];
    const variance = variances[r.k.word('variance_type', 'fixed_small', names)];
    return discrete(r, ddpm({ variance }), timestepGrid(r, 'zero'), true);
  },
  DDIMScheduler: (r) => {
    const options = { eta: r.k.number('eta', 0), useClipped: r.k.flag('use_clipped_model_output') };
    return discrete(r, ddim(options), timestepGrid(r, ownEnd(r.k, true)), true);
  },
  CogVideoXDDIMScheduler: (r) => ({
    ...discrete(r, ddim(), timestepGrid(r, ownEnd(r.k, true))),
    limit: undefined,
  }),
  DDIMInverseScheduler: (r) => inverse(r),
  PNDMScheduler: (r) =>
    discrete(
      r,
      pndm({ start: r.k.flag('skip_prk_steps') ? 'euler' : 'runge-kutta' }),
      timestepGrid(r, ownEnd(r.k, false)),
    ),
  LMSDiscreteScheduler: (r) => sigmas(r, lms({ order: r.k.number('order', 4) })),
  EulerDiscreteScheduler: (r) => sigmas(r, euler(churnOf(r.k))),
  EulerAncestralDiscreteScheduler: (r) => sigmas(r, eulerAncestral()),
  HeunDiscreteScheduler: (r) => sigmas(r, heun()),
  KDPM2DiscreteScheduler: (r) => sigmas(r, dpm2()),
  KDPM2AncestralDiscreteScheduler: (r) => sigmas(r, dpm2Ancestral()),
  DPMSolverSDEScheduler: (r) => sigmas(r, dpmppSde({ noiseScale: r.k.number('s_noise', 1) })),
  DPMSolverMultistepScheduler: (r) => intervals(r, dpmSolver(dpmOptions(r.k, true))),
  DPMSolverSinglestepScheduler: (r) => intervals(r, dpmSinglestep(dpmOptions(r.k, false))),
  DEISMultistepScheduler: (r) => {
    const lowerOrderFinal = r.k.flag('lower_order_final', true);
    return intervals(r, deis({ order: order(r.k), lowerOrderFinal }), true);
  },
  UniPCMultistepScheduler: (r) =>
    intervals(
      r,
      uniPc({
        order: order(r.k),
        form: r.k.word('solver_type', 'bh2', ['bh1', 'bh2']),
        predict: r.k.flag('predict_x0', true) ? 'data' : 'noise',
        disableCorrector: r.k.numbers('disable_corrector') ?? [],
        lowerOrderFinal: r.k.flag('lower_order_final', true),
      }),
    ),
  SASolverScheduler: (r) => {
    const data = r.k.word('algorithm_type', 'data_prediction', ['data_prediction', 'noise_prediction']);
    const solver = saSolver({
      predictorOrder: r.k.number('predictor_order', 2),
      correctorOrder: r.k.number('corrector_order', 2),
      predict: data === 'data_prediction' ? 'data' : 'noise',
      lowerOrderFinal: r.k.flag('lower_order_final', true),
    });
    return intervals(r, solver, true);
  },
  IPNDMScheduler: () => ipndmSampler(),
  LCMScheduler: (r) => {
    const solver = lcm({ timestepScale: r.k.number('timestep_scaling', 10) });
    return discrete(r, solver, distilledGrid(r, ownEnd(r.k, true)));
  },
  TCDScheduler: (r) => discrete(r, tcd({ eta: r.k.number('eta', 0.3) }), distilledGrid(r, 'sigma-min')),
  EDMEulerScheduler: (r) => ({ ...edmParts(r, 'log'), solver: euler(churnOf(r.k)) }),
  EDMDPMSolverMultistepScheduler: (r) => ({
    ...edmParts(r, 'log'),
    solver: dpmSolver(dpmOptions(r.k, true)),
  }),
  CosineDPMSolverMultistepScheduler: (r) => ({
    ...edmParts(r, 'arctan'),
    solver: dpmSolver({ ...dpmOptions(r.k, true), predict: 'data', eta: 1 }),
  }),
  FlowMatchEulerDiscreteScheduler: (r) => ({
    ...flowMatch(r),
    solver: r.k.flag('stochastic_sampling') ? lcm({ boundary: 'none' }) : euler(),
  }),
  FlowMatchHeunDiscreteScheduler: (r) => ({ ...flowMatch(r), solver: heun({ path: 'flow' }) }),
  FlowMatchLCMScheduler: (r) => ({ ...flowMatch(r), solver: lcm({ boundary: 'none' }) }),
  LTXEulerAncestralRFScheduler: (r) => ({
    ...inFloat32(flowMatch(r)),
    solver: flowAncestral({ eta: r.k.number('eta', 1), noiseScale: r.k.number('s_noise', 1) }),
  }),
  CMStochasticIterativeScheduler: consistencySampler,
};

/** This class alone rounds its grid to float32. */
function inFloat32(parts: ReturnType<typeof flowMatch>): ReturnType<typeof flowMatch> {
  const { grid } = parts;
  return {
    ...parts,
    grid: {
      ...grid,
      points: (schedule, steps) => {
        const sigmas = grid.points(schedule, steps).sigmas.map(Math.fround);
        return { sigmas, timesteps: sigmas.slice(0, -1).map((s) => Math.fround(schedule.timestep(s))) };
      },
    },
  };
}

function inverse(r: Reading): ReturnType<Reader> {
  const end = ownEnd(r.k, true);
  const spacing = r.k.word('timestep_spacing', 'leading', ['leading', 'trailing']);
  const base = timestepGrid(r, end, spacing);
  const grid: Grid = {
    ...{ name: 'ascending spaced', options: base.options },
    points: (schedule, steps) => {
      const { sigmas: down, timesteps } = base.points(schedule, steps);
      const labels = [...timesteps!].reverse();
      return { sigmas: [...down].reverse(), timesteps: labels };
    },
  };
  return discrete(r, ddim({ inverse: true }), grid, true);
}

/** Names of diffusers' scheduler classes that can be read. */
export const diffusersClasses: readonly string[] = Object.keys(readers);

export interface DiffusersOptions {
  /** 'diffusers' (default) reproduces that library's quirks; 'none' is correct mathematics. */
  readonly compat?: 'diffusers' | 'none';
  /** What diffusers takes at run time. */
  readonly call?: DiffusersCall;
}

/**
 * The sampler that a scheduler_config.json describes: pass it to `createPlan` with `steps`.
 *
 * @param config the parsed file. Keys that are absent have the class' defaults.
 * @throws FormatError for a class or a value that is not known.
 * @example
 * const sampler = fromDiffusersConfig(JSON.parse(text));
 * const plan = createPlan({ ...sampler, steps: 20 });
 */
export function fromDiffusersConfig(config: DiffusersConfig, options: DiffusersOptions = {}): Sampler {
  const name = config?._class_name;
  const reader = typeof name === 'string' && Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (!reader) {
    throw new FormatError(
      `fromDiffusersConfig: _class_name must be one of ${diffusersClasses.join(', ')}, got ${JSON.stringify(name)}.`,
    );
  }
  const compat = options.compat !== 'none';
  const sampler = reader({ k: new Keys({ ...config, ...options.call }), name: name!, compat });
  return compat ? { ...sampler, compat: 'diffusers' } : sampler;
}
