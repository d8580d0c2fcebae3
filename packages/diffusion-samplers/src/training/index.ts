/**
 * The training side: targets and loss weights of every prediction type from the schedule that samples, noise levels,
 * averaged weights, and rectified flow's second training. Typed arrays by default; `on` takes `tensors` of `./tfjs`.
 */
export { Ema, type EmaDecay, type EmaSnapshot, emaExponent, postHocEma } from './ema';
export {
  type ReflowOptions,
  type ReflowPairs,
  reflowPairs,
  type StraightnessOptions,
  straightness,
} from './reflow';
export {
  type Example,
  type Levels,
  type LossWeight,
  levelsAt,
  lossWeights,
  noiseLevels,
  type TimeOptions,
  trainingExample,
} from './weights';
