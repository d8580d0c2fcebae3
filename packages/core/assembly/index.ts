/** The kernels of the wasm backend. Memory is imported: it is tfjs' own, and holds all data. */
export {
  conv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  convScratch,
  filterScratch,
  transposeImage,
} from './conv2d';
export { depthwiseBackpropFilter, depthwiseBackpropInput, spread, sumAdjacent } from './depthwise';
export { adam, addBias, exp, linearCombination, segmentSum } from './elementwise';
export { gemm, gemmScratch } from './gemm';
export { pack, transpose } from './pack';
export { sumAxis } from './reduce';
