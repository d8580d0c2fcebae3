/** Every kernel that `ensureKernels` brings, against float64 and against the composition it stands for. */
import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak, seededTensor, seededUniform, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { composedAdam } from '../src/adam';
import {
  conv2dFilterGradient,
  conv2dInputGradient,
  flippedConv,
  matMulPerTap,
} from '../src/gradients/conv2d';
import {
  depthwiseFilterGradient,
  depthwiseInputGradient,
  flippedDepthwise,
  sumPerTap,
} from '../src/gradients/depthwise';
import { adam, linearCombination } from '../src/tfjs';
import {
  type ConvCase,
  conv2d,
  convGradients,
  depthwiseConv2d,
  depthwiseGradients,
  geometry,
} from './references';

const convCases: ConvCase[] = [
  // Channels that fill no panel, one that fills it, and one beyond; kernels 1x1 to 5x5, wider than the image; batch 0.
  { x: [2, 5, 6, 3], filter: [3, 3, 3, 2], stride: 1, dilation: 1, pad: 'same' },
  { x: [1, 9, 7, 4], filter: [3, 3, 4, 8], stride: 1, dilation: 2, pad: 'same' },
  { x: [3, 4, 5, 5], filter: [1, 1, 5, 9], stride: 1, dilation: 1, pad: 'valid' },
  { x: [1, 9, 11, 13], filter: [5, 5, 13, 7], stride: 1, dilation: 1, pad: 'same' },
  { x: [2, 8, 7, 2], filter: [3, 2, 2, 11], stride: 2, dilation: 1, pad: 'same' },
  { x: [1, 11, 8, 3], filter: [2, 3, 3, 5], stride: 3, dilation: 1, pad: 'valid' },
  { x: [1, 3, 2, 6], filter: [3, 5, 6, 4], stride: 1, dilation: 3, pad: 'same' },
  { x: [1, 1, 300, 2], filter: [1, 3, 2, 3], stride: 1, dilation: 16, pad: 'same' },
  { x: [2, 9, 9, 16], filter: [3, 3, 16, 17], stride: 1, dilation: 4, pad: 'same' },
];
/** tfjs' own ops refuse these; the gradients' ops take them. */
const stridedAndDilated: ConvCase[] = [
  { x: [2, 9, 10, 3], filter: [3, 3, 3, 5], stride: 2, dilation: 2, pad: 'same' },
  { x: [1, 12, 11, 4], filter: [3, 2, 4, 9], stride: 2, dilation: 3, pad: 'valid' },
  { x: [1, 13, 9, 2], filter: [3, 3, 2, 2], stride: 3, dilation: 2, pad: 'same' },
];
const title = (c: ConvCase) => `${c.x} * ${c.filter} stride ${c.stride} dilation ${c.dilation} ${c.pad}`;
const named = (cases: ConvCase[]) => cases.map((c) => [title(c), c] as const);
const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
const outShape = (c: ConvCase, channels: number): [number, number, number, number] => [
  c.x[0],
  geometry(c.x[1], c.filter[0], c).out,
  geometry(c.x[2], c.filter[1], c).out,
  channels,
];
const tensor = (data: Float64Array, shape: readonly number[]) =>
  tf.tensor<tf.Rank.R4>(Float32Array.from(data), shape as [number, number, number, number], 'float32');
/** The absolute part grows with the terms of a sum, as rounding does. */
const tolerance = (terms: number) => ({ rtol: 1e-4, atol: 2e-6 * Math.max(4, Math.sqrt(terms) * 2) });
const attributesOf = (c: ConvCase) => ({
  strides: [c.stride, c.stride] as [number, number],
  dilations: [c.dilation, c.dilation] as [number, number],
  pad: c.pad,
});

function conv(c: ConvCase) {
  const [x, filter] = [seededUniform(1, size(c.x)), seededUniform(2, size(c.filter))];
  const shape = outShape(c, c.filter[3]);
  const dy = seededUniform(3, size(shape));
  return { x, filter, dy, shape, tx: tensor(x, c.x), tf: tensor(filter, c.filter), tdy: tensor(dy, shape) };
}

describeBackends('kernels: conv2d', (backend) => {
  it.each(named(convCases))('forward %s', async (_title, c) => {
    const { x, filter, shape, tx, tf: w } = conv(c);
    const y = tf.conv2d(tx, w, c.stride, c.pad, 'NHWC', c.dilation);
    const expected = { shape, data: conv2d(x, filter, c) };
    expect(await valuesOf(y)).toBeAllclose(expected, tolerance(size([...c.filter].slice(0, 3))));
    const bias = seededTensor(4, [c.filter[3]]);
    for (const activation of ['linear', 'relu', 'relu6', 'elu'] as const) {
      const options = {
        x: tx,
        filter: w,
        strides: c.stride,
        pad: c.pad,
        dilations: c.dilation,
        bias,
        activation,
      };
      const fused = tf.fused.conv2d(options);
      const composed = { linear: tf.clone, relu: tf.relu, relu6: tf.relu6, elu: tf.elu }[activation](
        tf.add(y, bias),
      );
      expect(await valuesOf(fused)).toBeAllclose(await valuesOf(composed), { rtol: 1e-4, atol: 1e-5 });
    }
  });

  it.each(named([...convCases, ...stridedAndDilated]))('gradients %s', async (_title, c) => {
    const { x, filter, dy, tx, tf: w, tdy } = conv(c);
    const exact = convGradients(x, filter, dy, c);
    const forX = { ...attributesOf(c), inputShape: c.x };
    const forFilter = { ...attributesOf(c), filterShape: c.filter };
    const dx = conv2dInputGradient({ dy: tdy, filter: w }, forX);
    const dFilter = conv2dFilterGradient({ x: tx, dy: tdy }, forFilter);
    const sums = size(tdy.shape.slice(0, 3));
    expect(await valuesOf(dx)).toBeAllclose({ shape: c.x, data: exact.x }, tolerance(size(c.filter)));
    expect(await valuesOf(dFilter)).toBeAllclose({ shape: c.filter, data: exact.filter }, tolerance(sums));
    const composedX = tf.tidy(() => flippedConv({ dy: tdy, filter: w }, forX));
    const composedFilter = tf.tidy(() => matMulPerTap({ x: tx, dy: tdy }, forFilter));
    expect(await valuesOf(dx)).toBeAllclose(await valuesOf(composedX), tolerance(size(c.filter)));
    expect(await valuesOf(dFilter)).toBeAllclose(await valuesOf(composedFilter), tolerance(sums));
  });

  it('takes an empty batch', async ({ skip }) => {
    skip(backend === 'webgpu' || backend === 'webgl', 'a GPU has no buffer of 0 bytes');
    const x = tf.zeros([0, 4, 4, 3]) as tf.Tensor4D;
    const w = seededTensor(1, [3, 3, 3, 2]) as tf.Tensor4D;
    const [dx, dw] = tf.grads((a, b) => tf.sum(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same')))([
      x,
      w,
    ]);
    expect(dx!.shape).toEqual([0, 4, 4, 3]);
    expect(await valuesOf(dw!)).toBeAllclose({ shape: [3, 3, 3, 2], data: new Float32Array(54) });
  });

  it('carries NaN and Infinity to the outputs that see them, and to no others', async () => {
    const x = seededUniform(5, 7 * 9 * 3);
    x[(3 * 9 + 4) * 3 + 1] = Number.NaN;
    x[(6 * 9 + 8) * 3] = Number.POSITIVE_INFINITY;
    const c: ConvCase = { x: [1, 7, 9, 3], filter: [3, 3, 3, 5], stride: 1, dilation: 1, pad: 'valid' };
    const filter = seededUniform(6, size(c.filter));
    const y = tf.conv2d(tensor(x, c.x), tensor(filter, c.filter), 1, 'valid');
    const actual = await valuesOf(y);
    const expected = conv2d(x, filter, c);
    if (backend === 'webgpu' || backend === 'webgl') {
      // Shading languages need not keep NaN and Infinity apart, or at all: only the untouched outputs are promised.
      expected.forEach((value, i) => {
        if (Number.isFinite(value)) expect(actual.data[i]).toBeCloseTo(value, 4);
      });
    } else {
      expect(actual).toBeAllclose({ shape: [1, 5, 7, 5], data: expected }, { rtol: 1e-4, atol: 1e-5 });
    }
  });
});

describeBackends('kernels: depthwiseConv2d', () => {
  const cases: ConvCase[] = [
    { x: [2, 5, 6, 3], filter: [3, 3, 3, 1], stride: 1, dilation: 1, pad: 'same' },
    { x: [1, 9, 8, 9], filter: [3, 3, 9, 1], stride: 1, dilation: 2, pad: 'same' },
    { x: [1, 9, 8, 16], filter: [5, 3, 16, 1], stride: 2, dilation: 1, pad: 'valid' },
    { x: [2, 7, 6, 3], filter: [3, 2, 3, 3], stride: 2, dilation: 1, pad: 'same' },
    { x: [1, 3, 2, 5], filter: [3, 5, 5, 2], stride: 1, dilation: 3, pad: 'same' },
    { x: [1, 10, 9, 4], filter: [3, 3, 4, 2], stride: 2, dilation: 2, pad: 'same' },
  ];
  it.each(named(cases))('gradients %s', async (_title, c) => {
    const [x, filter] = [seededUniform(1, size(c.x)), seededUniform(2, size(c.filter))];
    const shape = outShape(c, c.filter[2] * c.filter[3]);
    const dy = seededUniform(3, size(shape));
    const exact = depthwiseGradients(x, filter, dy, c);
    const [tx, w, tdy] = [tensor(x, c.x), tensor(filter, c.filter), tensor(dy, shape)];
    const forX = { ...attributesOf(c), inputShape: c.x };
    const forFilter = { ...attributesOf(c), filterShape: c.filter };
    const dx = depthwiseInputGradient({ dy: tdy, filter: w }, forX);
    const dFilter = depthwiseFilterGradient({ x: tx, dy: tdy }, forFilter);
    expect(await valuesOf(dx)).toBeAllclose({ shape: c.x, data: exact.x }, tolerance(32));
    expect(await valuesOf(dFilter)).toBeAllclose({ shape: c.filter, data: exact.filter }, tolerance(64));
    const composedX = tf.tidy(() => flippedDepthwise({ dy: tdy, filter: w }, forX));
    const composedFilter = tf.tidy(() => sumPerTap({ x: tx, dy: tdy }, forFilter));
    expect(await valuesOf(dx)).toBeAllclose(await valuesOf(composedX), tolerance(32));
    expect(await valuesOf(dFilter)).toBeAllclose(await valuesOf(composedFilter), tolerance(64));
    if (c.stride === 1 || c.dilation === 1) {
      const y = tf.depthwiseConv2d(tx, w, c.stride, c.pad, 'NHWC', c.dilation);
      expect(await valuesOf(y)).toBeAllclose({ shape, data: depthwiseConv2d(x, filter, c) }, tolerance(32));
    }
  });
});

describeBackends('kernels: matMul', () => {
  const shapes = [
    [1, 1, 1],
    [4, 8, 8],
    [5, 3, 9],
    [67, 33, 17],
    [130, 5, 6],
    [1, 70, 3],
  ] as const;
  const flags = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;

  it.each(shapes)('%i x %i x %i, either operand transposed, with and without bias', async (m, k, n) => {
    const [a, b] = [seededUniform(1, m * k), seededUniform(2, k * n)];
    const expected = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        for (let l = 0; l < k; l++) expected[i * n + j]! += a[i * k + l]! * b[l * n + j]!;
      }
    }
    const [ta, tb] = [
      tensor(a, [m, k]) as unknown as tf.Tensor2D,
      tensor(b, [k, n]) as unknown as tf.Tensor2D,
    ];
    const bias = seededTensor(3, [n]);
    for (const [transposeA, transposeB] of flags) {
      const left = transposeA ? tf.transpose(ta) : ta;
      const right = transposeB ? tf.transpose(tb) : tb;
      const y = tf.matMul(left, right, transposeA, transposeB);
      expect(await valuesOf(y)).toBeAllclose({ shape: [m, n], data: expected }, tolerance(k));
      const fused = tf.fused.matMul({ a: left, b: right, transposeA, transposeB, bias, activation: 'relu' });
      expect(await valuesOf(fused)).toBeAllclose(await valuesOf(tf.relu(tf.add(y, bias))), tolerance(k));
    }
  });

  it('multiplies batches, and one matrix with a batch', async () => {
    const a = seededTensor(1, [2, 3, 4, 5]);
    const b = seededTensor(2, [2, 3, 6, 5]);
    const whole = tf.matMul(a, b, false, true);
    const parts = [0, 1, 2].map((i) => {
      const at = (x: tf.Tensor) => tf.reshape(tf.slice(x, [1, i, 0, 0], [1, 1, -1, -1]), x.shape.slice(2));
      return tf.matMul(at(a), at(b), false, true);
    });
    const last = tf.reshape(tf.slice(whole, [1, 0, 0, 0], [1, -1, -1, -1]), [3, 4, 6]);
    expect(await valuesOf(last)).toBeAllclose(await valuesOf(tf.stack(parts)), tolerance(5));
    const shared = tf.matMul(
      a,
      tf.reshape(tf.slice(b, [0, 0, 0, 0], [1, 1, 6, 5]), [1, 1, 6, 5]),
      false,
      true,
    );
    const first = tf.slice(shared, [0, 0, 0, 0], [1, 1, 4, 6]);
    const same = tf.slice(whole, [0, 0, 0, 0], [1, 1, 4, 6]);
    expect(await valuesOf(first)).toBeAllclose(await valuesOf(same), tolerance(5));
  });
});

describeBackends('kernels: what a backend prepares for a product', () => {
  it('is not taken for the same values in another shape', async () => {
    const y = tf.tensor1d([1, 2, 3]);
    const row = tf.matMul(tf.ones([2, 1]), tf.reshape(y, [1, 3]));
    const column = tf.matMul(tf.ones([2, 3]), tf.reshape(y, [3, 1]));
    expect(await valuesOf(row)).toBeAllclose({ shape: [2, 3], data: [1, 2, 3, 1, 2, 3] });
    expect(await valuesOf(column)).toBeAllclose({ shape: [2, 1], data: [6, 6] });
  });

  it('is not taken after a step of training', async () => {
    const [filter, weights, bias] = [[1, 1, 2, 2], [2, 2], [2]].map((shape) => tf.variable(tf.ones(shape)));
    const image = tf.ones([1, 2, 2, 2]) as tf.Tensor4D;
    const products = () => [
      tf.conv2d(image, filter as tf.Tensor4D, 1, 'same'),
      tf.fused.conv2d({ x: image, filter: filter as tf.Tensor4D, strides: 1, pad: 'same', bias: bias! }),
      tf.matMul(tf.ones([3, 2]), weights!),
      tf.fused.matMul({ a: tf.ones([3, 2]), b: weights!, bias: bias! }),
    ];
    const valuesAre = async (expected: number[]) => {
      for (const [index, product] of products().entries()) {
        const { shape } = product;
        const data = new Float32Array(size(shape)).fill(expected[index]!);
        expect(await valuesOf(product)).toBeAllclose({ shape, data }, { rtol: 1e-4, atol: 1e-4 });
      }
    };
    await valuesAre([2, 3, 2, 3]);
    const step = (...variables: tf.Variable[]) => {
      const optimizer = adam({ learningRate: 0.5 });
      optimizer.applyGradients(Object.fromEntries(variables.map((v) => [v.name, tf.ones(v.shape)])) as never);
      optimizer.dispose();
    };
    step(bias!);
    await valuesAre([2, 2.5, 2, 2.5]);
    step(filter!, weights!);
    await valuesAre([1, 1.5, 1, 1.5]);
    tf.dispose([filter, weights, bias]);
  });
});

describeBackends('kernels: unsortedSegmentSum', (backend) => {
  it('sums rows by id, and is the gradient of gather', async () => {
    const table = seededTensor(1, [4, 3]) as tf.Tensor2D;
    const weights = seededTensor(2, [5, 3]);
    const loss = (t: tf.Tensor) =>
      tf.sum(tf.mul(weights, tf.gather(t, tf.tensor1d([3, 0, 3, 1, 3], 'int32'))));
    const gradient = await valuesOf(tf.grad(loss)(table));
    const w = await weights.data();
    const expected = new Float64Array(12);
    [3, 0, 3, 1, 3].forEach((id, row) => {
      for (let i = 0; i < 3; i++) expected[id * 3 + i]! += w[row * 3 + i]!;
    });
    expect(gradient).toBeAllclose({ shape: [4, 3], data: expected });
  });

  it('drops ids out of range', async ({ skip }) => {
    skip(backend === 'tensorflow', 'TensorFlow refuses ids out of range with an error of its own');
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2]);
    const y = tf.unsortedSegmentSum(x, tf.tensor1d([2, 0, -1, 2, 7], 'int32'), 3);
    expect(await valuesOf(y)).toBeAllclose({ shape: [3, 2], data: [3, 4, 0, 0, 8, 10] });
  });
});

describeBackends('kernels: sum and mean', () => {
  const sums: [shape: number[], axis: number | number[] | undefined][] = [
    [[], undefined],
    [[7], 0],
    [[2, 5000], 1],
    [[129, 11], 1],
    [[129, 11], 0],
    [[3, 70, 21], 1],
    [
      [2, 8, 9, 35],
      [1, 2],
    ],
    [
      [2, 8, 9, 64],
      [0, 1, 2],
    ],
    [
      [4, 3, 5, 2],
      [3, 1],
    ],
    [
      [4, 3, 5, 2],
      [-1, -2],
    ],
    [[300, 101], undefined],
  ];

  it.each(sums)('of %j along %j', async (shape, axis) => {
    const values = seededUniform(7, size(shape));
    const x = tf.tensor(Float32Array.from(values), shape);
    const axes = (axis === undefined ? shape.map((_, i) => i) : [axis].flat()).map(
      (i) => (i + shape.length) % Math.max(1, shape.length),
    );
    const kept = shape.map((n, i) => (axes.includes(i) ? 1 : n));
    const expected = new Float64Array(size(kept));
    const strides = kept.map((n, i) => (n === 1 ? 0 : size(kept.slice(i + 1))));
    values.forEach((value, flat) => {
      let rest = flat;
      let to = 0;
      for (let i = shape.length - 1; i >= 0; rest = Math.floor(rest / shape[i]!), i--) {
        to += (rest % shape[i]!) * strides[i]!;
      }
      expected[to]! += Math.fround(value);
    });
    const count = size(shape) / size(kept);
    const limits = { rtol: 1e-5, atol: 1e-6 * Math.sqrt(count) };
    expect(await valuesOf(tf.sum(x, axis, true))).toBeAllclose({ shape: kept, data: expected }, limits);
    const means = expected.map((value) => value / count);
    const shrunk = shape.filter((_, i) => !axes.includes(i));
    expect(await valuesOf(tf.mean(x, axis))).toBeAllclose({ shape: shrunk, data: means }, limits);
  });

  it('of integers and of nothing', async () => {
    const counts = tf.sum(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), 0);
    expect(counts.dtype).toBe('int32');
    expect(await valuesOf(counts)).toBeAllclose({ shape: [2], data: [4, 6] });
  });
});

describeBackends('kernels: exp', (backend) => {
  it('over the whole range of float32', async () => {
    const x = Float32Array.from({ length: 4001 }, (_, i) => -80 + i * 0.042);
    const y = await valuesOf(tf.exp(x));
    const expected = Float64Array.from(x, Math.exp);
    // wasm's is ours, cpu's the engine's; TensorFlow and shading languages promise less.
    const rtol = backend === 'wasm' ? 1.8e-7 : backend === 'cpu' ? 1e-7 : 2e-5;
    expect(y).toBeAllclose({ shape: [4001], data: expected }, { rtol, atol: 0 });
  });

  it('at the ends', async ({ skip }) => {
    skip(backend === 'webgpu' || backend === 'webgl', 'shading languages need not keep NaN and Infinity');
    const x = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 88.8, -120];
    const y = await tf.exp(tf.tensor1d(x)).data();
    expect(Array.from(y)).toEqual([
      1,
      1,
      Number.POSITIVE_INFINITY,
      0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      0,
    ]);
  });
});

describeBackends('kernels: identity', () => {
  it('is a tensor of its own', async () => {
    const x = tf.variable(tf.tensor1d([1, 2, 3]));
    const copy = tf.clone(x);
    x.assign(tf.tensor1d([4, 5, 6]));
    expect(await valuesOf(copy)).toBeAllclose({ shape: [3], data: [1, 2, 3] });
    const optimizer = adam();
    const second = tf.clone(x);
    optimizer.applyGradients({ [x.name]: tf.tensor1d([1, 1, 1]) } as never);
    expect(await valuesOf(second)).toBeAllclose({ shape: [3], data: [4, 5, 6] });
    const kept = second.dataSync().slice();
    x.dispose();
    expect(second.dataSync()).toEqual(kept);
    optimizer.dispose();
  });
});

describeBackends('kernels: slice, split and unstack', () => {
  const shape = [3, 4, 2, 5, 2, 3];
  const cases: [begin: number[], size: number[]][] = [
    [[2], [3]],
    [
      [1, 0],
      [2, 4],
    ],
    [
      [1, 2],
      [2, 1],
    ],
    [
      [0, 1, 0],
      [3, 2, 2],
    ],
    [
      [1, 1, 1],
      [2, 3, 1],
    ],
    [
      [0, 3, 1, 0],
      [2, 1, 1, 5],
    ],
    [
      [1, 0, 0, 2],
      [1, 4, 2, 2],
    ],
    [
      [0, 0, 0, 0],
      [3, 4, 2, 5],
    ],
    [
      [0, 1, 0, 1, 0],
      [3, 2, 2, 3, 2],
    ],
    [
      [0, 1, 0, 1, 0, 1],
      [3, 2, 2, 3, 2, 2],
    ],
    [
      [1, 1],
      [0, 2],
    ],
  ];

  /** The values of x within, one after the other. */
  function cut(values: readonly number[], whole: number[], begin: number[], size: number[]): number[] {
    const indices = size.reduce<number[][]>(
      (all, length, axis) =>
        all.flatMap((index) => Array.from({ length }, (_, i) => [...index, begin[axis]! + i])),
      [[]],
    );
    return indices.map((index) => values[index.reduce((flat, i, axis) => flat * whole[axis]! + i, 0)]!);
  }

  it.each(['float32', 'int32', 'bool'] as const)('of %s', async (dtype) => {
    for (const [begin, size] of cases) {
      const whole = begin.length === 1 ? [7] : shape.slice(0, begin.length);
      const count = whole.reduce((product, length) => product * length, 1);
      const values = Array.from({ length: count }, (_, i) => (dtype === 'bool' ? ((i * i) % 3) & 1 : i - 5));
      const y = tf.slice(tf.tensor(values, whole, dtype), begin, size);
      expect(y.dtype).toBe(dtype);
      expect(y.shape).toEqual(size);
      expect(Array.from(await y.data(), Number)).toEqual(cut(values, whole, begin, size));
    }
  });

  it('along every axis, and to the end', async () => {
    const x = tf.tensor3d(
      Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 4],
    );
    const values = Array.from(await x.data());
    const [first, second] = tf.split(x, [1, 2], 1);
    expect(Array.from(await first!.data())).toEqual(cut(values, x.shape, [0, 0, 0], [2, 1, 4]));
    expect(Array.from(await second!.data())).toEqual(cut(values, x.shape, [0, 1, 0], [2, 2, 4]));
    const columns = tf.unstack(x, -1);
    expect(columns.map((column) => column.shape)).toEqual([
      [2, 3],
      [2, 3],
      [2, 3],
      [2, 3],
    ]);
    expect(Array.from(await columns[3]!.data())).toEqual([3, 7, 11, 15, 19, 23]);
    expect(Array.from(await tf.slice(x, [1, 1, 2], [-1, 2, -1]).data())).toEqual([18, 19, 22, 23]);
    expect(() => tf.slice(x, [0, 0, 3], [1, 1, 2])).toThrow();
  });
});

describeBackends('kernels: step and cast', (backend) => {
  it('step is 0 up to zero, 1 above', async () => {
    const x = tf.tensor1d([-Infinity, -2, -0, 0, 1e-30, 3, Infinity]);
    expect(Array.from(await tf.step(x).data()).map((value) => value + 0)).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect(Array.from(await tf.step(x, 0.5).data()).slice(4)).toEqual([1, 1, 1]);
  });

  it('step of NaN is NaN', async ({ skip }) => {
    skip(backend.startsWith('web'), 'GPUs compare NaN as they like');
    expect(await tf.step(tf.tensor1d([Number.NaN])).data()).toEqual(Float32Array.of(Number.NaN));
  });

  it('a cast to the same dtype is a tensor of its own', async () => {
    const x = tf.tensor1d([1.5, -2]);
    const y = tf.cast(x, 'float32');
    x.dispose();
    expect(Array.from(await y.data())).toEqual([1.5, -2]);
    expect(Array.from(await tf.cast(y, 'int32').data())).toEqual([1, -2]);
  });
});

describeBackends('linearCombination', () => {
  it.each([1, 2, 3, 4, 6, 8, 11])('of %i tensors, with gradient', async (count) => {
    for (const shape of [[1], [3, 7], [2, 5, 16]]) {
      const coefficients = Array.from(seededUniform(count, count));
      const inputs = coefficients.map((_, i) => seededUniform(10 + i, size(shape)));
      const tensors = inputs.map((data) => tensor(data, shape) as tf.Tensor);
      const expected = inputs[0]!.map((_, i) =>
        coefficients.reduce((sum, c, j) => sum + c * inputs[j]![i]!, 0),
      );
      const y = linearCombination(coefficients, tensors);
      expect(await valuesOf(y)).toBeAllclose({ shape, data: expected }, { rtol: 1e-5, atol: 2e-6 });
      const gradients = tf.grads((...xs) => linearCombination(coefficients, xs))(tensors);
      for (const [i, gradient] of gradients.entries()) {
        const constant = new Float64Array(size(shape)).fill(coefficients[i]!);
        expect(await valuesOf(gradient)).toBeAllclose({ shape, data: constant });
      }
    }
  });

  it('casts integers, leaks nothing and names what is wrong', async () => {
    const ones = tf.onesLike(tf.tensor1d([1, 2], 'int32'));
    const y = await expectNoLeak(() => linearCombination([0.5, 2], [ones, ones]), 1);
    expect(await valuesOf(y)).toBeAllclose({ shape: [2], data: [2.5, 2.5] });
    expect(() => linearCombination([1], [])).toThrow(/^linearCombination: coefficients must be as many/);
    expect(() => linearCombination([1, 1], [ones, tf.zeros([3])])).toThrow(
      /^linearCombination: tensors\[1\] must have the shape of the first \[2\], got \[3\]/,
    );
  });
});

describeBackends('adam', () => {
  it('takes the steps of tf.train.adam, and saves and loads like it', async () => {
    const start = seededUniform(1, 37);
    const target = seededTensor(2, [37]);
    const run = (optimizer: tf.Optimizer, variable: tf.Variable, steps: number) => {
      for (let i = 0; i < steps; i++) {
        optimizer.minimize(() => tf.sum(tf.square(tf.sub(variable, target))) as tf.Scalar, false, [variable]);
      }
    };
    const make = () => tf.variable(tensor(start, [37]) as tf.Tensor, true);
    const [ours, theirs] = [make(), make()];
    const [a, b] = [adam({ learningRate: 0.05 }), tf.train.adam(0.05)];
    run(a, ours, 5);
    run(b, theirs, 5);
    expect(await valuesOf(ours)).toBeAllclose(await valuesOf(theirs), { rtol: 1e-4, atol: 1e-5 });
    const resumed = adam({ learningRate: 0.05 });
    const weights = await a.getWeights();
    await resumed.setWeights(weights.map(({ name, tensor: t }) => ({ name, tensor: tf.clone(t) })));
    const copy = tf.variable(tf.clone(ours), true);
    run(a, ours, 3);
    run(resumed, copy, 3);
    expect(await valuesOf(copy)).toBeAllclose(await valuesOf(ours), { rtol: 1e-5, atol: 1e-6 });
    run(b, theirs, 3);
    expect(await valuesOf(ours)).toBeAllclose(await valuesOf(theirs), { rtol: 1e-4, atol: 1e-5 });
  });

  // TensorFlow's own op takes the larger.
  it.each([10, 20_000])(
    'leaves alone what shares memory with a variable of %i, and leaks nothing',
    async (size) => {
      const initial = seededTensor(3, [size]);
      const before = Array.from(await initial.data());
      const variable = tf.variable(initial, true);
      const optimizer = adam();
      const step = () =>
        optimizer.minimize(() => tf.sum(tf.square(variable)) as tf.Scalar, false, [variable]);
      step();
      const snapshot = tf.clone(variable);
      const reading = Array.from(await snapshot.data());
      await expectNoLeak(() => {
        step();
        step();
      });
      expect(Array.from(await initial.data())).toEqual(before);
      expect(Array.from(await snapshot.data())).toEqual(reading);
      expect(Array.from(await variable.data())).not.toEqual(reading);
    },
  );

  it.each([9, 20_000])('agrees with its composition on %i numbers', async (size) => {
    const values = [1, 2, 3, 4].map((seed) => seededTensor(seed, [size]));
    const [parameter, firstMoment, second, gradient] = values as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const inputs = { parameter, firstMoment, secondMoment: tf.abs(second), gradient };
    const attributes = { beta1: 0.9, beta2: 0.99, stepSize: 0.1, correction2: 0.3, epsilon: 1e-7 };
    const expected = await Promise.all(composedAdam(inputs, attributes).map(valuesOf));
    if (!tf.getKernel('TfkitAdam', tf.getBackend())) return;
    const clones = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, tf.clone(value)]));
    const actual = tf.engine().runKernel('TfkitAdam', clones, attributes) as tf.Tensor[];
    for (const [i, output] of actual.entries()) {
      expect(await valuesOf(output)).toBeAllclose(expected[i]!, { rtol: 1e-4, atol: 1e-6 });
    }
  });
});

describeBackends('kernels: memory', () => {
  it('a reshape outlives what it was made of, whether the shape is the same or not', async () => {
    for (const shape of [
      [2, 3],
      [3, 2],
    ]) {
      const x = seededTensor(6, [2, 3]);
      const values = Array.from(await x.data());
      await expectNoLeak(async () => {
        const y = tf.tidy(() => tf.reshape(tf.mul(x, 1), shape));
        const z = tf.reshape(y, shape);
        y.dispose();
        expect(z.shape).toEqual(shape);
        expect(Array.from(await z.data())).toEqual(values);
        z.dispose();
      });
      x.dispose();
    }
  });

  it('leak nothing, in training and outside of a tidy', async () => {
    const x = seededTensor(1, [2, 6, 6, 5]) as tf.Tensor4D;
    const w = seededTensor(2, [3, 3, 5, 6]) as tf.Tensor4D;
    const d = seededTensor(3, [3, 3, 5, 2]) as tf.Tensor4D;
    const step = () => {
      const loss = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) =>
        tf.sum(
          tf.add(
            tf.sum(tf.square(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same', 'NHWC', 2))),
            tf.sum(tf.square(tf.depthwiseConv2d(a as tf.Tensor4D, c as tf.Tensor4D, 1, 'same'))),
          ),
        );
      for (const gradient of tf.grads(loss)([x, w, d])) gradient.dispose();
      tf.dispose(tf.matMul(tf.ones([3, 4]), tf.ones([3, 5]), true));
    };
    step();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) tf.tidy(step);
    expect(tf.memory().numTensors).toBe(before);
    const [a, b] = [seededTensor(4, [3, 4]), seededTensor(5, [3, 5])];
    await expectNoLeak(() => tf.matMul(a, b, true).dispose());
    await expectNoLeak(() => tf.conv2d(x, w, 1, 'same').dispose());
  });
});

describeBackends('kernels: sums over all axes but the last', (backend) => {
  it.for([
    { shape: [7, 5] },
    { shape: [3, 4, 5, 6] },
    { shape: [1, 3] },
    { shape: [4096, 2] },
    { shape: [4097, 2] },
    { shape: [0, 3] },
    { shape: [2, 0] },
  ])('equal float64 for $shape', async ({ shape }, { skip }) => {
    skip(backend.startsWith('web') && shape[0] === 0, "tfjs' sum of no rows fails on GPUs");
    const x = seededTensor(1, shape);
    const axes = shape.slice(0, -1).map((_, axis) => axis);
    const columns = shape.at(-1)!;
    const expected = new Float64Array(columns);
    (await x.data()).forEach((value, i) => {
      expected[i % columns]! += value;
    });
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const near = (values: ArrayLike<number>) => {
      expect(values).toHaveLength(columns);
      const errors = expected.map((value, i) => Math.abs(values[i]! - value));
      expect(Math.max(0, ...errors)).toBeLessThan(1e-6 * (rows + 1));
    };
    near(await tf.sum(x, axes).data());
    near(await tf.sum(x, [...axes].reverse()).data());
    const kept = tf.sum(x, axes, true);
    expect(kept.shape).toEqual([...axes.map(() => 1), columns]);
    near(await kept.data());
  });
});
