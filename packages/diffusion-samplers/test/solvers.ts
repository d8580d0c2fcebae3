/** The list of all solvers, over which the contract tests run. */
import type { Solver } from '../src';
import {
  consistency,
  ddim,
  ddpm,
  deis,
  dpm2,
  dpm2Ancestral,
  dpmFast,
  dpmpp2sAncestral,
  dpmppSde,
  dpmSinglestep,
  dpmSolver,
  euler,
  eulerAncestral,
  flowAncestral,
  gradientEstimation,
  heun,
  ipndm,
  lcm,
  lms,
  pndm,
  resMultistep,
  rk4,
  saSolver,
  tcd,
  uniPc,
} from '../src/solvers';

export interface Listed {
  readonly solver: Solver;
  /** Order of convergence on the probability-flow ODE; absent for methods that are random or of few steps. */
  readonly order?: number;
}

const steady = { lowerOrderFinal: 'never' } as const;

/** Deterministic ones first. */
export const allSolvers: Readonly<Record<string, Listed>> = {
  ddim: { solver: ddim(), order: 1 },
  euler: { solver: euler(), order: 1 },
  heun: { solver: heun(), order: 2 },
  'heun flow': { solver: heun({ path: 'flow' }), order: 2 },
  dpm2: { solver: dpm2(), order: 2 },
  rk4: { solver: rk4(), order: 4 },
  'rk4 sigma': { solver: rk4({ path: 'sigma' }), order: 4 },
  'lms 2': { solver: lms({ order: 2 }), order: 2 },
  'lms 4': { solver: lms(), order: 4 },
  'dpmSolver 1': { solver: dpmSolver({ order: 1 }), order: 1 },
  'dpmSolver 2': { solver: dpmSolver(steady), order: 2 },
  'dpmSolver 2 heun': { solver: dpmSolver({ ...steady, form: 'heun' }), order: 2 },
  // The published programs weigh the second difference by half of what order 3 needs; resMultistep does not.
  'dpmSolver 3': { solver: dpmSolver({ ...steady, order: 3, form: 'heun' }), order: 2 },
  'dpmSolver 2 noise': { solver: dpmSolver({ ...steady, predict: 'noise' }), order: 2 },
  'dpmSolver 3 noise': { solver: dpmSolver({ ...steady, order: 3, predict: 'noise' }), order: 2 },
  'dpmSinglestep 2': { solver: dpmSinglestep(steady), order: 2 },
  'dpmSinglestep 3': { solver: dpmSinglestep({ ...steady, order: 3, form: 'heun' }), order: 3 },
  // Its last groups are of order 2 and 1.
  dpmFast: { solver: dpmFast({ eta: 0 }), order: 2 },
  'dpmpp2sAncestral eta 0': { solver: dpmpp2sAncestral({ eta: 0 }), order: 2 },
  'dpm2Ancestral eta 0': { solver: dpm2Ancestral({ eta: 0 }), order: 2 },
  'uniPc 1': { solver: uniPc({ order: 1 }), order: 2 },
  'uniPc 2 bh1': { solver: uniPc({ order: 2, form: 'bh1', lowerOrderFinal: false }), order: 3 },
  'uniPc 2 bh2': { solver: uniPc({ order: 2, lowerOrderFinal: false }), order: 3 },
  'uniPc 3': { solver: uniPc({ order: 3, lowerOrderFinal: false }), order: 4 },
  'uniPc 2 noise': { solver: uniPc({ order: 2, predict: 'noise', lowerOrderFinal: false }), order: 3 },
  'deis 2': { solver: deis({ order: 2 }), order: 2 },
  'deis 3': { solver: deis({ order: 3 }), order: 3 },
  'resMultistep 2': { solver: resMultistep(), order: 2 },
  'resMultistep 3': { solver: resMultistep({ order: 3 }), order: 3 },
  gradientEstimation: { solver: gradientEstimation({ gamma: 1.5 }), order: 1 },
  'saSolver tau 0': {
    solver: saSolver({ tau: 0, predictorOrder: 3, correctorOrder: 0, lowerOrderFinal: false }),
    order: 3,
  },
  pndm: { solver: pndm() },
  'pndm euler': { solver: pndm({ start: 'euler' }) },
  ipndm: { solver: ipndm() },
  ddpm: { solver: ddpm() },
  'ddim eta 1': { solver: ddim({ eta: 1 }) },
  'euler churn': { solver: euler({ churn: 10 }) },
  eulerAncestral: { solver: eulerAncestral() },
  dpm2Ancestral: { solver: dpm2Ancestral() },
  dpmpp2sAncestral: { solver: dpmpp2sAncestral() },
  dpmppSde: { solver: dpmppSde() },
  'dpmSolver 2 sde': { solver: dpmSolver({ eta: 1 }) },
  'dpmSolver 3 sde': { solver: dpmSolver({ eta: 1, order: 3 }) },
  saSolver: { solver: saSolver() },
  lcm: { solver: lcm() },
  tcd: { solver: tcd() },
  consistency: { solver: consistency({ sigmaMin: 0.01 }) },
  flowAncestral: { solver: flowAncestral() },
};
