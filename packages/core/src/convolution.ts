/**
 * Convolutions and their gradients as ops that packages build on: any stride, dilation and padding, each differentiable
 * again, run by the fastest kernel that the backend has. No checks: those belong to the public edge.
 */
export {
  conv2dFilterGradient,
  conv2dInputGradient,
  convolution2d,
  type FilterGradientAttributes,
  type InputGradientAttributes,
} from './gradients/conv2d';
export {
  type DepthwiseFilterGradientAttributes,
  type DepthwiseInputGradientAttributes,
  depthwiseConvolution2d,
  depthwiseFilterGradient,
  depthwiseInputGradient,
} from './gradients/depthwise';
export type { ConvAttributes, Pad } from './gradients/geometry';
