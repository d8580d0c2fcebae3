/** Slow, plain float64 convolutions, running sums and einsum: the tests' source of truth. */

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

export const size = (shape: number[]) => shape.reduce((product, dimension) => product * dimension, 1);

/** The running sum along an axis of a row-major array. */
export function cumsum(
  x: Float64Array,
  shape: number[],
  axis: number,
  exclusive: boolean,
  reverse: boolean,
): Float64Array {
  const length = shape[axis]!;
  const inner = size(shape.slice(axis + 1));
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += length * inner) {
    for (let lane = 0; lane < inner; lane++) {
      let sum = 0;
      for (let step = 0; step < length; step++) {
        const at = start + lane + (reverse ? length - 1 - step : step) * inner;
        if (exclusive) y[at] = sum;
        sum += x[at]!;
        if (!exclusive) y[at] = sum;
      }
    }
  }
  return y;
}

/** The sum over every assignment of all indices, term by term. */
export function einsum(equation: string, arrays: Float64Array[], shapes: number[][]): Float64Array {
  const [left, output] = equation.split('->') as [string, string];
  const operands = left.split(',');
  const sizes = new Map(
    operands.flatMap((indices, i) => [...indices].map((index, axis) => [index, shapes[i]![axis]!] as const)),
  );
  const indices = [...sizes.keys()];
  const y = new Float64Array(size([...output].map((index) => sizes.get(index)!)));
  const at = new Map<string, number>();
  const offset = (names: string) =>
    [...names].reduce((sum, index) => sum * sizes.get(index)! + at.get(index)!, 0);
  const visit = (depth: number): void => {
    if (depth === indices.length) {
      y[offset(output)]! += operands.reduce((product, names, i) => product * arrays[i]![offset(names)]!, 1);
      return;
    }
    for (let value = 0; value < sizes.get(indices[depth]!)!; value++) {
      at.set(indices[depth]!, value);
      visit(depth + 1);
    }
  };
  visit(0);
  return y;
}
