import * as tf from '@tensorflow/tfjs-core';
import {
  describeBackends,
  expectGradient,
  expectNoLeak,
  seededTensor,
  seededUniform,
  valuesOf,
} from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { defineOp } from '../src/op';

const cube = defineOp({
  name: 'TestCube',
  forward: ({ x }: { x: tf.Tensor }) => tf.mul(x, tf.mul(x, x)),
  gradient: (dy, { inputs: { x } }) => ({ x: () => tf.mul(dy, tf.mul(3, tf.mul(x, x))) }),
});

describeBackends('defineOp', (backend) => {
  it('runs the composition, with first and second derivatives', async () => {
    await expectGradient({
      op: (x) => cube({ x: x as tf.Tensor }, {}),
      reference: (x) => x!.map((v) => v ** 3),
      inputs: [{ shape: [2, 3], data: seededUniform(1, 6) }],
    });
    const second = tf.grad((x) => tf.sum(tf.grad((z) => cube({ x: z }, {}))(x)));
    const x = tf.tensor1d([1, -2, 0.5]);
    expect(await valuesOf(second(x))).toBeAllclose({ shape: [3], data: [6, -12, 3] });
  });

  it('runs a kernel registered under its name instead, and drops it when it is unregistered', async () => {
    let calls = 0;
    tf.registerKernel({
      kernelName: 'TestCube',
      backendName: backend,
      kernelFunc: ({ inputs }) => {
        calls++;
        return tf.tidy(() => tf.pow(inputs.x as tf.Tensor, 3));
      },
    });
    const x = tf.tensor1d([2, 3]);
    expect(await valuesOf(cube({ x }, {}))).toBeAllclose({ shape: [2], data: [8, 27] }, { rtol: 1e-4 });
    tf.unregisterKernel('TestCube', backend);
    cube({ x }, {});
    expect(calls).toBe(1);
  });

  it('hands a gradient what comes in on every output that it gave', async () => {
    const both = defineOp({
      name: 'TestBoth',
      forward: ({ x }: { x: tf.Tensor }) => [tf.mul(x, 2), tf.square(x)] as const,
      gradient: (dy, { inputs: { x } }, _, dys) => ({
        x: () => tf.add(tf.mul(dy, 2), dys[1] ? tf.mul(dys[1], tf.mul(2, x)) : 0),
      }),
    });
    const x = tf.tensor1d([3, -1]);
    const ofAll = tf.grad((z: tf.Tensor) => {
      const [twice, squared] = both.all({ x: z }, {});
      return tf.add(twice, tf.mul(squared!, 10));
    })(x);
    expect(await valuesOf(ofAll)).toBeAllclose({ shape: [2], data: [62, -18] });
    const ofFirst = tf.grad((z: tf.Tensor) => both({ x: z }, {}))(x);
    expect(await valuesOf(ofFirst)).toBeAllclose({ shape: [2], data: [2, 2] });
  });

  it('runs only the gradients that are asked for', () => {
    const asked: string[] = [];
    const product = defineOp({
      name: 'TestProduct',
      forward: ({ a, b }: { a: tf.Tensor; b: tf.Tensor }) => tf.mul(a, b),
      gradient: (dy, { inputs: { a, b } }) => ({
        a: () => {
          asked.push('a');
          return tf.mul(dy, b);
        },
        b: () => {
          asked.push('b');
          return tf.mul(dy, a);
        },
      }),
    });
    const b = tf.tensor1d([3]);
    tf.grad((a) => product({ a, b }, {}))(tf.tensor1d([2]));
    expect(asked).toEqual(['a']);
  });

  it('leaks nothing', async () => {
    const x = seededTensor(1, [4]);
    await expectNoLeak(() => cube({ x }, {}).dispose());
    await expectNoLeak(() =>
      tf
        .grad((z) => cube({ x: z }, {}))(x)
        .dispose(),
    );
  });
});
