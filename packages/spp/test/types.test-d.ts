import type * as tf from '@tensorflow/tfjs-core';
import { expectTypeOf, it } from 'vitest';
import * as spp from '../src/index';
import type { TypedMap } from '../src/typed';
import { adaptiveMaxPool } from '../src/typed';

declare const map: tf.Tensor4D;
declare const sequence: tf.Tensor3D;

it('pools keep the rank of the map', () => {
  expectTypeOf(spp.adaptiveMaxPool2d).returns.toEqualTypeOf<tf.Tensor4D>();
  expectTypeOf(spp.adaptiveAvgPool1d).returns.toEqualTypeOf<tf.Tensor3D>();
  expectTypeOf(spp.adaptiveMaxPool3d).returns.toEqualTypeOf<tf.Tensor5D>();
  expectTypeOf(() => spp.adaptiveMaxPoolWithArgmax(map, 2)).returns.toEqualTypeOf<
    spp.MaxPoolResult<tf.Tensor4D>
  >();
  // @ts-expect-error a sequence is no map of two axes
  () => spp.adaptiveMaxPool2d(sequence, 2);
});

it('options are words and closed', () => {
  expectTypeOf(spp.spatialPyramidPool).returns.toEqualTypeOf<tf.Tensor2D>();
  expectTypeOf<spp.PoolMode>().toEqualTypeOf<'max' | 'avg'>();
  // @ts-expect-error 'mean' is no mode
  () => spp.spatialPyramidPool(map, { mode: 'mean' });
  // @ts-expect-error outputSize is needed
  () => spp.roiAlign(map, [[0, 0, 1, 1]], {});
});

it('boxes come back as they were given', () => {
  const options = { from: 'xyxy', to: 'yxyx' } as const;
  expectTypeOf(spp.convertBoxes([[0, 0, 1, 1]], options)).toEqualTypeOf<number[][]>();
  expectTypeOf(() => spp.convertBoxes(sequence as tf.Tensor, options)).returns.toEqualTypeOf<tf.Tensor2D>();
});

it('an ort.Tensor fits the typed path', () => {
  const ort = { data: new Float32Array(4), dims: [1, 1, 2, 2] as readonly number[], type: 'float32' };
  expectTypeOf(adaptiveMaxPool(ort, 1)).toEqualTypeOf<TypedMap>();
});
