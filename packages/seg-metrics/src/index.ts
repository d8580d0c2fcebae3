/**
 * Segmentation metrics on typed arrays, without TensorFlow.js. Tensors: `@tfkit/seg-metrics/tfjs`; files:
 * `@tfkit/seg-metrics/io`.
 */
export {
  Calibration,
  type CalibrationBin,
  type CalibrationOptions,
  type CalibrationResult,
} from './calibration';
export {
  type ComponentOptions,
  type ComponentScores,
  type ComponentStratum,
  type Connectivity,
  componentScores,
  connectedComponents,
} from './components';
export {
  ConfusionMatrix,
  type ConfusionMatrixOptions,
  type UpdateOptions,
} from './counts/confusionMatrix';
export type { ImageCounts } from './counts/imageCounts';
export type { ConfusionMatrixJson } from './counts/json';
export type { LabelArray } from './counts/labels';
export { type LogitsLayout, type LogitsOptions, updateLogits } from './counts/logits';
export { mergeAll } from './counts/mergeAll';
export type { PairCounts } from './counts/pairCounts';
export { parseConfusionMatrix } from './counts/parse';
export { addTable, type TableOptions } from './counts/table';
export {
  type AreaRange,
  type InstanceDetection,
  type InstanceTarget,
  type MaskApOptions,
  type MaskApResult,
  maskAveragePrecision,
} from './instances';
export {
  type CategoryQuality,
  type PanopticCategory,
  type PanopticMean,
  PanopticQuality,
  type PanopticQualityOptions,
  type PanopticResult,
  type PanopticSegment,
} from './panoptic/panopticQuality';
export { polygonToRle } from './panoptic/polygon';
export {
  type CocoRle,
  decodeRle,
  encodeRle,
  type MaskSize,
  mergeRles,
  parseRle,
  type Rle,
  rleArea,
  rleBox,
  rleIntersection,
  rleIou,
  rleToString,
} from './panoptic/rle';
export { type Preset, type PresetScores, presetNames, presetScores } from './presets';
export {
  type ClassCounts,
  type CountOptions,
  classCounts,
  type InvalidPredictions,
  type Regions,
} from './scores/classCounts';
export {
  type BootstrapOptions,
  bootstrap,
  comparePaired,
  type Interval,
  type PairedComparison,
  type RankedImage,
  type SizeStratum,
  type Statistic,
  scoreBySize,
  worstImages,
} from './scores/images';
export {
  balancedAccuracy,
  cohensKappa,
  frequencyWeightedIou,
  type GeneralizedDiceWeights,
  generalizedDice,
  matthewsCorrelation,
  meanIou,
  meanPixelAccuracy,
  pixelAccuracy,
} from './scores/matrixScores';
export { type AbsentClassPolicy, absentClassPolicies } from './scores/policies';
export {
  type Average,
  type ClassMetric,
  classMetrics,
  dice,
  iou,
  type Level,
  type MetricParameters,
  type Score,
  type ScoreOptions,
  score,
} from './scores/score';
export {
  type BoundaryF1,
  type BoundaryOverlap,
  boundaryBand,
  boundaryF1,
  boundaryIou,
  boundaryWidth,
  davisBoundaryF1,
  type MapShape,
  trimapCounts,
} from './surfaces/boundaries';
export {
  type DistanceMetric,
  type DistanceOptions,
  distanceTransform,
  type Mask,
} from './surfaces/distanceTransform';
export { type Border, edgePixels } from './surfaces/edges';
export { type DistanceMean, type EmptyMaskPolicy, meanDistance } from './surfaces/emptyMasks';
export {
  averageSurfaceDistance,
  type Combine,
  hausdorffDistance,
  normalizedSurfaceDistance,
  rmsSurfaceDistance,
  type SurfaceOverlap,
  surfaceOverlap,
} from './surfaces/measures';
export {
  classMasks,
  type SurfaceDistances,
  type SurfaceForm,
  type SurfaceOptions,
  surfaceDistances,
} from './surfaces/surfaceDistances';
