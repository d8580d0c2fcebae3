/** What can be chosen: names and options of functions of @tfkit/diffusion-samplers, from which both the run and its code are made. */
import type { Fields } from '../../fields';

export interface Choice {
  readonly label: string;
  /** The exported function. */
  readonly name: string;
  readonly options?: object;
}

export const schedules: Record<string, Choice> = {
  vp: { label: 'VP, linear betas (DDPM)', name: 'vp' },
  sd: {
    label: 'VP, scaled-linear (Stable Diffusion)',
    name: 'vp',
    options: { betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 },
  },
  cosine: { label: 'VP, cosine betas', name: 'vp', options: { betas: 'cosine' } },
  edm: { label: 'EDM, sigma 80 to 0.002', name: 'edm' },
  ve: { label: 'VE, sigma 50 to 0.01', name: 've' },
  flow: { label: 'Rectified flow', name: 'flow' },
};

export const grids: Record<string, Choice> = {
  karras: { label: 'Karras', name: 'karras' },
  exponential: { label: 'Exponential', name: 'exponential' },
  beta: { label: 'Beta quantiles', name: 'beta' },
  uniform: { label: 'Uniform in sigma or time', name: 'uniform' },
  spaced: { label: 'Spaced timesteps (VP)', name: 'spaced' },
  shifted: { label: 'Flow, shift 3', name: 'flowGrid', options: { shift: 3 } },
};

export const solvers: Record<string, Choice> = {
  ddim: { label: 'DDIM', name: 'ddim' },
  euler: { label: 'Euler', name: 'euler' },
  heun: { label: 'Heun', name: 'heun' },
  dpm2: { label: 'DPM2', name: 'dpm2' },
  rk4: { label: 'Runge-Kutta 4', name: 'rk4' },
  dpmpp2m: { label: 'DPM++ 2M', name: 'dpmSolver' },
  unipc: { label: 'UniPC, order 3', name: 'uniPc', options: { order: 3 } },
  deis: { label: 'DEIS, order 3', name: 'deis', options: { order: 3 } },
  lms: { label: 'LMS', name: 'lms' },
  res: { label: 'RES multistep, order 3', name: 'resMultistep', options: { order: 3 } },
  ipndm: { label: 'iPNDM', name: 'ipndm' },
  eulerA: { label: 'Euler ancestral (noise)', name: 'eulerAncestral' },
  sde: { label: 'DPM++ 2M SDE (noise)', name: 'dpmSolver', options: { eta: 1 } },
  ddpm: { label: 'DDPM (noise)', name: 'ddpm' },
};

const labels = (choices: Record<string, Choice>) =>
  Object.fromEntries(Object.entries(choices).map(([value, { label }]) => [value, label]));

export const fields = {
  schedule: { kind: 'choice', label: 'Noise schedule', options: labels(schedules), initial: 'vp' },
  grid: { kind: 'choice', label: 'Time grid', options: labels(grids), initial: 'karras' },
  solver: { kind: 'choice', label: 'Solver', options: labels(solvers), initial: 'dpmpp2m' },
  steps: { kind: 'number', label: 'Steps', min: 1, max: 60, step: 1, initial: 16 },
  points: { kind: 'number', label: 'Points', min: 16, max: 512, step: 16, initial: 96 },
  seed: { kind: 'number', label: 'Seed', min: 0, max: 20, step: 1, initial: 7 },
} as const satisfies Fields;
