/**
 * Maxima of bins and of sliding windows, with the cells they come from. The gradient of a maximum goes to its cell alone,
 * the first in row-major order of equal ones, on every backend.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp, type Op } from '@tfkit/core/tfjs';
import type { PlannedLevel } from '../bins';
import * as shaders from '../kernels/shaders/maxima';
import * as tensorflow from '../kernels/tensorflow';
import * as wasm from '../kernels/wasm';
import * as loops from '../loops/binMax';
import { binMaxValues } from '../loops/binMaxValues';
import type { MapShape } from '../loops/geometry';
import { slidingMax as slidingLoop } from '../loops/slidingMax';
import { floats, ints } from './host';

export type BinMaxInputs = {
  /** float32 [images, depth, rows, columns, channels]. */
  x: tf.Tensor;
  /** int32 [regions, bins, 7]: image, then [start, end) along depth, rows, columns, inside the map. */
  edges: tf.Tensor;
  /** int32 [regions]: the image of each. */
  images: tf.Tensor;
};

export type BinMaxAttributes = {
  readonly plan: readonly PlannedLevel[];
  /** The regions are the images, whole and in order. */
  readonly whole: boolean;
  /** False lets a kernel leave out the cells. */
  readonly cells: boolean;
};

export type ScatterAttributes = {
  readonly images: number;
  readonly cellCount: number;
  /** Where a gather-like kernel has to look for a cell's bins: in the cell's own image, or near it. */
  readonly whole: boolean;
  readonly window?: { readonly height: number; readonly width: number; readonly radius: number };
};

type ScatterInputs = { dy: tf.Tensor; found: tf.Tensor; images: tf.Tensor };
type GatherInputs = { x: tf.Tensor; found: tf.Tensor; images: tf.Tensor };

const scatterGeometry = ({ found }: { found: tf.Tensor }, { images, cellCount }: ScatterAttributes) => ({
  bins: found.shape[1]!,
  channels: found.shape[2]!,
  cellCount,
  images,
});

/** dx [images, cells, channels] of dy [regions, bins, channels]. */
export const scatter: Op<ScatterInputs, ScatterAttributes, tf.Tensor> = defineOp({
  name: 'SppScatter',
  forward: (inputs, attributes) => {
    const geometry = scatterGeometry(inputs, attributes);
    const dx = loops.scatter(floats(inputs.dy), ints(inputs.found), ints(inputs.images), geometry);
    return tf.tensor(dx, [attributes.images, attributes.cellCount, geometry.channels]);
  },
  kernels: {
    wasm: wasm.scatter,
    tensorflow: tensorflow.scatter,
    webgpu: shaders.webgpuScatter,
    webgl: shaders.webglScatter,
  },
  reads: ['found', 'images'],
  gradient: (dy, { inputs: { found, images } }, attributes) => ({
    dy: () => gather({ x: dy, found, images }, attributes),
  }),
});

/** The values [regions, bins, channels] of x [images, cells, channels] in the cells that were found. */
const gather: Op<GatherInputs, ScatterAttributes, tf.Tensor> = defineOp({
  name: 'SppGather',
  forward: (inputs, attributes) => {
    const values = loops.gather(
      floats(inputs.x),
      ints(inputs.found),
      ints(inputs.images),
      scatterGeometry(inputs, attributes),
    );
    return tf.tensor(values, inputs.found.shape);
  },
  kernels: { wasm: wasm.gather, webgpu: shaders.webgpuGather, webgl: shaders.webglGather },
  reads: ['found', 'images'],
  gradient: (dy, { inputs: { found, images } }, attributes) => ({
    x: () => scatter({ dy, found, images }, attributes),
  }),
});

/** Maxima [regions, bins, channels]; beside them the cells, int32 of the same shape, unless they are not asked for. */
export const binMax = defineOp<BinMaxInputs, BinMaxAttributes>({
  name: 'SppBinMax',
  forward: ({ x, edges }, { plan, cells }) => {
    const [regions, bins] = edges.shape as [number, number];
    const shape = x.shape as unknown as MapShape;
    const geometry = { shape, regions, bins, plan };
    const outShape = [regions, bins, shape[4]];
    if (!cells) return tf.tensor(binMaxValues(floats(x), ints(edges), geometry), outShape);
    const found = loops.binMax(floats(x), ints(edges), geometry);
    return [tf.tensor(found.values, outShape), tf.tensor(found.cells, outShape, 'int32')];
  },
  kernels: {
    wasm: wasm.binMax,
    tensorflow: tensorflow.binMax,
    webgpu: shaders.webgpuBinMax,
    webgl: shaders.webglBinMax,
  },
  reads: ['images'],
  gradient: (dy, { inputs: { x, images }, rest: [found] }, { whole }) => ({
    x: () => {
      const [count, depth, height, width] = x.shape as unknown as MapShape;
      const dx = scatter(
        { dy, found: found!, images },
        { images: count, cellCount: depth * height * width, whole },
      );
      return tf.reshape(dx, x.shape);
    },
  }),
});

/** Maxima [images, rows, columns, channels] over windows of 2 radius + 1 cells around every cell. */
export const slidingMax = defineOp<{ x: tf.Tensor }, { readonly radius: number }>({
  name: 'SppSlidingMax',
  forward: ({ x }, { radius }) => {
    const { values, cells } = slidingLoop(floats(x), x.shape as [number, number, number, number], radius);
    return [tf.tensor(values, x.shape), tf.tensor(cells, x.shape, 'int32')];
  },
  kernels: {
    wasm: wasm.slidingMax,
    tensorflow: tensorflow.slidingMax,
    webgpu: shaders.webgpuSlidingMax,
    webgl: shaders.webglSlidingMax,
  },
  reads: [],
  // `found` is the cells, or on tensorflow the map, whose own gradient finds them again.
  gradient: (dy, { inputs: { x }, output, rest: [found] }, { radius }) => ({
    x: () => {
      if (found!.dtype === 'float32') return tensorflow.slidingMaxGradient(dy, found!, output, radius);
      const [images, height, width, channels] = x.shape as [number, number, number, number];
      const flat = [images, height * width, channels];
      const dx = scatter(
        {
          dy: tf.reshape(dy, flat),
          found: tf.reshape(found!, flat),
          images: tf.tensor1d(
            Int32Array.from({ length: images }, (_, i) => i),
            'int32',
          ),
        },
        { images, cellCount: height * width, whole: true, window: { height, width, radius } },
      );
      return tf.reshape(dx, x.shape);
    },
  }),
});
