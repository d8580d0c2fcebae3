import { checkOneOf, formatValue, OptionError, ShapeError, sizeOf } from '@tfkit/core';
import { binsOf } from '../bins';
import { resizeWeights } from '../weights';
import { type LoopMap, loopMap, type TypedMap, type TypedOptions } from './map';
import { alongAxes, averages } from './pools';

/** A 1x1 convolution: the kernel [out, channels] with the layout 'NCHW' (PyTorch, ONNX), [channels, out] with 'NHWC'. */
export interface TypedConvWeights {
  readonly kernel: Float32Array;
  /** [out]. Default none. */
  readonly bias?: Float32Array;
}

export interface TypedPyramidPoolingOptions extends TypedOptions {
  /** Default [1, 2, 3, 6]. */
  readonly bins?: readonly number[];
  /** Corners on corners rather than half-pixel centres. Default false. */
  readonly alignCorners?: boolean;
  /** Default 'relu'. */
  readonly activation?: 'relu' | 'linear';
}

/**
 * The map and its averages over each number of bins, after a 1x1 convolution and bilinear resizing, along the channels.
 *
 * @param x Float32Array `data` with `dims` of two spatial axes, see `TypedMap`.
 * @param weights one convolution for each of bins, in their order.
 * @throws DTypeError, ShapeError, OptionError.
 *
 * Source: Zhao et al., Pyramid Scene Parsing Network, CVPR 2017 (arXiv:1612.01105).
 */
export function pyramidPoolingModule(
  x: TypedMap,
  weights: readonly TypedConvWeights[],
  options: TypedPyramidPoolingOptions = {},
): TypedMap {
  const { bins = [1, 2, 3, 6], alignCorners = false, activation = 'relu', layout = 'NCHW' } = options;
  checkOneOf(['pyramidPoolingModule', 'activation'], activation, ['relu', 'linear']);
  const map = loopMap('pyramidPoolingModule', x, options);
  if (map.dims !== 2) {
    throw new ShapeError(`pyramidPoolingModule: x.dims must have 4 sizes, got ${x.dims.length}.`);
  }
  if (weights.length !== bins.length) {
    throw new OptionError(
      `pyramidPoolingModule: weights must be one convolution for each of bins ${formatValue(bins)}, got ${weights.length}.`,
    );
  }
  const batch = x.dims[0]!;
  const channels = layout === 'NCHW' ? x.dims[1]! : map.channels;
  const parts = bins.map((n, i) => {
    const level = binsOf('pyramidPoolingModule', `bins[${i}]`, n, 2);
    const out = weights[i]!.kernel.length / channels;
    if (!Number.isInteger(out) || out < 1) {
      throw new ShapeError(
        `pyramidPoolingModule: weights[${i}].kernel must hold a multiple of ${channels} numbers, got ${weights[i]!.kernel.length}.`,
      );
    }
    const pooled = averages(map, level);
    const convolved = convolve(pooled, weights[i]!, {
      batch,
      channels,
      out,
      cells: n * n,
      layout,
      activation,
    });
    return { out, data: resized(convolved, n, out, map, batch, layout, alignCorners) };
  });
  const all = [{ out: channels, data: x.data }, ...parts];
  const total = all.reduce((sum, { out }) => sum + out, 0);
  const cells = sizeOf(map.size);
  const [outer, inner] = layout === 'NCHW' ? [batch, cells] : [batch * cells, 1];
  const data = new Float32Array(batch * cells * total);
  let first = 0;
  for (const part of all) {
    const length = part.out * inner;
    for (let o = 0; o < outer; o++) {
      data.set(part.data.subarray(o * length, (o + 1) * length), o * total * inner + first);
    }
    first += length;
  }
  const [, height, width] = map.size;
  return { data, dims: layout === 'NCHW' ? [batch, total, height, width] : [batch, height, width, total] };
}

interface Convolution {
  readonly batch: number;
  readonly channels: number;
  readonly out: number;
  readonly cells: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly activation: 'relu' | 'linear';
}

function convolve(x: Float32Array, { kernel, bias }: TypedConvWeights, shape: Convolution): Float32Array {
  const { batch, channels, out, cells, layout, activation } = shape;
  const first = layout === 'NCHW';
  const y = new Float32Array(batch * out * cells);
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < out; o++) {
      for (let cell = 0; cell < cells; cell++) {
        let sum = bias?.[o] ?? 0;
        for (let c = 0; c < channels; c++) {
          const from = first ? (n * channels + c) * cells + cell : (n * cells + cell) * channels + c;
          sum += x[from]! * kernel[first ? o * channels + c : c * out + o]!;
        }
        y[first ? (n * out + o) * cells + cell : (n * cells + cell) * out + o] =
          activation === 'relu' ? Math.max(0, sum) : sum;
      }
    }
  }
  return y;
}

function resized(
  y: Float32Array,
  n: number,
  out: number,
  { size: [, height, width] }: LoopMap,
  batch: number,
  layout: 'NCHW' | 'NHWC',
  alignCorners: boolean,
): Float32Array {
  const shape = layout === 'NCHW' ? ([batch * out, n, n, 1] as const) : ([batch, n, n, out] as const);
  return alongAxes(y, shape, resizeWeights(height, n, alignCorners), resizeWeights(width, n, alignCorners));
}
