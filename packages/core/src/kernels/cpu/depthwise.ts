/** The gradients of depthwise convolutions on the cpu backend; output channel c * m + k belongs to channel c. */
import { convNumbers } from '../convInfo';
import { type FastKernel, sizeOf } from '../fast';
import { type CpuBackend, floatsOf } from './data';

export const depthwiseBackpropInput: FastKernel = (inputs, attributes, backend: CpuBackend) => {
  const { inputShape } = attributes;
  const conv = convNumbers(inputShape, inputs.filter.shape, attributes, true);
  const [dy, filter] = [floatsOf(backend, inputs.dy), floatsOf(backend, inputs.filter)];
  if (!conv || !dy || !filter) return undefined;
  const dx = new Float32Array(sizeOf(inputShape));
  const m = inputs.filter.shape[3];
  visit(conv, (xAt, dyAt, filterAt) => {
    for (let q = 0; q < conv.c * m; q++)
      dx[xAt + Math.floor(q / m)]! += dy[dyAt + q]! * filter[filterAt + q]!;
  });
  return backend.makeTensorInfo(inputShape, 'float32', dx);
};

export const depthwiseBackpropFilter: FastKernel = (inputs, attributes, backend: CpuBackend) => {
  const { filterShape } = attributes;
  const conv = convNumbers(inputs.x.shape, filterShape, attributes, true);
  const [x, dy] = [floatsOf(backend, inputs.x), floatsOf(backend, inputs.dy)];
  if (!conv || !x || !dy) return undefined;
  // float64, since each number is a sum over all positions.
  const sums = new Float64Array(sizeOf(filterShape));
  const m = filterShape[3];
  visit(conv, (xAt, dyAt, filterAt) => {
    for (let q = 0; q < conv.c * m; q++) sums[filterAt + q]! += x[xAt + Math.floor(q / m)]! * dy[dyAt + q]!;
  });
  return backend.makeTensorInfo(filterShape, 'float32', Float32Array.from(sums));
};

/** Calls back with the offsets of an input pixel, an output pixel and the tap that joins them. */
function visit(
  { n, h, w, c, kh, kw, o, oh, ow, sh, sw, dh, dw, top, left }: NonNullable<ReturnType<typeof convNumbers>>,
  meet: (xAt: number, dyAt: number, filterAt: number) => void,
): void {
  for (let line = 0; line < n * oh; line++) {
    const b = Math.floor(line / oh);
    for (let ky = 0; ky < kh; ky++) {
      const iy = (line - b * oh) * sh - top + ky * dh;
      if (iy < 0 || iy >= h) continue;
      for (let kx = 0; kx < kw; kx++) {
        for (let ox = 0; ox < ow; ox++) {
          const ix = ox * sw - left + kx * dw;
          if (ix < 0 || ix >= w) continue;
          meet(((b * h + iy) * w + ix) * c, (line * ow + ox) * o, (ky * kw + kx) * o);
        }
      }
    }
  }
}
