/**
 * Guidance and editing as plain functions over models and plans: any solver runs what they return. Typed arrays by
 * default; `on: tensors` (from `./tfjs`) for tensors, but for `learnedVariance`. Dynamic thresholding is `createPlan`'s `limit`; inversion is
 * `ascending` grids with `ddim`, or `encode` and `decode` of `./sde`.
 */
export {
  type InpaintingOptions,
  inpainting,
  type NoisedOptions,
  noisedTo,
  startOfStrength,
} from './editing';
export { type AnyModel, cfgPlusPlus, classifierFreeGuidance, type GuidanceOptions } from './guidance';
export { type LearnedVariance, type LearnedVarianceOptions, learnedVariance } from './learnedVariance';
