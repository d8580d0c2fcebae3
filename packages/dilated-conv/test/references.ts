/** A slow, plain float64 convolution in any number of dimensions: the tests' source of truth. */

export interface ReferenceCase {
  /** [batch, ...sizes, channels]. */
  readonly x: number[];
  /** [...taps, channels / groups, outputs]; depthwise: [...taps, channels, multiplier]. */
  readonly filter: number[];
  readonly strides: number[];
  readonly dilations: number[];
  /** [before, after] an axis. */
  readonly padding: readonly (readonly [number, number])[];
  readonly groups?: number;
  readonly depthwise?: boolean;
}

export const size = (shape: readonly number[]) =>
  shape.reduce((product, dimension) => product * dimension, 1);

export function outputShape(c: ReferenceCase): number[] {
  const spatial = c.x.slice(1, -1).map((length, axis) => {
    const extent = (c.filter[axis]! - 1) * c.dilations[axis]! + 1;
    const [before, after] = c.padding[axis]!;
    return Math.floor((length + before + after - extent) / c.strides[axis]!) + 1;
  });
  const [inner, outer] = c.filter.slice(-2) as [number, number];
  return [c.x[0]!, ...spatial, c.depthwise ? inner * outer : outer];
}

/** All index tuples of a shape. */
function* indices(shape: readonly number[]): Generator<number[]> {
  const index = shape.map(() => 0);
  const total = size(shape);
  for (let count = 0; count < total; count++) {
    yield [...index];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
}

const flat = (shape: readonly number[], index: readonly number[]) =>
  index.reduce((sum, position, axis) => sum * shape[axis]! + position, 0);

/** The convolution, or with `transposed` its transpose applied to an array of the output's shape. */
export function convolve(
  input: Float64Array,
  filter: Float64Array,
  c: ReferenceCase,
  transposed = false,
): Float64Array {
  const { groups = 1, depthwise = false } = c;
  const out = outputShape(c);
  const result = new Float64Array(size(transposed ? c.x : out));
  const [inner, outer] = c.filter.slice(-2) as [number, number];
  for (const to of indices(out)) {
    const output = to.at(-1)!;
    for (const tap of indices(c.filter.slice(0, -2))) {
      const position = tap.map(
        (a, axis) => to[axis + 1]! * c.strides[axis]! + a * c.dilations[axis]! - c.padding[axis]![0],
      );
      if (position.some((p, axis) => p < 0 || p >= c.x[axis + 1]!)) continue;
      const group = Math.floor(output / (outer / groups));
      const channels = depthwise ? [Math.floor(output / outer)] : Array.from({ length: inner }, (_, i) => i);
      for (const channel of channels) {
        const weight =
          filter[flat(c.filter, depthwise ? [...tap, channel, output % outer] : [...tap, channel, output])]!;
        const from = flat(c.x, [to[0]!, ...position, depthwise ? channel : group * inner + channel]);
        if (transposed) result[from]! += weight * input[flat(out, to)]!;
        else result[flat(out, to)]! += weight * input[from]!;
      }
    }
  }
  return result;
}

/** 'same', 'valid' and 'causal' as zeros, written down once more. */
export function zeros(
  rule: string,
  length: number,
  taps: number,
  stride: number,
  dilation: number,
): [number, number] {
  const extent = (taps - 1) * dilation;
  if (rule === 'valid') return [0, 0];
  if (rule === 'causal') return [extent, 0];
  const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + extent + 1 - length);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}
