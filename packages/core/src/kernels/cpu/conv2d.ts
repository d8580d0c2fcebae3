/** Convolutions and their gradients on the cpu backend, NHWC, for any stride, dilation and padding. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type ConvNumbers, convNumbers } from '../convInfo';
import { clampOf, type FastKernel, sizeOf } from '../fast';
import { addOuterProducts, addProduct, pack } from './block';
import { type CpuBackend, floatsOf } from './data';

export const conv2d: FastKernel = ({ x, filter }, attributes, backend: CpuBackend) => {
  const conv = convNumbers(x.shape, filter.shape, attributes);
  const y = conv && forward(x, filter, conv, backend);
  return y && backend.makeTensorInfo(conv.outShape, 'float32', y);
};

export const fusedConv2d: FastKernel = ({ x, filter, bias }, attributes, backend: CpuBackend) => {
  const clamp = clampOf(attributes.activation);
  const biasValues = bias ? floatsOf(backend, bias) : undefined;
  if (!clamp || (bias && (!biasValues || bias.shape.length !== 1))) return undefined;
  const conv = convNumbers(x.shape, filter.shape, attributes);
  const y = conv && forward(x, filter, conv, backend);
  if (!y) return undefined;
  addBias(y, biasValues, clamp);
  return backend.makeTensorInfo(conv.outShape, 'float32', y);
};

/** Adds a bias along the last axis and clamps, in place; a NaN stays. */
export function addBias(
  y: Float32Array,
  bias: Float32Array | undefined,
  [low, high]: readonly [number, number],
): void {
  const columns = bias?.length ?? 1;
  for (let i = 0, column = 0; i < y.length; i++) {
    const value = bias ? y[i]! + bias[column]! : y[i]!;
    y[i] = value < low ? low : value > high ? high : value;
    if (++column === columns) column = 0;
  }
}

function forward(
  xInfo: TensorInfo,
  filterInfo: TensorInfo,
  conv: ConvNumbers,
  backend: CpuBackend,
): Float32Array | undefined {
  const [x, filter] = [floatsOf(backend, xInfo), floatsOf(backend, filterInfo)];
  if (!x || !filter) return undefined;
  const { n, h, w, c, kh, kw, o, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const y = new Float32Array(sizeOf(conv.outShape));
  const packed = pack(filter, kh * kw, c, o, c * o, o, 1);
  const from = new Int32Array(ow);
  const to = new Int32Array(ow);
  for (let line = 0; line < n * oh; line++) {
    const b = Math.floor(line / oh);
    for (let ky = 0; ky < kh; ky++) {
      const iy = (line - b * oh) * sh - top + ky * dh;
      if (iy < 0 || iy >= h) continue;
      for (let kx = 0; kx < kw; kx++) {
        let count = 0;
        for (let ox = 0; ox < ow; ox++) {
          const ix = ox * sw - left + kx * dw;
          if (ix < 0 || ix >= w) continue;
          from[count] = ((b * h + iy) * w + ix) * c;
          to[count++] = (line * ow + ox) * o;
        }
        addProduct(x, from, count, c, packed, (ky * kw + kx) * c * 4, kh * kw * c * 4, y, to, o);
      }
    }
  }
  return y;
}

export const conv2dBackpropInput: FastKernel = (inputs, attributes, backend: CpuBackend) => {
  const { inputShape } = attributes;
  const conv = convNumbers(inputShape, inputs.filter.shape, attributes);
  const [dy, filter] = [floatsOf(backend, inputs.dy), floatsOf(backend, inputs.filter)];
  if (!conv || !dy || !filter) return undefined;
  const { n, h, w, c, kh, kw, o, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const dx = new Float32Array(sizeOf(inputShape));
  const packed = pack(filter, kh * kw, o, c, c * o, 1, o);
  const from = new Int32Array(ow);
  const to = new Int32Array(ow);
  for (let line = 0; line < n * oh; line++) {
    const b = Math.floor(line / oh);
    for (let ky = 0; ky < kh; ky++) {
      const iy = (line - b * oh) * sh - top + ky * dh;
      if (iy < 0 || iy >= h) continue;
      for (let kx = 0; kx < kw; kx++) {
        let count = 0;
        for (let ox = 0; ox < ow; ox++) {
          const ix = ox * sw - left + kx * dw;
          if (ix < 0 || ix >= w) continue;
          from[count] = (line * ow + ox) * o;
          to[count++] = ((b * h + iy) * w + ix) * c;
        }
        addProduct(dy, from, count, o, packed, (ky * kw + kx) * o * 4, kh * kw * o * 4, dx, to, c);
      }
    }
  }
  return backend.makeTensorInfo(inputShape, 'float32', dx);
};

export const conv2dBackpropFilter: FastKernel = (inputs, attributes, backend: CpuBackend) => {
  const { filterShape } = attributes;
  const conv = convNumbers(inputs.x.shape, filterShape, attributes);
  const [x, dy] = [floatsOf(backend, inputs.x), floatsOf(backend, inputs.dy)];
  if (!conv || !x || !dy) return undefined;
  const { n, h, w, c, kh, kw, o, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const dFilter = new Float32Array(sizeOf(filterShape));
  for (let line = 0; line < n * oh; line++) {
    const b = Math.floor(line / oh);
    for (let ky = 0; ky < kh; ky++) {
      const iy = (line - b * oh) * sh - top + ky * dh;
      if (iy < 0 || iy >= h) continue;
      for (let kx = 0; kx < kw; kx++) {
        const shift = left - kx * dw;
        const first = Math.max(0, Math.ceil(shift / sw));
        const count = Math.min(ow, Math.floor((w - 1 + shift) / sw) + 1) - first;
        if (count <= 0) continue;
        const xFrom = ((b * h + iy) * w + first * sw - shift) * c;
        const dyFrom = (line * ow + first) * o;
        addOuterProducts(x, xFrom, sw * c, c, dy, dyFrom, o, o, count, dFilter, (ky * kw + kx) * c * o);
      }
    }
  }
  return backend.makeTensorInfo(filterShape, 'float32', dFilter);
};
