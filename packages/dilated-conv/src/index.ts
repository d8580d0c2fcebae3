/**
 * Dilated convolutions that train on every backend, the blocks built of them, and the tools to choose their rates.
 * tf.layers classes are in `./layers`; `./register` repairs tfjs itself.
 */
export {
  type AsppOptions,
  type AsppV2Weights,
  type AsppV3PlusWeights,
  type AsppV3Weights,
  asppV2,
  asppV3,
  asppV3Plus,
} from './blocks/aspp';
export {
  type ContextModuleOptions,
  type ContextModuleWeights,
  contextModule,
  contextRates,
  type IdentityKernelOptions,
  identityKernel,
} from './blocks/contextModule';
export type { ConvWeights, SeparableWeights } from './blocks/convWeights';
export { type DeepLabDecoderWeights, deepLabDecoder } from './blocks/decoder';
export {
  type DenseAsppLayerWeights,
  type DenseAsppOptions,
  type DenseAsppWeights,
  denseAspp,
} from './blocks/denseAspp';
export { type DucOptions, duc, type PixelOrder, pixelShuffle } from './blocks/duc';
export { type HdcBlockOptions, type HdcBlockWeights, hdcBlock } from './blocks/hdcBlock';
export { type CausalStream, type StreamOptions, tcnStream, waveNetStream } from './blocks/streams';
export { type TcnBlockWeights, type TcnOptions, type TcnWeights, tcn } from './blocks/tcn';
export {
  type WaveNetLayerWeights,
  type WaveNetOptions,
  type WaveNetWeights,
  waveNet,
} from './blocks/waveNet';
export {
  type Coverage,
  coverage,
  coversExactly,
  hitsMap,
  hitsMap2d,
  type SquareMap,
} from './design/coverage';
export { type HdcVerdict, hdcRule } from './design/hdcRule';
export { type LayerGeometry, type ReceptiveField, receptiveField } from './design/receptiveField';
export { type SuggestedRates, type SuggestRatesOptions, suggestRates } from './design/suggestRates';
export { dilatedDepthwiseConv1d, dilatedDepthwiseConv2d } from './ops/depthwise';
export { dilatedConv1d, dilatedConv2d, dilatedConv3d } from './ops/dilatedConv';
export { fromTorchDepthwiseFilter, fromTorchFilter } from './ops/torchFilters';
export {
  type DilatedConvTransposeOptions,
  dilatedConv1dTranspose,
  dilatedConv2dTranspose,
  dilatedConv3dTranspose,
} from './ops/transpose';
export type {
  AxisPadding,
  DilatedConvOptions,
  GroupedConvOptions,
  Padding,
  PaddingWord,
} from './plan';
