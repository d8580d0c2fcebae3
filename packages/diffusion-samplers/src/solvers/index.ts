/** All solvers. The main entry has the most used of them. */
export {
  type AncestralOptions,
  dpm2Ancestral,
  dpmpp2sAncestral,
  dpmppSde,
  eulerAncestral,
} from './ancestral';
export { consistency, flowAncestral, type LcmOptions, lcm, tcd } from './consistency';
export { type DdimOptions, ddim } from './ddim';
export { type DdpmOptions, ddpm } from './ddpm';
export { dpmFast, dpmSinglestep } from './dpmSinglestep';
export { type DpmOptions, dpmSolver } from './dpmSolver';
export { type ErSdeOptions, erSde } from './erSde';
export { type ChurnOptions, dpm2, euler, heun, type PathOptions, rk4 } from './euler';
export { type DeisOptions, deis, gradientEstimation, ipndm, lms, resMultistep } from './multistep';
export type { Path } from './path';
export { type PndmOptions, pndm } from './pndm';
export {
  type RepaintOptions,
  type RestartInterval,
  type RestartOptions,
  repaint,
  restart,
} from './restart';
export { type SaOptions, saSolver } from './saSolver';
export type { Solver } from './solver';
export { type UniPcOptions, uniPc } from './unipc';
