/** Adaptive pools, pyramids and sliding pools against their definitions, on every backend: values, gradients, ties, leaks. */
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
import * as spp from '../src/index';
import { type Map3, pyramid, slidingMax } from './references';

type Case = readonly [shape: number[], bins: number[]];

/** One to three axes; channels below, at and above a block of 16; bins that divide, overlap, and exceed the cells. */
const cases: Case[] = [
  [[2, 11, 3], [4]],
  [[1, 3, 2], [5]],
  [
    [2, 7, 5, 3],
    [3, 2],
  ],
  [
    [1, 8, 8, 4],
    [4, 4],
  ],
  [
    [1, 3, 4, 19],
    [4, 3],
  ],
  [
    [1, 6, 4, 33],
    [2, 2],
  ],
  [
    [1, 5, 4, 6, 2],
    [2, 3, 4],
  ],
];

const withThree = (list: readonly number[]) => [...new Array<number>(3 - list.length).fill(1), ...list];
const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
/** Shuffled integers, so that no two values tie and finite differences do not cross a maximum. */
const distinct = (seed: number, count: number) => {
  const order = Array.from(seededUniform(seed, count), (value, i) => [value, i] as const).sort(
    ([a], [b]) => a - b,
  );
  const values = new Float64Array(count);
  order.forEach(([, i], rank) => {
    values[i] = (rank - count / 2) / 8;
  });
  return values;
};
const mapOf = (shape: number[]): Map3 => [...withThree(shape.slice(1, -1)), shape.at(-1)!] as unknown as Map3;

const pools = {
  max: { 3: spp.adaptiveMaxPool1d, 4: spp.adaptiveMaxPool2d, 5: spp.adaptiveMaxPool3d },
  avg: { 3: spp.adaptiveAvgPool1d, 4: spp.adaptiveAvgPool2d, 5: spp.adaptiveAvgPool3d },
} as const;

describeBackends('adaptive pools', () => {
  it.each(cases)('%j in %j bins equal their definition, with gradients', async (shape, bins) => {
    for (const mode of ['max', 'avg'] as const) {
      const pool = pools[mode][shape.length as 3 | 4 | 5] as (x: never, bins: number[]) => tf.Tensor;
      await expectGradient({
        op: (x) => pool(x as never, bins),
        reference: (x) => pyramid(x!, shape[0]!, mapOf(shape), [withThree(bins) as never], mode),
        inputs: [{ shape: [...shape], data: distinct(7, sizeOf(shape)) }],
        tolerance: 1e-5,
      });
    }
  });

  it('gives the first of equal cells in row-major order, and the gradient to it alone', async () => {
    const x = tf.tensor4d([1, 2, 2, 0, 2, 2, 1, 1, 0, 3, 0, 0, 0, 0, 3, 0], [1, 4, 4, 1]);
    const { result, indexes } = spp.adaptiveMaxPoolWithArgmax(x, 2);
    expect(await valuesOf(result)).toBeAllclose({ shape: [1, 2, 2, 1], data: [2, 2, 3, 3] });
    expect(Array.from(await indexes.data())).toEqual([1, 2, 9, 14]);
    // The coarsest level is made of the bins of the finest: the tie between bins goes to the lowest cell as well.
    const tie = tf.tensor4d([0, 0, 5, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], [1, 4, 4, 1]);
    const gradient = tf.grad((z) => spp.spatialPyramidPool(z, { levels: [1, 2] }))(
      tie,
      tf.tensor2d([[1, 0, 0, 0, 0]]),
    );
    expect(Array.from(await gradient.data()).indexOf(1)).toBe(2);
    const sliding = tf.grad((z) => spp.slidingMaxPool2d(z as tf.Tensor4D, 7))(tf.ones([1, 4, 4, 1]));
    expect((await sliding.data())[0]).toBe(16);
    tf.dispose([x, result, indexes, tie, gradient, sliding]);
  });

  it('has a gradient of its gradient', async () => {
    const x = tf.tensor4d(Float32Array.from(distinct(3, 36)), [1, 6, 6, 1]);
    const loss = (z: tf.Tensor) => tf.sum(tf.pow(spp.adaptiveMaxPool2d(z as tf.Tensor4D, 3), 3));
    const second = tf.grad((z) => tf.sum(tf.grad(loss)(z)));
    const maxima = spp.adaptiveMaxPoolWithArgmax(x, 3);
    const expected = new Float32Array(36);
    const values = await maxima.result.data();
    (await maxima.indexes.data()).forEach((cell, i) => {
      expected[cell] = 6 * values[i]!;
    });
    expect(await valuesOf(second(x))).toBeAllclose({ shape: [1, 6, 6, 1], data: expected }, { rtol: 1e-4 });
  });
});

describeBackends('spatialPyramidPool', () => {
  it.each(['max', 'avg'] as const)(
    'equals its definition over nested and other levels (%s)',
    async (mode) => {
      for (const levels of [
        [1, 2, 4],
        [1, 2, 3, 6],
        [3, 1],
        [[2, 3], 1],
      ]) {
        for (const shape of [
          [2, 9, 7, 3],
          [1, 8, 8, 5],
        ]) {
          const level3 = levels.map(
            (n) => withThree(Array.isArray(n) ? n : [n, n]) as unknown as [number, number, number],
          );
          await expectGradient({
            op: (x) => spp.spatialPyramidPool(x, { levels, mode }),
            reference: (x) => pyramid(x!, shape[0]!, mapOf(shape), level3, mode),
            inputs: [{ shape, data: distinct(5, sizeOf(shape)) }],
            tolerance: 1e-5,
          });
        }
      }
    },
  );

  it('pools sequences, volumes and lists of maps of different sizes, in either order', async () => {
    const small = seededTensor(1, [1, 5, 9, 3]);
    const large = seededTensor(2, [2, 13, 4, 3]);
    const list = spp.spatialPyramidPool([small, large], { levels: [1, 3] });
    const apart = tf.concat([small, large].map((x) => spp.spatialPyramidPool(x, { levels: [1, 3] })));
    expect(list.shape).toEqual([3, spp.sppLength(3, [1, 3])]);
    expect(await valuesOf(list)).toBeAllclose(await valuesOf(apart), { rtol: 0, atol: 0 });
    const major = spp.spatialPyramidPool(small, { levels: [2], order: 'channel-major' });
    const turned = tf.reshape(
      tf.transpose(spp.adaptiveMaxPool2d(small as tf.Tensor4D, 2), [0, 3, 1, 2]),
      [1, 12],
    );
    expect(await valuesOf(major)).toBeAllclose(await valuesOf(turned), { rtol: 0, atol: 0 });
    const sequence = spp.spatialPyramidPool(seededTensor(3, [2, 6, 2]), { mode: 'avg' });
    expect(sequence.shape).toEqual([2, spp.sppLength(2, [1, 2, 4], 1)]);
    const volume = spp.spatialPyramidPool(seededTensor(3, [1, 3, 4, 5, 2]), { mode: 'avg' });
    expect(volume.shape).toEqual([1, spp.sppLength(2, [1, 2, 4], 3)]);
    expect(volume.shape[1]).toBe(2 * 73);
  });

  it('takes integers, and leaks nothing, also when it throws', async () => {
    const x = tf.range(0, 48, 1, 'int32');
    const map = tf.reshape(x, [1, 4, 4, 3]);
    expect((await spp.spatialPyramidPool(map, { levels: [1] }).data())[2]).toBe(47);
    await expectNoLeak(() => spp.spatialPyramidPool(map).dispose());
    await expectNoLeak(() => spp.spatialPyramidPool(map, { mode: 'avg', order: 'channel-major' }).dispose());
    const float = tf.cast(map, 'float32');
    await expectNoLeak(() =>
      tf
        .grad((z) => spp.spatialPyramidPool(z))(float)
        .dispose(),
    );
    await expectNoLeak(() => {
      expect(() => spp.spatialPyramidPool([map, tf.keep(float), map], { levels: [0] })).toThrow(
        /levels\[0\]/,
      );
    });
  });
});

describeBackends('sliding pools', () => {
  it('are maxima over windows that end at the edges, on negative maps too', async () => {
    for (const [shape, kernel] of [
      [[2, 5, 6, 3], 3],
      [[1, 4, 7, 18], 5],
      [[1, 3, 2, 4], 13],
    ] as const) {
      const size = sizeOf(shape.slice(1));
      const data = distinct(9, sizeOf(shape)).map((v) => v - 1000);
      await expectGradient({
        op: (x) => spp.slidingMaxPool2d(x as tf.Tensor4D, kernel),
        reference: (x) =>
          Array.from({ length: shape[0] }, (_, n) =>
            slidingMax(x!.subarray(n * size, (n + 1) * size), shape[1], shape[2], shape[3], kernel),
          ).flat(),
        inputs: [{ shape: [...shape], data }],
        tolerance: 1e-5,
      });
    }
  });

  it('cascade to the same maps as independent pools, for kernels that are no cascade of one kernel too', async () => {
    const x = seededTensor(4, [2, 9, 11, 5]) as tf.Tensor4D;
    for (const kernels of [
      [5, 9, 13],
      [5, 7, 13],
      [13, 3, 3],
      [1, 5],
    ]) {
      const independent = tf.concat([x, ...kernels.map((k) => spp.slidingMaxPool2d(x, k))], 3);
      const exact = { rtol: 0, atol: 0 };
      expect(await valuesOf(spp.yoloSpp(x, { kernels }))).toBeAllclose(await valuesOf(independent), exact);
      const gradient = (f: (z: tf.Tensor4D) => tf.Tensor) =>
        tf.grad((z) => tf.sum(tf.square(f(z as tf.Tensor4D))))(x);
      const cascade = gradient((z) => spp.yoloSpp(z, { kernels }));
      const apart = gradient((z) => tf.concat([z, ...kernels.map((k) => spp.slidingMaxPool2d(z, k))], 3));
      expect(await valuesOf(cascade)).toBeAllclose(await valuesOf(apart), { rtol: 1e-4, atol: 1e-4 });
    }
    const same = await valuesOf(spp.yoloSpp(x));
    expect(await valuesOf(spp.sppf(x))).toBeAllclose(same, { rtol: 0, atol: 0 });
    await expectNoLeak(() => spp.sppf(x).dispose());
  });
});

describeBackends('not-a-number and infinities', (backend) => {
  it('a NaN is the maximum of its bins, and -Infinity a value as others', async () => {
    const values = [NaN, 1, 2, 3, -Infinity, -Infinity, -Infinity, -Infinity];
    const x = tf.tensor4d(values, [1, 2, 4, 1]);
    const { result, indexes } = spp.adaptiveMaxPoolWithArgmax(x, [2, 2]);
    // TensorFlow's own pool, which runs here, may pass over a NaN.
    const first = backend === 'tensorflow' ? (await result.data())[0]! : NaN;
    expect(await valuesOf(result)).toBeAllclose({
      shape: [1, 2, 2, 1],
      data: [first, 3, -Infinity, -Infinity],
    });
    expect(Array.from(await indexes.data()).slice(1)).toEqual([3, 4, 6]);
  });
});
