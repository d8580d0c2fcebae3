/** Maps as plain arrays. */
import { checkOneOf, DTypeError, formatShape, formatValue, ShapeError, sizeOf } from '@tfkit/core';
import type { Size3 } from '../edges';

/** A map on plain arrays, as an `ort.Tensor` is one: row-major float32 and its lengths. */
export interface TypedMap {
  readonly data: Float32Array;
  /** [batch, channels, ...spatial], or [batch, ...spatial, channels] with the layout 'NHWC'; 1 to 3 spatial axes. */
  readonly dims: readonly number[];
}

export interface TypedOptions {
  /** Default 'NCHW', as in ONNX. */
  readonly layout?: 'NCHW' | 'NHWC';
}

/** A map for the loops: 'NCHW' counts every channel as an image of one channel. */
export interface LoopMap {
  readonly data: Float32Array;
  readonly images: number;
  readonly size: Size3;
  readonly channels: number;
  readonly dims: number;
  /** The dims of a result with these bins along the spatial axes. */
  dimsWith(bins: readonly number[]): number[];
}

export function loopMap(functionName: string, x: TypedMap, { layout = 'NCHW' }: TypedOptions): LoopMap {
  checkOneOf([functionName, 'layout'], layout, ['NCHW', 'NHWC']);
  const { data, dims } = x ?? {};
  if (!(data instanceof Float32Array)) {
    throw new DTypeError(`${functionName}: x.data must be a Float32Array, got ${formatValue(data)}.`);
  }
  if (!Array.isArray(dims) || dims.length < 3 || dims.length > 5) {
    throw new ShapeError(`${functionName}: x.dims must have 3, 4 or 5 sizes, got ${formatValue(dims)}.`);
  }
  const first = layout === 'NCHW';
  const spatial = first ? dims.slice(2) : dims.slice(1, -1);
  if (sizeOf(dims) !== data.length || spatial.some((length) => length < 1)) {
    throw new ShapeError(
      `${functionName}: x.dims must be the sizes of ${data.length} numbers, got ${formatShape(dims)}.`,
    );
  }
  const batch = dims[0]!;
  const channels = first ? dims[1]! : dims[dims.length - 1]!;
  return {
    data,
    images: first ? batch * channels : batch,
    channels: first ? 1 : channels,
    size: [...new Array<number>(3 - spatial.length).fill(1), ...spatial] as unknown as Size3,
    dims: spatial.length,
    dimsWith: (bins) => (first ? [batch, channels, ...bins] : [batch, ...bins, channels]),
  };
}
