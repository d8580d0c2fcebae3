/**
 * Score-based models in continuous time: SDEs, probability-flow ODE with adaptive steps, likelihood, SDE steppers, and
 * Brownian paths. Models take one level for each item of the batch. Typed arrays by default; with `on: tensors`
 * (from `./tfjs`) the same loops run on tensors.
 */
export { uniform } from '../grids/uniform';
export { type ContinuousVpOptions, continuousVp, subVp } from '../schedules/continuousVp';
export type { Arithmetic, Coefficient } from './arithmetic';
export { arrays } from './arrays';
export {
  type BrownianIncrement,
  type BrownianNoiseOptions,
  type BrownianOptions,
  type BrownianPath,
  brownianNoise,
  brownianPath,
} from './brownian';
export type { ItemCall, ItemModel, SdeRun } from './model';
export { type Field, type OdeMethod, type OdeOptions, type OdeSolution, solveOde } from './ode';
export {
  bitsPerDim,
  decode,
  encode,
  type FlowOptions,
  type FlowResult,
  type Likelihood,
  type LikelihoodOptions,
  logLikelihood,
} from './probabilityFlow';
export {
  type FlowSdeOptions,
  flowSde,
  type ModelForm,
  reverseDrift,
  type Sde,
  scoreForm,
  subVpSde,
  type VeSdeOptions,
  veSde,
  vpSde,
} from './sdes';
export {
  type Corrector,
  type Equation,
  type SampleSdeOptions,
  type SdeMethod,
  type SolveSdeOptions,
  sampleSde,
  solveSde,
} from './stochastic';
