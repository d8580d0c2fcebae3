/**
 * Normalizing flows on TensorFlow.js: bijectors with exact log-determinants, base distributions, the models of NICE,
 * RealNVP and Glow, maximum-likelihood training, bits per dimension, and checks for layers of your own.
 */
export {
  type Bijector,
  type BijectorDefinition,
  childScope,
  defineBijector,
  type EventShape,
  type EventSpec,
  type FlowParameters,
  type ForwardResult,
  type InitialValue,
  type InitialValues,
  type InverseResult,
  type Mode,
  type ObservedLayer,
  parameterOf,
  prefixed,
  type Scope,
} from './bijector';
export {
  type AffineOptions,
  additiveCoupling,
  affine,
  affineCoupling,
  type ScaleMap,
} from './bijectors/affineCoupling';
export { type BatchNormOptions, batchNorm } from './bijectors/batchNorm';
export { type CouplingOptions, coupling, type Transformer } from './bijectors/coupling';
export {
  type InvertibleConv1x1Options,
  invertibleConv1x1,
  type LuLinearOptions,
  luLinear,
} from './bijectors/linear';
export { type LogitOptions, logit } from './bijectors/logit';
export { checkerboard, type Mask, type MaskName } from './bijectors/masks';
export { actnorm, conditionalAffine, scaling } from './bijectors/scaling';
export { permute, randomOrder, reshape, type SqueezeOptions, squeeze } from './bijectors/squeeze';
export { type Standardization, standardize } from './bijectors/standardize';
export {
  type BijectorCheck,
  type CheckBijectorOptions,
  checkBijector,
  inversionErrors,
  type LayerInversionError,
} from './checkBijector';
export { chain, invert } from './combinators/chain';
export { type SplitOptions, split } from './combinators/split';
export type { Distribution } from './distributions/distribution';
export { diagonalGaussian, gaussian } from './distributions/gaussian';
export { logistic, logisticQuantile } from './distributions/logistic';
export { type GaussianMixtureOptions, gaussianMixture } from './distributions/mixture';
export { uniform } from './distributions/uniform';
export { type ContextOption, Flow, type FlowOptions, type SampleOptions } from './flow';
export { type InterpolateOptions, interpolate } from './interpolate';
export type { FrontOptions, Support } from './models/front';
export { type GlowOptions, glow, glowStep } from './models/glow';
export { type ModelOptions, type NiceOptions, nice } from './models/nice';
export { glowPresets, nicePresets, realNVPPresets, type TrainingSettings } from './models/presets';
export { type RealNVPOptions, realNVP } from './models/realNVP';
export { type ConvNetOptions, convNet, type ResidualNetOptions, residualNet } from './nets/convNet';
export { type MlpOptions, mlp } from './nets/mlp';
export type { Activation, Net, NetFunction, NetRequest } from './nets/net';
export {
  type BitsPerDimOptions,
  bitsPerDim,
  dequantize,
  integerLogLikelihood,
  type Quantization,
  quantize,
} from './quantization';
export type { DataOptions, Dequantization, FlowData } from './training/data';
export { type EvaluateOptions, evaluate, type Score } from './training/evaluate';
export {
  type CheckpointOptions,
  type FitOptions,
  type FitProgress,
  type FitResult,
  fit,
  type Validation,
} from './training/fit';
export type { Dequantizer } from './variational/dequantizer';
