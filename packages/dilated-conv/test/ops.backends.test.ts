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
import {
  type DilatedConvOptions,
  dilatedConv1d,
  dilatedConv1dTranspose,
  dilatedConv2d,
  dilatedConv2dTranspose,
  dilatedConv3d,
  dilatedConv3dTranspose,
  dilatedDepthwiseConv1d,
  dilatedDepthwiseConv2d,
  fromTorchDepthwiseFilter,
  fromTorchFilter,
  type GroupedConvOptions,
} from '../src/index';
import { convolve, type ReferenceCase, size, zeros } from './references';

// biome-ignore lint/suspicious/noExplicitAny: ops of all ranks
type Convolution = (x: any, filter: any, options: any) => tf.Tensor;

const dense: Convolution[] = [dilatedConv1d, dilatedConv2d, dilatedConv3d];
const depthwise: Convolution[] = [dilatedDepthwiseConv1d, dilatedDepthwiseConv2d];
const transposed: Convolution[] = [dilatedConv1dTranspose, dilatedConv2dTranspose, dilatedConv3dTranspose];

interface Case extends GroupedConvOptions {
  readonly x: number[];
  readonly filter: number[];
}

const cases: Case[] = [
  { x: [2, 9, 2], filter: [3, 2, 3], dilationRate: 2, padding: 'causal' },
  { x: [1, 9, 2], filter: [2, 2, 1], dilationRate: 3, strides: 2, padding: 'same' },
  { x: [1, 7, 6, 2], filter: [3, 2, 2, 3], dilationRate: 2, strides: 2, padding: 'same' },
  { x: [1, 6, 7, 2], filter: [3, 3, 2, 2], dilationRate: [2, 1], strides: [1, 3], padding: 'causal' },
  { x: [2, 5, 5, 2], filter: [2, 3, 2, 2], dilationRate: [1, 2], padding: [[2, 0], 'same'] },
  { x: [1, 8, 9, 2], filter: [3, 3, 2, 2], dilationRate: 3, strides: 2, padding: 'valid' },
  { x: [1, 4, 4, 1], filter: [3, 3, 1, 2], dilationRate: 5, padding: 'same' },
  { x: [1, 6, 6, 4], filter: [3, 3, 2, 6], dilationRate: 2, padding: 'same', groups: 2 },
  { x: [1, 6, 6, 3], filter: [3, 3, 1, 6], dilationRate: 2, padding: 1, groups: 3 },
  { x: [1, 9, 4], filter: [3, 2, 2], dilationRate: 2, padding: 'causal', groups: 2 },
  { x: [1, 5, 4, 5, 2], filter: [2, 3, 2, 2, 2], dilationRate: [2, 1, 3], padding: 'same' },
  { x: [1, 6, 5, 4, 1], filter: [3, 2, 2, 1, 2], dilationRate: 2, strides: [2, 2, 1], padding: 'causal' },
  { x: [1, 3, 3, 3, 2], filter: [3, 1, 2, 1, 2], dilationRate: [4, 1, 1], padding: 'same', groups: 2 },
];

const depthwiseCases: Case[] = [
  { x: [2, 9, 2], filter: [3, 2, 2], dilationRate: 2, padding: 'causal' },
  { x: [1, 7, 6, 2], filter: [3, 3, 2, 2], dilationRate: 2, padding: 'same' },
  { x: [1, 7, 8, 3], filter: [3, 2, 3, 1], dilationRate: [2, 3], strides: 2, padding: 'same' },
  { x: [1, 7, 8, 2], filter: [3, 3, 2, 2], dilationRate: 2, strides: [1, 2], padding: [[3, 1], 'causal'] },
];

const list = (value: number | readonly number[] | undefined, spatial: number) =>
  typeof value === 'object' ? [...value] : new Array<number>(spatial).fill(value ?? 1);

function referenceOf(c: Case, isDepthwise = false): ReferenceCase {
  const spatial = c.x.length - 2;
  const [strides, dilations] = [list(c.strides, spatial), list(c.dilationRate, spatial)];
  const rules = Array.isArray(c.padding) ? c.padding : new Array(spatial).fill(c.padding ?? 'valid');
  const padding = rules.map((rule, axis): [number, number] => {
    if (typeof rule === 'string') {
      return zeros(rule, c.x[axis + 1]!, c.filter[axis]!, strides[axis]!, dilations[axis]!);
    }
    return typeof rule === 'number' ? [rule, rule] : rule;
  });
  return { x: c.x, filter: c.filter, strides, dilations, padding, groups: c.groups, depthwise: isDepthwise };
}

const optionsOf = ({ x: _x, filter: _filter, ...options }: Case): DilatedConvOptions => options;
const input = (seed: number, shape: number[]) => ({ shape, data: seededUniform(seed, size(shape)) });
const name = (c: Case) => JSON.stringify(c);

describeBackends('convolutions', () => {
  it.each(cases.map((c) => [name(c), c] as const))('values and gradients: %s', async (_name, c) => {
    const reference = referenceOf(c);
    await expectGradient({
      op: (x, filter) => dense[c.x.length - 3]!(x, filter, optionsOf(c)),
      reference: (x, filter) => convolve(x!, filter!, reference),
      inputs: [input(1, c.x), input(2, c.filter)],
    });
  });

  it.each(depthwiseCases.map((c) => [name(c), c] as const))('depthwise: %s', async (_name, c) => {
    const reference = referenceOf(c, true);
    await expectGradient({
      op: (x, filter) => depthwise[c.x.length - 3]!(x, filter, optionsOf(c)),
      reference: (x, filter) => convolve(x!, filter!, reference),
      inputs: [input(3, c.x), input(4, c.filter)],
    });
  });

  it.each(cases.filter((c) => !c.groups).map((c) => [name(c), c] as const))(
    'transposed: %s',
    async (_name, c) => {
      const reference = referenceOf(c);
      const options = { ...optionsOf(c), outputSize: c.x.slice(1, -1) };
      const y = dense[c.x.length - 3]!(tf.zeros(c.x), tf.zeros(c.filter), optionsOf(c));
      await expectGradient({
        op: (x, filter) => transposed[c.x.length - 3]!(x, filter, options),
        reference: (x, filter) => convolve(x!, filter!, reference, true),
        inputs: [input(5, y.shape), input(6, c.filter)],
      });
    },
  );

  // The second derivatives that mix both inputs: d/dx of <d/dw sum(op(x, w)^2), v>, against differences of d/dx.
  const second: [string, Convolution, Case][] = [
    ['strided and dilated', dilatedConv2d, cases[2]!],
    ['causal', dilatedConv1d, cases[0]!],
    ['3-D', dilatedConv3d, cases[11]!],
    ['depthwise, strided and dilated', dilatedDepthwiseConv2d, depthwiseCases[2]!],
    [
      'transposed',
      dilatedConv2dTranspose,
      { x: [1, 3, 4, 2], filter: [3, 2, 3, 2], dilationRate: 2, strides: 2 },
    ],
  ];
  it.each(second)('a Hessian-vector product: %s', async (_name, op, c) => {
    const [x, w, v] = [seededTensor(7, c.x), seededTensor(8, c.filter), seededTensor(9, c.filter)];
    const loss = (z: tf.Tensor, u: tf.Tensor) => tf.sum(tf.square(op(z, u, optionsOf(c)))) as tf.Scalar;
    const product = tf.grad((z) => tf.sum(tf.mul(v, tf.grad((u) => loss(z, u))(w))))(x);
    // The loss is quadratic in w, so differences over any step are exact.
    const at = (step: number) => tf.grad((z) => loss(z, tf.add(w, tf.mul(v, step))))(x);
    const difference = tf.sub(at(0.5), at(-0.5));
    expect(await valuesOf(product)).toBeAllclose(await valuesOf(difference), { rtol: 1e-3, atol: 1e-3 });
  });

  it('nothing leaks, also where a check throws', async () => {
    const [x, w] = [seededTensor(10, [1, 6, 6, 2]), seededTensor(11, [3, 3, 2, 4])] as tf.Tensor4D[];
    for (const options of [
      { dilationRate: 2 },
      { dilationRate: 2, strides: 2, padding: 'causal' } as const,
    ]) {
      await expectNoLeak(() => dilatedConv2d(x!, w!, options).dispose());
      await expectNoLeak(() =>
        tf.dispose(tf.grads((x, w) => dilatedConv2d(x as never, w as never, options))([x!, w!])),
      );
    }
    const [volume, filter] = [
      seededTensor(12, [1, 4, 4, 4, 1]),
      seededTensor(13, [2, 2, 2, 1, 1]),
    ] as tf.Tensor5D[];
    await expectNoLeak(() =>
      tf.dispose(
        tf.grads((x, w) => dilatedConv3d(x as never, w as never, { dilationRate: 2 }))([volume!, filter!]),
      ),
    );
    await expect(expectNoLeak(() => dilatedConv2d(x!, w!, { dilationRate: 3 }))).rejects.toThrow(/must fit/);
  });

  it('filters from PyTorch: Conv, ConvTranspose and depthwise order', async () => {
    // conv1d in torch: weight [out, in, k]; y[t] = sum_i sum_k weight[o][i][k] x[i][t + k].
    const weight = tf.tensor3d([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
      [
        [9, 10],
        [11, 12],
      ],
    ]);
    const x = tf.tensor3d([
      [
        [1, 10],
        [100, 1000],
      ],
    ]);
    const y = dilatedConv1d(x, fromTorchFilter(weight));
    expect(await valuesOf(y)).toBeAllclose([
      [[1 + 30 + 200 + 4000, 5 + 70 + 600 + 8000, 9 + 110 + 1000 + 12000]],
    ]);
    const perChannel = tf.tensor3d([[[1, 2]], [[3, 4]], [[5, 6]], [[7, 8]]]);
    const z = dilatedDepthwiseConv1d(x, fromTorchDepthwiseFilter(perChannel, 2));
    expect(await valuesOf(z)).toBeAllclose([[[1 + 200, 3 + 400, 50 + 6000, 70 + 8000]]]);
    expect(() => fromTorchDepthwiseFilter(perChannel, 3)).toThrow(
      /weight must have shape \[3 \* multiplier, 1/,
    );
  });
});

describeBackends(
  'bad input',
  () => {
    const x = () => tf.zeros([1, 6, 6, 2]) as tf.Tensor4D;
    const w = () => tf.zeros([3, 3, 2, 4]) as tf.Tensor4D;
    const call = (options: object) => () => dilatedConv2d(x(), w(), options);

    it('is one clear error before any kernel runs', () => {
      const kernels: string[] = [];
      const { runKernelFunc } = tf.engine() as unknown as Record<string, (...args: unknown[]) => unknown>;
      const [image, filter] = [x(), w()];
      Object.assign(tf.engine(), {
        runKernelFunc(this: unknown, ...args: unknown[]) {
          kernels.push('run');
          return runKernelFunc!.apply(this, args);
        },
      });
      try {
        expect(() => dilatedConv2d(image, filter, { dilationRate: 3 })).toThrow(
          'dilatedConv2d: filter must fit into the padded input, got 3 taps at rate 3, which span 7, for 0 + 6 + 0 positions.',
        );
        expect(() => dilatedConv2d(image, filter, { dilationRate: 0 })).toThrow(
          'dilatedConv2d: dilationRate must be an integer >= 1, got 0.',
        );
      } finally {
        delete (tf.engine() as unknown as Record<string, unknown>).runKernelFunc;
      }
      expect(kernels).toEqual([]);
    });

    it.each([
      [{ dilationRate: 1.5 }, /dilationRate must be an integer >= 1, got 1.5/],
      [{ dilationRate: [1, 2, 3] }, /dilationRate must be a number or a list of 2, got \[1, 2, 3\]/],
      [{ dilationRate: Number.NaN }, /dilationRate must be an integer >= 1, got NaN/],
      [{ strides: -1 }, /strides must be an integer >= 1, got -1/],
      [{ strides: '2' }, /strides must be an integer >= 1, got '2'/],
      [{ padding: 'full' }, /padding must be 'same', 'valid', 'causal'.*got 'full'/],
      [{ padding: -1 }, /padding must be .*got -1/],
      [{ padding: [[1, 2]] }, /padding must be .* a list of 2/],
      [
        {
          padding: [
            [1, 2],
            [0.5, 0],
          ],
        },
        /padding must be/,
      ],
      [{ groups: 2 }, /filter must have 2 \/ 2 input channels, those of x over groups, got \[3, 3, 2, 4\]/],
      [{ groups: 0 }, /groups must be an integer >= 1, got 0/],
      [{ dilation: 2 }, /options must be among strides, dilationRate, padding, groups, got 'dilation'/],
    ])('%j', (options, message) => {
      expect(call(options)).toThrow(message);
      expect(call(options)).toThrow(/^dilatedConv2d: /);
    });

    it('ranks, dtypes and channels', () => {
      expect(() => dilatedConv2d(tf.zeros([6, 6, 2]) as never, w())).toThrow(
        'dilatedConv2d: x must have rank 4 [batch, height, width, channels], got rank 3 [6, 6, 2].',
      );
      expect(() => dilatedConv1d(tf.zeros([1, 6, 2]), w() as never)).toThrow(/filter must have rank 3/);
      expect(() => dilatedConv2d(tf.zeros([1, 6, 6, 2], 'int32'), w())).toThrow(
        'dilatedConv2d: x must be float32, got int32.',
      );
      expect(() => dilatedConv2d(x(), tf.zeros([3, 3, 3, 4]))).toThrow(
        'dilatedConv2d: filter must have 2 input channels, those of x, got [3, 3, 3, 4].',
      );
      expect(() => dilatedConv2d(tf.zeros([1, 6, 6, 4]), tf.zeros([3, 3, 2, 3]), { groups: 2 })).toThrow(
        'dilatedConv2d: groups must divide the 3 output channels, got 2.',
      );
      expect(() => dilatedDepthwiseConv2d(x(), tf.zeros([3, 3, 3, 1]))).toThrow(
        'dilatedDepthwiseConv2d: filter must have 2 channels, those of x, got [3, 3, 3, 1].',
      );
      expect(() => dilatedConv2dTranspose(x(), tf.zeros([3, 3, 2, 3]))).toThrow(
        /filter must have 2 input channels \(its last axis\)/,
      );
      expect(() => dilatedConv2dTranspose(x(), tf.zeros([3, 3, 3, 2]), { outputSize: 6 })).toThrow(
        "dilatedConv2dTranspose: outputSize must be one whose convolution has x's size [6, 6], got [6, 6], which gives [4, 4].",
      );
      expect(() => fromTorchFilter(tf.zeros([2, 2]) as never)).toThrow(/weight must have rank 3 or 4 or 5/);
    });
  },
  { only: ['cpu'] },
);
