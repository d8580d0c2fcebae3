/**
 * The forward pass of adaptive pools and pyramids on plain Float32Arrays: no TensorFlow.js. Such heads cannot be exported
 * to ONNX for sizes that do not divide, so a backbone runs in ONNX Runtime and its head here. A map is anything with `data`
 * and `dims`, as an `ort.Tensor` is, and so are the results.
 */
export { adaptiveBins, type Bin, type PyramidLevel, sppLength } from '../bins';
export { type PaperWindows, paperWindows } from '../paperWindows';
export { adaptiveAvgPool, adaptiveMaxPool, adaptiveMaxPoolWithArgmax } from './adaptivePool';
export type { TypedMap, TypedOptions } from './map';
export {
  pyramidPoolingModule,
  type TypedConvWeights,
  type TypedPyramidPoolingOptions,
} from './pyramidPoolingModule';
export { spatialPyramidPool, type TypedPyramidOptions } from './spatialPyramidPool';
