/**
 * Diffusion samplers as plans: any noise schedule, grid of levels, prediction type and solver compile to a program of
 * linear combinations, which one engine runs on typed arrays. `./tfjs` runs plans on tensors, `./onnx` adapts ONNX Runtime.
 */
export type { DiffusersCall, DiffusersConfig } from './diffusers/config';
export { type DiffusersOptions, diffusersClasses, fromDiffusersConfig } from './diffusers/read';
export type { Model, ModelCall, SampleStep } from './engine/execute';
export type { FloatArray } from './engine/machine';
export type { Snapshot } from './engine/snapshot';
export { type FlowGridOptions, flowGrid } from './grids/flowGrid';
export {
  alignYourSteps,
  ascending,
  beta,
  customSigmas,
  customTimesteps,
  exponential,
  type FinalSigma,
  type Grid,
  type GridPoints,
  karras,
  lu,
  type RampOptions,
  type SpacedOptions,
  type Spacing,
  spaced,
  uniform,
  vpTimes,
} from './grids/grid';
export {
  betaSigmas,
  exponentialSigmas,
  karrasSigmas,
  polyexponentialSigmas,
  vpSigmas,
} from './grids/ramps';
export { type Level, lambdaOf, ratioOf } from './level';
export { injectedNoise, type NoiseSource, seededNoise, torchNoise } from './noise';
export { createPlan, type PlanOptions, type Sampler } from './plan/createPlan';
export { explain } from './plan/explain';
export type { Form } from './plan/forms';
export type { Instruction, Plan, PlanStep } from './plan/types';
export { conversion, type Limit, type Prediction, type PredictionType } from './prediction';
export { type ArrayModel, iterate, type SampleOptions, type SampleResult, sample } from './sample';
export { type BetaOptions, type BetaSchedule, betasOf } from './schedules/betas';
export {
  type EdmOptions,
  edm,
  type FlowOptions,
  flow,
  type SigmaRange,
  type TrigFlowOptions,
  trigFlow,
  ve,
} from './schedules/continuous';
export type { Schedule } from './schedules/schedule';
export { type ContinuousVpOptions, continuousVp, subVp, type VpOptions, vp } from './schedules/vp';
export {
  type AncestralOptions,
  dpm2Ancestral,
  dpmpp2sAncestral,
  dpmppSde,
  eulerAncestral,
} from './solvers/ancestral';
export { consistency, flowAncestral, type LcmOptions, lcm, tcd } from './solvers/consistency';
export { type DdimOptions, ddim } from './solvers/ddim';
export { type DdpmOptions, ddpm } from './solvers/ddpm';
export { dpmFast, dpmSinglestep } from './solvers/dpmSinglestep';
export { type DpmOptions, dpmSolver } from './solvers/dpmSolver';
export { type ChurnOptions, dpm2, euler, heun, type PathOptions, rk4 } from './solvers/euler';
export { type DeisOptions, deis, gradientEstimation, ipndm, lms, resMultistep } from './solvers/multistep';
export type { Path } from './solvers/path';
export { type PndmOptions, pndm } from './solvers/pndm';
export { type SaOptions, saSolver } from './solvers/saSolver';
export type { Solver } from './solvers/solver';
export { type UniPcOptions, uniPc } from './solvers/unipc';
export { torchRandn } from './torchRandn';
