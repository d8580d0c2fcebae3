/** Convolutions and their gradients on the wasm backend. */
import type * as tf from '@tensorflow/tfjs-core';
import { type ConvNumbers, convNumbers } from '../convInfo';
import { allFloat32, clampOf, type FastKernel } from '../fast';
import {
  moduleFor,
  packedBytes,
  pointerOf,
  type WasmBackend,
  type WasmModule,
  withScratch,
} from './instance';

/** Pixels that the kernels treat together; `TILE` of assembly/gemm.ts. */
const tile = 64;

const numbersOf = ({ kh, kw, o, oh, ow, sh, sw, dh, dw, top, left }: ConvNumbers) =>
  [kh, kw, o, [oh, ow, sh, sw, dh, dw, top, left]] as const;

export const conv2d: FastKernel = ({ x, filter }, attributes, backend: WasmBackend) =>
  forward(x, filter, attributes, backend);

export const fusedConv2d: FastKernel = ({ x, filter, bias }, attributes, backend: WasmBackend) => {
  const clamp = clampOf(attributes.activation);
  if (!clamp || !allFloat32(bias) || (bias && bias.shape.length !== 1)) return undefined;
  const out = forward(x, filter, attributes, backend);
  if (out) addBias(out, bias, clamp, backend);
  return out;
};

/** Adds a bias along the last axis and clamps, in place. */
export function addBias(
  out: tf.TensorInfo,
  bias: tf.TensorInfo | null | undefined,
  [low, high]: readonly [number, number],
  backend: WasmBackend,
): void {
  if (!bias && low === -Infinity) return;
  const columns = out.shape[out.shape.length - 1]!;
  const rows = out.shape.reduce((product, size) => product * size, 1) / Math.max(1, columns);
  const pointer = bias ? pointerOf(backend, bias) : 0;
  moduleFor(backend)!.exports.addBias(pointerOf(backend, out), pointer, rows, columns, low, high);
}

function forward(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  attributes: Parameters<typeof convNumbers>[2],
  backend: WasmBackend,
): tf.TensorInfo | undefined {
  const module = moduleFor(backend);
  // On several threads XNNPACK's convolution is the faster one.
  if (!module || module.threads > 1 || !allFloat32(x, filter)) return undefined;
  const conv = convNumbers(x.shape, filter.shape, attributes);
  if (!conv) return undefined;
  const { n, h, w, c, o } = conv;
  const [kh, kw, , rest] = numbersOf(conv);
  const taps = kh * kw;
  const out = backend.makeOutput(conv.outShape, 'float32');
  const { exports } = module;
  withScratch(backend, [packedBytes(taps * c, o), exports.convScratch(taps, tile, c)], (panels, scratch) => {
    exports.pack(pointerOf(backend, filter), panels!, taps, c, o, c * o, o, 1);
    const input = pointerOf(backend, x);
    exports.conv2d(input, n, h, w, c, panels!, kh, kw, o, pointerOf(backend, out), ...rest, scratch!);
  });
  return out;
}

export const conv2dBackpropInput: FastKernel = ({ dy, filter }, attributes, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(dy, filter)) return undefined;
  const conv = convNumbers(attributes.inputShape, filter.shape, attributes);
  if (!conv) return undefined;
  const { n, h, w, c, o } = conv;
  const [kh, kw, , rest] = numbersOf(conv);
  const taps = kh * kw;
  const dx = backend.makeOutput(attributes.inputShape, 'float32');
  const { exports } = module;
  withScratch(backend, [packedBytes(taps * o, c), exports.convScratch(taps, tile, o)], (panels, scratch) => {
    exports.pack(pointerOf(backend, filter), panels!, taps, o, c, c * o, 1, o);
    const from = pointerOf(backend, dy);
    exports.conv2dBackpropInput(
      from,
      ...[n, h, w, c, panels!, kh, kw, o],
      pointerOf(backend, dx),
      ...rest,
      scratch!,
    );
  });
  return dx;
};

export const conv2dBackpropFilter: FastKernel = ({ x, dy }, attributes, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(x, dy)) return undefined;
  const conv = convNumbers(x.shape, attributes.filterShape, attributes);
  if (!conv || dy.shape.includes(0)) return undefined;
  return filterGradient(x, dy, attributes.filterShape, conv, module, backend);
};

function filterGradient(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  filterShape: number[],
  conv: ConvNumbers,
  { exports }: WasmModule,
  backend: WasmBackend,
): tf.TensorInfo {
  const { n, h, w, c, o, oh, ow, sw } = conv;
  const [kh, kw, , rest] = numbersOf(conv);
  const positions = n * oh * ow;
  const dfilter = backend.makeOutput(filterShape, 'float32');
  const sizes = [n * h * w * c * 4, packedBytes(positions, o), exports.filterScratch(ow, c)];
  withScratch(backend, sizes, (transposed, panels, scratch) => {
    exports.transposeImage(pointerOf(backend, x), transposed!, n * h, w, c, sw);
    exports.pack(pointerOf(backend, dy), panels!, 1, positions, o, 0, o, 1);
    exports.conv2dBackpropFilter(
      transposed!,
      ...[n, h, w, c, panels!, kh, kw, o],
      pointerOf(backend, dfilter),
      ...rest,
      scratch!,
    );
  });
  return dfilter;
}
