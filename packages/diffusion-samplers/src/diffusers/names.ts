/** The names by which people know samplers. */
import { OptionError } from '@tfkit/core';
import { beta, exponential, type Grid, karras, spaced } from '../grids/grid';
import { alignYourSteps } from '../grids/published';
import type { Sampler } from '../plan/createPlan';
import { vp } from '../schedules/vp';
import { dpm2Ancestral, dpmpp2sAncestral, dpmppSde, eulerAncestral } from '../solvers/ancestral';
import { lcm } from '../solvers/consistency';
import { ddim } from '../solvers/ddim';
import { ddpm } from '../solvers/ddpm';
import { dpmFast, dpmSinglestep } from '../solvers/dpmSinglestep';
import { dpmSolver } from '../solvers/dpmSolver';
import { dpm2, euler, heun } from '../solvers/euler';
import { deis, gradientEstimation, ipndm, lms, resMultistep } from '../solvers/multistep';
import { pndm } from '../solvers/pndm';
import { saSolver } from '../solvers/saSolver';
import type { Solver } from '../solvers/solver';
import { uniPc } from '../solvers/unipc';

const solvers: Record<string, () => Solver> = {
  'Euler a': () => eulerAncestral(),
  Euler: () => euler(),
  LMS: () => lms(),
  Heun: () => heun(),
  DPM2: () => dpm2(),
  'DPM2 a': () => dpm2Ancestral(),
  'DPM++ 2S': () => dpmSinglestep(),
  'DPM++ 2S a': () => dpmpp2sAncestral(),
  'DPM++ 2M': () => dpmSolver({ lowerOrderFinal: 'never' }),
  'DPM++ SDE': () => dpmppSde(),
  'DPM++ 2M SDE': () => dpmSolver({ eta: 1, lowerOrderFinal: 'never' }),
  'DPM++ 2M SDE Heun': () => dpmSolver({ eta: 1, form: 'heun', lowerOrderFinal: 'never' }),
  'DPM++ 3M': () => dpmSolver({ order: 3, form: 'heun', lowerOrderFinal: 'never' }),
  'DPM++ 3M SDE': () => dpmSolver({ order: 3, form: 'heun', eta: 1, lowerOrderFinal: 'never' }),
  'DPM fast': () => dpmFast(),
  DDIM: () => ddim(),
  DDPM: () => ddpm(),
  PLMS: () => pndm({ start: 'euler' }),
  PNDM: () => pndm(),
  UniPC: () => uniPc(),
  DEIS: () => deis(),
  iPNDM: () => ipndm(),
  LCM: () => lcm(),
  'SA-Solver': () => saSolver(),
  'RES Multistep': () => resMultistep(),
  'Gradient Estimation': () => gradientEstimation(),
};

const grids: Record<string, () => Grid> = {
  Karras: () => karras(),
  Exponential: () => exponential(),
  Beta: () => beta(),
  'Align Your Steps': () => alignYourSteps('stable-diffusion'),
  Trailing: () => spaced(),
};

/** Methods whose grid is of whole timesteps. */
const whole = new Set(['DDIM', 'DDPM', 'PLMS', 'PNDM', 'LCM']);

/** Names of solvers; each may be followed by that of a grid: Karras, Exponential, Beta, Align Your Steps, Trailing. */
export const communityNames: readonly string[] = Object.keys(solvers);

/** As names are compared: without case, spaces, hyphens and underscores; `pp` for `++`, `ancestral` for a final a. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll('++', 'pp')
    .replace(/^k_|sample_/, '')
    .replace(/ancestral/, 'a')
    .replace(/[^a-z0-9]/g, '');

/**
 * The sampler of a name such as "DPM++ 2M Karras", "Euler a" or "dpmpp_2m_sde", on Stable Diffusion's schedule with
 * noise prediction; replace `schedule` and `prediction` for another model.
 *
 * @throws OptionError, listing the names, for one that is not known.
 * @example
 * const plan = createPlan({ ...samplerByName('DPM++ 2M Karras'), steps: 20 });
 */
export function samplerByName(name: string): Sampler {
  const wanted = plain(String(name));
  for (const [solverName, makeSolver] of Object.entries(solvers)) {
    const stem = plain(solverName);
    const fallback = (): Grid =>
      spaced({
        spacing: whole.has(solverName) ? 'leading' : 'linspace',
        offset: whole.has(solverName) ? 1 : 0,
      });
    const found =
      wanted === stem ? fallback : Object.entries(grids).find(([grid]) => wanted === stem + plain(grid))?.[1];
    if (!found) continue;
    return {
      schedule: vp({ betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 }),
      grid: found(),
      prediction: 'epsilon',
      solver: makeSolver(),
    };
  }
  throw new OptionError(
    `samplerByName: name must be one of ${communityNames.join(', ')}, each with or without ${Object.keys(grids).join(', ')}, got '${name}'.`,
  );
}
