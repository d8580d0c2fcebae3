/**
 * Diffusion samplers as plans: any noise schedule, grid of levels, prediction type and solver compile to a program of
 * linear combinations, which one engine runs on typed arrays. `./solvers` has the rest of the solvers, `./tfjs` runs plans on
 * tensors, `./onnx` adapts ONNX Runtime, `./diffusers` reads scheduler_config.json and makes torch's noise, `./adaptive`
 * has the loops that are no plans.
 */
export type { Model, ModelCall, SampleStep } from './engine/execute';
export type { FloatArray } from './engine/machine';
export type { Snapshot } from './engine/snapshot';
export { type FlowGridOptions, flowGrid } from './grids/flowGrid';
export {
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
} from './grids/grid';
export {
  betaSigmas,
  exponentialSigmas,
  karrasSigmas,
  polyexponentialSigmas,
} from './grids/ramps';
export { type Level, lambdaOf, ratioOf } from './level';
export { injectedNoise, type NoiseSource, seededNoise } from './noise';
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
export { type VpOptions, vp } from './schedules/vp';
export { type AncestralOptions, eulerAncestral } from './solvers/ancestral';
export { type DdimOptions, ddim } from './solvers/ddim';
export { type DdpmOptions, ddpm } from './solvers/ddpm';
export { type DpmOptions, dpmSolver } from './solvers/dpmSolver';
export { type ChurnOptions, euler, heun, type PathOptions } from './solvers/euler';
export type { Path } from './solvers/path';
export type { Solver } from './solvers/solver';
