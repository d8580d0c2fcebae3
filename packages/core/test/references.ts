/** Slow, plain float64 convolutions: the tests' source of truth. */

export interface ConvCase {
  x: [n: number, h: number, w: number, c: number];
  filter: [kh: number, kw: number, c: number, out: number];
  stride: number;
  dilation: number;
  pad: 'same' | 'valid';
}

interface Geometry {
  out: number;
  before: number;
}

/** TensorFlow's rule for one axis. */
export function geometry(size: number, kernel: number, { stride, dilation, pad }: ConvCase): Geometry {
  const extent = dilation * (kernel - 1) + 1;
  if (pad === 'valid') return { out: Math.floor((size - extent) / stride) + 1, before: 0 };
  const out = Math.ceil(size / stride);
  return { out, before: Math.floor(Math.max(0, (out - 1) * stride + extent - size) / 2) };
}

/** conv2d, NHWC, filter [kh, kw, c, out]. */
export function conv2d(x: Float64Array, filter: Float64Array, c: ConvCase): Float64Array {
  return convolve(x, filter, c, false);
}

/** depthwiseConv2d, filter [kh, kw, c, m], output channel c * m + k. */
export function depthwiseConv2d(x: Float64Array, filter: Float64Array, c: ConvCase): Float64Array {
  return convolve(x, filter, c, true);
}

function convolve(x: Float64Array, filter: Float64Array, c: ConvCase, depthwise: boolean): Float64Array {
  const [n, h, w, cIn] = c.x;
  const [kh, kw, , m] = c.filter;
  const rows = geometry(h, kh, c);
  const columns = geometry(w, kw, c);
  const cOut = depthwise ? cIn * m : m;
  const y = new Float64Array(n * rows.out * columns.out * cOut);
  for (let b = 0; b < n; b++) {
    for (let r = 0; r < rows.out; r++) {
      for (let q = 0; q < columns.out; q++) {
        const to = ((b * rows.out + r) * columns.out + q) * cOut;
        for (let i = 0; i < kh; i++) {
          const row = r * c.stride + i * c.dilation - rows.before;
          if (row < 0 || row >= h) continue;
          for (let j = 0; j < kw; j++) {
            const column = q * c.stride + j * c.dilation - columns.before;
            if (column < 0 || column >= w) continue;
            for (let k = 0; k < cIn; k++) {
              const value = x[((b * h + row) * w + column) * cIn + k]!;
              for (let o = 0; o < m; o++) {
                y[to + (depthwise ? k * m + o : o)]! += value * filter[((i * kw + j) * cIn + k) * m + o]!;
              }
            }
          }
        }
      }
    }
  }
  return y;
}

/** The gradients of `conv2d` for dy. */
export function convGradients(
  x: Float64Array,
  filter: Float64Array,
  dy: Float64Array,
  c: ConvCase,
): { x: Float64Array; filter: Float64Array } {
  return vectorJacobian(x, filter, dy, c, false);
}

/** The gradients of `depthwiseConv2d` for dy. */
export function depthwiseGradients(
  x: Float64Array,
  filter: Float64Array,
  dy: Float64Array,
  c: ConvCase,
): { x: Float64Array; filter: Float64Array } {
  return vectorJacobian(x, filter, dy, c, true);
}

function vectorJacobian(
  x: Float64Array,
  filter: Float64Array,
  dy: Float64Array,
  c: ConvCase,
  depthwise: boolean,
): { x: Float64Array; filter: Float64Array } {
  const [n, h, w, cIn] = c.x;
  const [kh, kw, , m] = c.filter;
  const rows = geometry(h, kh, c);
  const columns = geometry(w, kw, c);
  const cOut = depthwise ? cIn * m : m;
  const dx = new Float64Array(x.length);
  const dFilter = new Float64Array(filter.length);
  for (let at = 0; at < n * rows.out * columns.out; at++) {
    const b = Math.floor(at / (rows.out * columns.out));
    const r = Math.floor(at / columns.out) % rows.out;
    const q = at % columns.out;
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        const row = r * c.stride + i * c.dilation - rows.before;
        const column = q * c.stride + j * c.dilation - columns.before;
        if (row < 0 || row >= h || column < 0 || column >= w) continue;
        for (let k = 0; k < cIn; k++) {
          for (let o = 0; o < m; o++) {
            const xAt = ((b * h + row) * w + column) * cIn + k;
            const filterAt = ((i * kw + j) * cIn + k) * m + o;
            const value = dy[at * cOut + (depthwise ? k * m + o : o)]!;
            dx[xAt]! += value * filter[filterAt]!;
            dFilter[filterAt]! += value * x[xAt]!;
          }
        }
      }
    }
  }
  return { x: dx, filter: dFilter };
}
