/** The gradients of depthwise convolutions on the wasm backend. */
import { convNumbers } from '../convInfo';
import { allFloat32, type FastKernel } from '../fast';
import { moduleFor, pointerOf, type WasmBackend, withScratch } from './instance';

export const depthwiseBackpropInput: FastKernel = ({ dy, filter }, attributes, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(dy, filter)) return undefined;
  const conv = convNumbers(attributes.inputShape, filter.shape, attributes, true);
  if (!conv) return undefined;
  const { n, h, w, c, kh, kw, o: q, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const { exports } = module;
  const dx = backend.makeOutput(attributes.inputShape, 'float32');
  const multiplier = filter.shape[3];
  const perOutput = multiplier === 1 ? 0 : n * h * w * q * 4;
  withScratch(backend, [kh * kw * 8, perOutput], (scratch, wide) => {
    const to = multiplier === 1 ? pointerOf(backend, dx) : wide!;
    const from = pointerOf(backend, dy);
    const weights = pointerOf(backend, filter);
    exports.depthwiseBackpropInput(
      ...[from, n, h, w, q, weights, kh, kw, to, oh, ow, sh, sw, dh, dw, top, left, scratch!],
    );
    if (multiplier !== 1) exports.sumAdjacent(to, pointerOf(backend, dx), n * h * w * c, multiplier);
  });
  return dx;
};

export const depthwiseBackpropFilter: FastKernel = ({ x, dy }, attributes, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(x, dy)) return undefined;
  const conv = convNumbers(x.shape, attributes.filterShape, attributes, true);
  if (!conv) return undefined;
  const { n, h, w, c, kh, kw, o: q, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const { exports } = module;
  const dfilter = backend.makeOutput(attributes.filterShape, 'float32');
  const multiplier = attributes.filterShape[3];
  withScratch(backend, [multiplier === 1 ? 0 : n * h * w * q * 4], (wide) => {
    let input = pointerOf(backend, x);
    if (multiplier !== 1) {
      exports.spread(input, wide!, n * h * w * c, multiplier);
      input = wide!;
    }
    const from = pointerOf(backend, dy);
    const to = pointerOf(backend, dfilter);
    exports.depthwiseBackpropFilter(
      ...[input, n, h, w, q, from, kh, kw, to, oh, ow, sh, sw, dh, dw, top, left],
    );
  });
  return dfilter;
};
