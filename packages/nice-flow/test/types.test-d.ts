import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { expectTypeOf, it } from 'vitest';
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
