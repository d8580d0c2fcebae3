/**
 * Losses on pairs, triplets, centres and norms; logits without a margin; enrolling classes after training.
 *
 * All return tensors, read nothing back, and have exact first-order gradients on every backend (`gather`'s and the segment
 * sums' kernels come with `await ensureKernels()`).
 */

export type { Labels } from '../engine/labels';
export {
  type CenterLossOptions,
  centerLoss,
  type UpdateCentersOptions,
  updateCenters,
} from './center';
export { type CirclePairOptions, circlePairLoss } from './circle';
export {
  type BatchContrastiveOptions,
  batchContrastiveLoss,
  type ContrastiveForm,
  type ContrastiveOptions,
  type ContrastiveReduction,
  contrastiveLoss,
} from './contrastive';
export {
  type ClassPredictions,
  classCenters,
  type EnrollOptions,
  enrollClasses,
  type InferenceOptions,
  marginFreeLogits,
  type PredictOptions,
  predictClasses,
} from './inference';
export { type MarginalOptions, marginalLoss } from './marginal';
export {
  correctlyClassified,
  type FeatureIncayOptions,
  featureIncayLoss,
  type RingOptions,
  ringLoss,
} from './norms';
export { type RangeOptions, type RangeParts, rangeLoss, rangeLossParts } from './range';
export type { Reduction } from './reduction';
export {
  type BatchTripletOptions,
  batchTripletLoss,
  type MinedTriplets,
  mineTriplets,
  type TripletForm,
  type TripletOptions,
  tripletLoss,
} from './triplet';
export type { BatchMining } from './tripletSums';
export { type UniformOptions, uniformLoss } from './uniform';
