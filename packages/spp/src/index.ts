/** Pools that give a fixed size for any input: adaptive pools, spatial pyramids, regions of interest, detector blocks. */
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  adaptiveMaxPoolWithArgmax,
  type Bins,
  type MaxPoolResult,
} from './adaptivePool';
export { adaptiveBins, type Bin, type PyramidLevel, sppLength } from './bins';
export {
  type Activation,
  type BatchNormStatistics,
  type ConvWeights,
  foldBatchNorm,
} from './blocks/convolution';
export {
  type PyramidPoolingModuleOptions,
  pyramidPoolingModule,
  resizeBilinear,
} from './blocks/pyramidPoolingModule';
export { slidingMaxPool2d, sppf, yoloSpp } from './blocks/slidingPools';
export {
  type SppBlockOptions,
  type SppBlockWeights,
  type SppcspcWeights,
  type SppfBlockOptions,
  sppBlock,
  sppcspc,
  sppfBlock,
} from './blocks/yolo';
export {
  type BoxFormat,
  type BoxUnit,
  type ConvertBoxesOptions,
  convertBoxes,
  withImageIds,
} from './boxes/convert';
export type { Boxes, CornerFormat } from './boxes/resolve';
export { validateBoxes } from './boxes/validate';
export { type FpnOptions, fpnLevels } from './fpnLevels';
export { type PaperWindows, paperWindows } from './paperWindows';
export {
  type MultiScaleRoiAlignOptions,
  multiScaleRoiAlign,
  type RoiAlignOptions,
  roiAlign,
} from './roiAlign';
export { type RoiPoolOptions, roiPool } from './roiPool';
export {
  type PoolMode,
  type PyramidOptions,
  type SpatialPyramidPoolOptions,
  spatialPyramidPool,
  type VectorOrder,
} from './spatialPyramidPool';
export { mapWindows, type SppWindowOptions, sppWindow } from './sppWindow';
