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
import { type ConvCase, conv2d, cumsum, depthwiseConv2d, einsum, size } from './references';

const input = (seed: number, shape: number[]) => ({ shape, data: seededUniform(seed, size(shape)) });

const convCases: ConvCase[] = [
  { x: [2, 5, 6, 3], filter: [3, 3, 3, 2], stride: 1, dilation: 1, pad: 'same' },
  { x: [1, 7, 6, 2], filter: [3, 2, 2, 3], stride: 2, dilation: 1, pad: 'same' },
  { x: [1, 8, 7, 2], filter: [3, 3, 2, 2], stride: 2, dilation: 1, pad: 'valid' },
  { x: [2, 7, 6, 3], filter: [3, 3, 3, 2], stride: 1, dilation: 2, pad: 'same' },
  { x: [1, 9, 8, 1], filter: [3, 2, 1, 2], stride: 1, dilation: 3, pad: 'valid' },
  { x: [1, 4, 4, 2], filter: [1, 1, 2, 3], stride: 1, dilation: 2, pad: 'same' },
  { x: [1, 3, 3, 1], filter: [3, 3, 1, 1], stride: 1, dilation: 4, pad: 'same' },
];
const name = (c: ConvCase) => `${c.x} * ${c.filter} stride ${c.stride} dilation ${c.dilation} ${c.pad}`;

describeBackends('ensureGradients', () => {
  it.each(convCases.map((c) => [name(c), c] as const))('conv2d %s', async (_name, c) => {
    await expectGradient({
      op: (x, filter) =>
        tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, c.stride, c.pad, 'NHWC', c.dilation),
      reference: (x, filter) => conv2d(x!, filter!, c),
      inputs: [input(1, c.x), input(2, c.filter)],
    });
  });

  it.each(convCases.map((c) => [name(c), c] as const))('depthwiseConv2d %s', async (_name, c) => {
    await expectGradient({
      op: (x, filter) =>
        tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, c.stride, c.pad, 'NHWC', c.dilation),
      reference: (x, filter) => depthwiseConv2d(x!, filter!, c),
      inputs: [input(3, c.x), input(4, c.filter)],
    });
  });

  it('relu, and the gradient of its gradient', async () => {
    await expectGradient({
      op: (x) => tf.relu(x!),
      reference: (x) => x!.map((value) => Math.max(0, value)),
      inputs: [input(7, [3, 5])],
    });
    const x = tf.tensor1d([-1, 2, 3]);
    const slope = tf.grad((z) => tf.square(tf.relu(z)));
    expect(await valuesOf(tf.grad((z) => slope(z))(x))).toBeAllclose([0, 2, 2]);
    expect(await valuesOf(tf.grad((z) => tf.relu(z))(tf.tensor1d([0, -0])))).toBeAllclose([0, 0]);
  });

  it('separableConv2d and conv1d with dilation', async () => {
    const x = seededTensor(5, [1, 8, 2]) as tf.Tensor3D;
    const filter = seededTensor(6, [3, 2, 2]) as tf.Tensor3D;
    const dense = tf.concat([filter, tf.zerosLike(filter)], 1);
    const stuffed = tf.slice(tf.reshape(dense, [6, 2, 2]), [0, 0, 0], [5, 2, 2]) as tf.Tensor3D;
    const dilated = tf.grad((z) =>
      tf.sum(tf.square(tf.conv1d(z as tf.Tensor3D, filter, 1, 'same', 'NWC', 2))),
    )(x);
    const plain = tf.grad((z) =>
      tf.sum(tf.square(tf.conv1d(z as tf.Tensor3D, stuffed, 1, 'same', 'NWC', 1))),
    )(x);
    expect(await valuesOf(dilated)).toBeAllclose(await valuesOf(plain), { rtol: 1e-4, atol: 1e-4 });

    const image = seededTensor(7, [1, 6, 6, 2]) as tf.Tensor4D;
    const depthwise = seededTensor(8, [3, 3, 2, 1]) as tf.Tensor4D;
    const pointwise = seededTensor(9, [1, 1, 2, 2]) as tf.Tensor4D;
    const loss = (z: tf.Tensor) =>
      tf.sum(tf.separableConv2d(z as tf.Tensor4D, depthwise, pointwise, 1, 'same', [2, 2]));
    expect((await valuesOf(tf.grad(loss)(image))).data.some((value) => value !== 0)).toBe(true);
  });

  it.each([
    [
      1,
      [
        [0, 0],
        [0, 0],
        [2, 0],
        [0, 0],
      ],
    ],
    [
      3,
      [
        [0, 0],
        [0, 0],
        [6, 0],
        [0, 0],
      ],
    ],
    [4, 'same'],
    [2, 'valid'],
  ] as const)('a row of dilation %i and padding %j: the filter gradient', async (dilation, pad) => {
    const [x, filter] = [input(11, [2, 1, 11, 3]), input(12, [1, 3, 3, 2])];
    const conv = (z: tf.Tensor, w: tf.Tensor) =>
      tf.conv2d(z as tf.Tensor4D, w as tf.Tensor4D, 1, pad as 'same', 'NHWC', [1, dilation]);
    const before = pad === 'valid' ? 0 : pad === 'same' ? dilation : 2 * dilation;
    const after = pad === 'same' ? dilation : 0;
    const c: ConvCase = {
      x: [2, 1, 11 + before + after, 3],
      filter: [1, 3, 3, 2],
      stride: 1,
      dilation,
      pad: 'valid',
    };
    await expectGradient({
      op: (z, w) => conv(z!, w!),
      reference: (z, w) => {
        const padded = new Float64Array(2 * c.x[2]! * 3);
        for (let n = 0; n < 2; n++) {
          padded.set(Array.from(z!).slice(n * 33, (n + 1) * 33), (n * c.x[2]! + before) * 3);
        }
        return conv2d(padded, w!, c);
      },
      inputs: [x, filter],
    });
  });

  it('relu, from its output, to the second order', async () => {
    const x = tf.tensor1d([-2, -0, 0, 0.5, 3]);
    const gradient = tf.grad((z) => tf.sum(tf.mul(tf.relu(z), z)));
    expect(await valuesOf(gradient(x))).toBeAllclose({ shape: [5], data: [0, 0, 0, 1, 6] });
    const second = tf.grad((z) => tf.sum(tf.square(gradient(z))));
    expect(await valuesOf(second(x))).toBeAllclose({ shape: [5], data: [0, 0, 0, 4, 24] });
    await expectNoLeak(() =>
      tf
        .grad((z) => tf.sum(tf.relu(z)))(x)
        .dispose(),
    );
  });

  it('second derivatives of a dilated convolution: a Hessian-vector product', async () => {
    const c: ConvCase = { x: [1, 5, 5, 2], filter: [3, 3, 2, 2], stride: 1, dilation: 2, pad: 'same' };
    const run = (x: tf.Tensor, w: tf.Tensor) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same', 'NHWC', 2);
    const x = seededTensor(10, c.x);
    const w = seededTensor(11, c.filter);
    const v = seededTensor(12, c.filter);
    // d/dx of <d/dw sum(conv(x, w)^2), v> against the difference of the first derivative along v.
    const mixed = tf.grad((z) => tf.sum(tf.mul(v, tf.grad((u) => tf.sum(tf.square(run(z, u))))(w))))(x);
    const gradX = (step: number) => tf.grad((z) => tf.sum(tf.square(run(z, tf.add(w, tf.mul(v, step))))))(x);
    const difference = tf.div(tf.sub(gradX(0.5), gradX(-0.5)), 1);
    expect(await valuesOf(mixed)).toBeAllclose(await valuesOf(difference), { rtol: 1e-3, atol: 1e-3 });
  });

  it.each([
    [0, false, false],
    [1, false, false],
    [2, true, false],
    [0, true, true],
    [1, false, true],
  ])('cumsum along axis %i, exclusive %s, reverse %s', async (axis, exclusive, reverse) => {
    const shape = [2, 3, 4];
    await expectGradient({
      op: (x) => tf.cumsum(x!, axis, exclusive, reverse),
      reference: (x) => cumsum(x!, shape, axis, exclusive, reverse),
      inputs: [input(13, shape)],
    });
  });

  it.each([
    ['ij,jk->ik', [2, 3], [3, 4]],
    ['bij,bjk->bik', [2, 2, 3], [2, 3, 2]],
    ['bi,bi->b', [3, 2], [3, 2]],
    ['i,j->ij', [2], [3]],
    ['ij,k->k', [2, 3], [2]],
    ['ijk,kl->lji', [2, 3, 2], [2, 2]],
    ['ij->ji', [2, 3], undefined],
    ['ij->j', [2, 3], undefined],
  ])('einsum %s', async (equation, a, b) => {
    const shapes = b ? [a, b] : [a];
    await expectGradient({
      op: (...tensors) => tf.einsum(equation, ...tensors),
      reference: (...arrays) => einsum(equation, arrays, shapes),
      inputs: shapes.map((shape, index) => input(20 + index, shape)),
    });
  });

  it('gather, with repeated rows', async () => {
    const rows = [2, 0, 2, 1];
    await expectGradient({
      op: (x) => tf.gather(x!, tf.tensor1d(rows, 'int32')),
      reference: (x) => rows.flatMap((row) => [...x!.subarray(row * 3, row * 3 + 3)]),
      inputs: [input(30, [4, 3])],
    });
  });

  it('leaks nothing', async () => {
    const x = seededTensor(40, [1, 6, 6, 2]) as tf.Tensor4D;
    const w = seededTensor(41, [3, 3, 2, 2]) as tf.Tensor4D;
    await expectNoLeak(() => {
      const gradients = tf.grads((z: tf.Tensor, u: tf.Tensor) =>
        tf.conv2d(z as tf.Tensor4D, u as tf.Tensor4D, 1, 'same', 'NHWC', 2),
      )([x, w]);
      tf.dispose(gradients);
    });
    await expectNoLeak(() =>
      tf
        .grad((z) => tf.einsum('nhwc->c', z))(x)
        .dispose(),
    );
    await expectNoLeak(() =>
      tf
        .grad((z) => tf.gather(z, tf.tensor1d([0, 0], 'int32')))(w)
        .dispose(),
    );
  });
});
