/** Margin-softmax losses: every method is data (`Margin`), one engine (`marginLoss`) runs them. */
export {
  type LossAndGradients,
  type LossAndGradientsOptions,
  lossAndGradients,
  type SparseGradient,
} from './class-parallel/lossAndGradients';
export { type ClassShard, classShard, sampleClasses } from './class-parallel/sampling';
export { SparseSgd, type SparseSgdOptions } from './class-parallel/sparseSgd';
export { type Labels, validateLabels } from './engine/labels';
export { marginLogits } from './engine/marginLogits';
export { type MarginLossOptions, marginLoss } from './engine/marginLoss';
export { createState } from './engine/prepare';
export type { Reduction } from './engine/reduce';
export { type HeadStep, MarginHead, type MarginHeadOptions } from './head/marginHead';
export { type AdaCosOptions, adaCos } from './margins/adaCos';
export { type AdaFaceOptions, adaFace } from './margins/adaFace';
export type { PastPi } from './margins/additiveAngle';
export { type ArcFaceOptions, arcFace } from './margins/arcFace';
export { type CircleOptions, circle } from './margins/circle';
export { type CombinedOptions, combined, interClassFilter, subCenter } from './margins/combined';
export { amSoftmax, type CosFaceOptions, cosFace } from './margins/cosFace';
export { type CurricularFaceOptions, curricularFace } from './margins/curricularFace';
export { type ElasticFaceOptions, elasticFace } from './margins/elasticFace';
export { type MagFaceOptions, magFace } from './margins/magFace';
export type {
  Angle,
  Batch,
  GradientRule,
  Margin,
  MarginState,
  NormRule,
  OthersTransform,
  Preparation,
  RowParameters,
  TargetValue,
} from './margins/margin';
export {
  type AnnealedLambdaOptions,
  annealedLambda,
  aSoftmax,
  lSoftmax,
  type MultipleAngleOptions,
} from './margins/multipleAngle';
export { coco, type NormFaceOptions, normFace, scaleForProbability, softmax } from './margins/softmax';
export { type SphereFace2Options, sphereFace2, sphereFace2Bias } from './margins/sphereFace2';
export { type SphereFaceROptions, sphereFaceR } from './margins/sphereFaceR';
export {
  type SubCenterOutliers,
  type SubCenterOutliersOptions,
  subCenterOutliers,
} from './subCenterOutliers';
export { loadClassCenters, saveClassCenters } from './weights';
