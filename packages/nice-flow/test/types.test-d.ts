import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { expectTypeOf, it } from 'vitest';
import { maf } from '../src/autoregressive/index';
import { importZuko } from '../src/import/index';
import {
  type Bijector,
  type BijectorCheck,
  checkBijector,
  defineBijector,
  type FitResult,
  Flow,
  fit,
  glow,
  nice,
  quantize,
  scaling,
} from '../src/index';
import { rationalQuadraticSpline, splineCoupling, splineFlow } from '../src/splines/index';

it('models are flows, and flows give tensors', () => {
  const flow = nice({ preset: 'mnist', key: key(0) });
  expectTypeOf(flow).toEqualTypeOf<Flow>();
  expectTypeOf(flow.logProb(tf.zeros([1, 784]))).toEqualTypeOf<tf.Tensor1D>();
  expectTypeOf(flow.sample(1, { key: key(0) })).toEqualTypeOf<tf.Tensor>();
  expectTypeOf(fit(flow, new Uint8Array(784), { key: key(0), steps: 1 })).toEqualTypeOf<Promise<FitResult>>();
  expectTypeOf(quantize([0], { levels: 2 })).toEqualTypeOf<Uint8Array | Int32Array>();
  // @ts-expect-error no such preset
  nice({ preset: 'fashion', key: key(0) });
  // @ts-expect-error randomness is always asked for
  flow.sample(1, {});
  // @ts-expect-error a key is needed
  glow({ shape: [4, 4, 1] });
});

it('layers of your own are checked like ours', () => {
  const own = defineBijector({
    name: 'own',
    forward: (x) => ({ z: x, logDet: 0 }),
    inverse: (z) => ({ x: z, logDet: 0 }),
  });
  expectTypeOf(own).toEqualTypeOf<Bijector>();
  expectTypeOf(checkBijector(scaling(), tf.zeros([1, 1]))).toEqualTypeOf<Promise<BijectorCheck>>();
  // @ts-expect-error the log-determinant is missing
  defineBijector({ name: 'bad', forward: (x) => ({ z: x }), inverse: (z) => ({ x: z, logDet: 0 }) });
  // @ts-expect-error masks are a closed list of words, or arrays
  new Flow({ bijector: scaling(), base: 'gaussian', shape: [1], key: key(0) });
});

it('spline flows and imported flows are flows; a spline gives a value and a slope', () => {
  expectTypeOf(splineFlow({ shape: [2], key: key(0), circular: true })).toEqualTypeOf<Flow>();
  expectTypeOf(maf({ shape: [2], key: key(0), kind: 'iaf' })).toEqualTypeOf<Flow>();
  expectTypeOf(importZuko).returns.toEqualTypeOf<Flow>();
  expectTypeOf(rationalQuadraticSpline).returns.toEqualTypeOf<{ value: tf.Tensor; logSlope: tf.Tensor }>();
  // @ts-expect-error tails are of three kinds
  splineCoupling({ net: (x) => x, tails: 'none' });
  // @ts-expect-error a posterior needs its key
  splineFlow({ shape: [2], contextSize: 1 });
});
