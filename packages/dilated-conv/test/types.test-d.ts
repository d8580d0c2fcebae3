import type * as tf from '@tensorflow/tfjs-core';
import { expectTypeOf, it } from 'vitest';
import {
  type CausalStream,
  coverage,
  dilatedConv1d,
  dilatedConv2d,
  dilatedConv3d,
  duc,
  fromTorchFilter,
  hitsMap,
  tcnStream,
} from '../src/index';
import { Aspp, analyzeModel, type LayerView, Tcn } from '../src/layers';

declare const x1: tf.Tensor3D;
declare const x2: tf.Tensor4D;
declare const x3: tf.Tensor5D;

it('ops keep the rank, and take the words of the paddings', () => {
  expectTypeOf(dilatedConv1d(x1, x1, { padding: 'causal' })).toEqualTypeOf<tf.Tensor3D>();
  expectTypeOf(
    dilatedConv2d(x2, x2, { padding: ['causal', [1, 2]], strides: [1, 2] }),
  ).toEqualTypeOf<tf.Tensor4D>();
  expectTypeOf(dilatedConv3d(x3, x3, { padding: 3 })).toEqualTypeOf<tf.Tensor5D>();
  expectTypeOf(fromTorchFilter(x2)).toEqualTypeOf<tf.Tensor4D>();
  // @ts-expect-error a filter of another rank
  dilatedConv2d(x2, x1);
  // @ts-expect-error no such padding
  dilatedConv2d(x2, x2, { padding: 'full' });
  // @ts-expect-error the option is called dilationRate
  dilatedConv2d(x2, x2, { dilation: 2 });
  // @ts-expect-error the factor is needed
  duc(x2, { kernel: x2 }, {});
});

it('tools give numbers, streams are theirs', () => {
  expectTypeOf(hitsMap([1, 2])).toEqualTypeOf<Float64Array>();
  expectTypeOf(coverage([1]).holes).toEqualTypeOf<readonly number[]>();
  expectTypeOf(tcnStream({ blocks: [] })).toEqualTypeOf<CausalStream>();
});

it('layers say what they need', () => {
  new Aspp({ filters: 4, version: 'v3+' });
  expectTypeOf(new Tcn({ filters: 2 }).stream()).toEqualTypeOf<CausalStream>();
  expectTypeOf(analyzeModel).returns.toEqualTypeOf<LayerView[]>();
  // @ts-expect-error filters is needed
  new Aspp({ rates: [1] });
  // @ts-expect-error no such version
  new Aspp({ filters: 1, version: 'v4' });
});
