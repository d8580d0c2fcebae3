/** A convolution's numbers for kernels, from the attributes of tfjs' kernels and of ours. */
import { backend_util } from '@tensorflow/tfjs-core';
import type { Pad } from '../gradients/geometry';

export interface KernelConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: Pad;
  readonly dilations?: number | [number, number] | null;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export interface ConvNumbers {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly kh: number;
  readonly kw: number;
  /** Output channels. */
  readonly o: number;
  readonly oh: number;
  readonly ow: number;
  readonly sh: number;
  readonly sw: number;
  readonly dh: number;
  readonly dw: number;
  readonly top: number;
  readonly left: number;
  readonly outShape: [number, number, number, number];
}

/** Undefined for NCHW. */
export function convNumbers(
  xShape: readonly number[],
  filterShape: readonly number[],
  attributes: KernelConvAttributes,
  depthwise = false,
): ConvNumbers | undefined {
  if (attributes.dataFormat === 'NCHW') return undefined;
  const { strides, dilations, pad, dimRoundingMode } = attributes;
  const info = backend_util.computeConv2DInfo(
    xShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
  return {
    n: info.batchSize,
    h: info.inHeight,
    w: info.inWidth,
    c: info.inChannels,
    kh: info.filterHeight,
    kw: info.filterWidth,
    o: info.outChannels,
    oh: info.outHeight,
    ow: info.outWidth,
    sh: info.strideHeight,
    sw: info.strideWidth,
    dh: info.dilationHeight,
    dw: info.dilationWidth,
    top: info.padInfo.top,
    left: info.padInfo.left,
    outShape: info.outShape as [number, number, number, number],
  };
}
