/** Windows and regions of interest against their definitions, boxes as numbers and as tensors, on every backend. */
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
import { adaptiveBins } from '../src/index';
import { poolBins, roiAlign } from './references';

const [height, width, channels] = [9, 7, 5];
const shape = [2, height, width, channels];
const size = height * width * channels;
const data = Float64Array.from(seededUniform(3, 2 * size), (v, i) => Math.round(v * 1000) + i / 1000);

/** Inside, partly outside on either side, a point, outside of the map, wider than it. (image, x1, y1, x2, y2) in pixels. */
const boxes = [
  [0, 3.5, 6.25, 19, 30],
  [1, -9, -5, 12.5, 17],
  [1, 20, 24, 40, 60],
  [0, 8, 8, 8, 8],
  [0, 100, 120, 140, 150],
  [1, -50, -50, 80, 90],
];
const inverted = [0, 20, 24, 6, 9];
const image = (x: ArrayLike<number>, n: number) => Array.from({ length: size }, (_, i) => x[n * size + i]!);

describeBackends('sppWindow', () => {
  const windowReference = (x: ArrayLike<number>, levels: number[], mode: 'max' | 'avg') =>
    spp.mapWindows(boxes, { stride: 4, mapSize: [height, width] }).flatMap(([n, x1, y1, x2, y2]) =>
      levels.flatMap((bins) => {
        const axis = (from: number, to: number) =>
          adaptiveBins(to - from + 1, bins).map(({ start, end }) => ({
            start: from + start,
            end: from + end,
          }));
        const axes = [[{ start: 0, end: 1 }], axis(y1!, y2!), axis(x1!, x2!)];
        return poolBins(image(x, n!), [1, height, width, channels], axes, mode);
      }),
    );

  it.each(['max', 'avg'] as const)(
    'pools each window as its definition says, with gradients (%s)',
    async (mode) => {
      const levels = [1, 2, 3];
      for (const given of [boxes, tf.tensor2d(boxes)]) {
        await expectGradient({
          op: (x) => spp.sppWindow(x, given, { levels, mode, stride: 4 }),
          reference: (x) => windowReference(x!, levels, mode),
          inputs: [{ shape, data }],
          tolerance: 1e-5,
        });
      }
    },
  );

  it('pools windows of cells, of sequences and of volumes', async () => {
    const x = tf.tensor4d(Float32Array.from(data), shape as [number, number, number, number]);
    const cells = spp.mapWindows(boxes, { stride: 4, mapSize: [height, width] });
    const direct = await valuesOf(spp.sppWindow(x, boxes, { stride: 4 }));
    const exact = { rtol: 0, atol: 0 };
    expect(await valuesOf(spp.sppWindow(x, cells, { units: 'cells', stride: undefined }))).toBeAllclose(
      direct,
      exact,
    );
    const sequence = tf.tensor3d([1, 5, 3, 2, 4, 0], [1, 6, 1]);
    for (const mode of ['max', 'avg'] as const) {
      const pooled = spp.sppWindow(sequence, [[2, 4]], { units: 'cells', levels: [1], mode });
      expect(await valuesOf(pooled)).toBeAllclose({ shape: [1, 1], data: [mode === 'max' ? 4 : 3] });
    }
    const volume = seededTensor(5, [1, 4, 5, 6, 2]);
    const whole = [[0, 0, 0, 5, 4, 3]];
    for (const mode of ['max', 'avg'] as const) {
      const window = spp.sppWindow(volume, whole, { units: 'cells', mode });
      const pool = spp.spatialPyramidPool(volume, { mode });
      expect(await valuesOf(window)).toBeAllclose(await valuesOf(pool), { rtol: 1e-4, atol: 1e-6 });
    }
  });
});

describeBackends('sppWindow of many windows', (backend) => {
  it('equals single calls exactly, also where cells tie, with gradients', async () => {
    const [rows, columns] = [12, 17];
    const values = Float32Array.from(seededUniform(21, 2 * rows * columns * 5), (v) => Math.round(4 * v));
    const x = tf.tensor4d(values, [2, rows, columns, 5]);
    const corner = seededUniform(22, 4 * 120).map((v) => (v + 1) / 2);
    const many = Array.from({ length: 120 }, (_, i) => {
      const [a, b, c, d] = corner.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
      const [left, top] = [Math.floor(a * 8), Math.floor(b * 6)];
      return [i % 2, left, top, left + Math.floor(c * 8), top + Math.floor(d * 5)];
    });
    const pool = (z: tf.Tensor, boxes: number[][]) =>
      spp.sppWindow(z, boxes, { units: 'cells', levels: [1, 2, 3] });
    const dy = seededTensor(23, [120, spp.sppLength(5, [1, 2, 3])]);
    const exact = { rtol: 0, atol: 0 };
    const single = tf.concat(many.map((box) => pool(x, [box])));
    expect(await valuesOf(pool(x, many))).toBeAllclose(await valuesOf(single), exact);
    const gradient = tf.grad((z) => pool(z, many))(x, dy);
    const summed = many
      .map((box, i) => tf.grad((z) => pool(z, [box]))(x, tf.slice(dy, [i, 0], [1, -1])))
      .reduce((sum, part) => tf.add(sum, part));
    expect(await valuesOf(gradient)).toBeAllclose(await valuesOf(summed), { rtol: 1e-4, atol: 1e-4 });
  });

  // Without a tape no cells are looked for, and windows that overlap share a table.
  const corners = Array.from(seededUniform(24, 6 * 400), (v) => (v + 1) / 2);
  const pick = (i: number, from: number, limit: number) => Math.floor(corners[from * 400 + i]! * limit);
  const expectAlike = async (x: tf.Tensor, pool: (z: tf.Tensor) => tf.Tensor) => {
    let recorded: tf.Tensor | undefined;
    tf.grad((z) => {
      const y = pool(z);
      recorded = tf.keep(tf.clone(y));
      return tf.sum(y);
    })(x);
    expect(await valuesOf(pool(x))).toBeAllclose(await valuesOf(recorded!), { rtol: 0, atol: 0 });
    recorded!.dispose();
  };

  it.each([1, 6, 32, 37, 71])('are the same maxima without a gradient, of %i channels', async (count) => {
    const values = Float32Array.from(seededUniform(25, 2 * 9 * 11 * count), (v, i) => {
      if (i % 29 === 0) return i % 2 ? -Infinity : -0;
      if (i % 31 === 0 && backend !== 'webgpu' && backend !== 'webgl') return Number.NaN;
      return 4 * v - 3;
    });
    const x = tf.tensor4d(values, [2, 9, 11, count]);
    // Partly outside of the map, so that roiPool has empty bins.
    const many = Array.from({ length: 400 }, (_, i) => {
      const [left, top] = [pick(i, 0, 14) - 3, pick(i, 1, 12) - 3];
      return [i % 2, left, top, left + pick(i, 2, 9), top + pick(i, 3, 8)];
    });
    for (const boxes of [many, tf.tensor2d(many)]) {
      await expectAlike(x, (z) => spp.sppWindow(z, boxes, { units: 'cells', levels: [1, 3, 2, [2, 4]] }));
      await expectAlike(x, (z) => spp.roiPool(z as tf.Tensor4D, boxes, { outputSize: [3, 2] }));
    }
  });

  it('are the same maxima without a gradient in volumes', async () => {
    const x = tf.randomNormal([2, 4, 6, 5, 6], 0, 1, 'float32', 26);
    const many = Array.from({ length: 400 }, (_, i) => {
      const low = [pick(i, 0, 5), pick(i, 1, 6), pick(i, 2, 4)];
      return [i % 2, ...low, low[0]! + pick(i, 3, 5), low[1]! + pick(i, 4, 6), low[2]! + pick(i, 5, 4)];
    });
    await expectAlike(x, (z) => spp.sppWindow(z, many, { units: 'cells', levels: [1, 2] }));
  });
});

describeBackends('roiPool', () => {
  const reference = (x: ArrayLike<number>, given: number[][], bins: [number, number]) =>
    given.flatMap(([n, ...corners]) => {
      const cell = (v: number) => Math.sign(v) * Math.floor(Math.abs(v / 4) + 0.5);
      const [x1, y1, x2, y2] = corners.map(cell) as [number, number, number, number];
      const axis = (from: number, to: number, count: number, limit: number) =>
        adaptiveBins(Math.max(to - from + 1, 1), count).map(({ start, end }) => ({
          start: Math.max(0, Math.min(limit, from + start)),
          end: Math.max(0, Math.min(limit, from + end)),
        }));
      const axes = [[{ start: 0, end: 1 }], axis(y1, y2, bins[0], height), axis(x1, x2, bins[1], width)];
      return poolBins(image(x, n!), [1, height, width, channels], axes, 'max');
    });

  it('rounds half away from zero, cuts bins to the map, and gives 0 where a bin is empty', async () => {
    const all = [...boxes, inverted, [0, -2, -6, 2, 6], [1, 2, 6, 10, 14]];
    for (const given of [all, tf.tensor2d(all)]) {
      await expectGradient({
        op: (x) => spp.roiPool(x as tf.Tensor4D, given, { outputSize: [3, 2], spatialScale: 1 / 4 }),
        reference: (x) => reference(x!, all, [3, 2]),
        inputs: [{ shape, data }],
        tolerance: 1e-5,
      });
    }
  });
});

describeBackends('roiAlign', () => {
  it.each([
    [2, true],
    [3, false],
    ['adaptive', true],
    ['adaptive', false],
  ] as const)(
    'with sampling %s, aligned %s, equals the samples one by one, with gradients',
    async (samplingRatio, aligned) => {
      const bins: [number, number] = [3, 2];
      const all = [...boxes, inverted, [1, -3, -3, 37, 29]];
      const ratio = samplingRatio === 'adaptive' ? 0 : samplingRatio;
      for (const given of [all, tf.tensor2d(all)]) {
        await expectGradient({
          op: (x) =>
            spp.roiAlign(x as tf.Tensor4D, given, {
              outputSize: bins,
              spatialScale: 1 / 4,
              samplingRatio,
              aligned,
            }),
          reference: (x) =>
            all.flatMap(([n, ...box]) =>
              roiAlign(image(x!, n!), [height, width, channels], box, { bins, scale: 1 / 4, ratio, aligned }),
            ),
          inputs: [{ shape, data: data.map((v) => v / 100) }],
          tolerance: 2e-5,
        });
      }
    },
  );

  it('takes each box from the level of a pyramid that fits it', async () => {
    const spatialScales = [1 / 4, 1 / 8, 1 / 16];
    const maps = [32, 16, 8].map((side, i) => seededTensor(i, [2, side, side, 3]) as tf.Tensor4D);
    const rows = [
      [0, 0, 0, 100, 120],
      [1, 5, 5, 25, 30],
      [0, 3, 0, 124, 128],
      [1, 10, 10, 66, 66],
      [0, 7, 7, 7, 7],
    ];
    const options = { outputSize: 2, spatialScales, canonicalScale: 112 } as const;
    const levels = spp.fpnLevels(rows, options);
    expect(levels).toEqual([1, 0, 2, 1, 0]);
    const expected = tf.concat(
      rows.map((row, i) =>
        spp.roiAlign(maps[levels[i]!]!, [row], { outputSize: 2, spatialScale: spatialScales[levels[i]!] }),
      ),
    );
    for (const given of [rows, tf.tensor2d(rows)]) {
      const pooled = spp.multiScaleRoiAlign(maps, given, options);
      expect(await valuesOf(pooled)).toBeAllclose(await valuesOf(expected), { rtol: 1e-4, atol: 1e-5 });
    }
  });

  it('gives boxes no gradient, and leaks nothing', async () => {
    const x = seededTensor(1, [1, 6, 6, 2]) as tf.Tensor4D;
    const given = tf.tensor2d([[0, 1, 1, 4, 5]]);
    const [w, v] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))];
    const { grads } = tf.variableGrads(() =>
      tf.sum(spp.roiAlign(tf.mul(x, v) as tf.Tensor4D, tf.mul(given, w), { outputSize: 2 })),
    );
    expect(Object.keys(grads)).toEqual([v.name]);
    tf.dispose([grads, w, v]);
    await expectNoLeak(() => spp.roiAlign(x, given, { outputSize: 2 }).dispose());
    await expectNoLeak(() => spp.roiPool(x, given, { outputSize: 2 }).dispose());
    await expectNoLeak(() => spp.sppWindow(x, given, { stride: 1 }).dispose());
    await expectNoLeak(() => {
      expect(() => spp.roiAlign(x, [[0, NaN, 1, 2, 3]], { outputSize: 2 })).toThrow(
        /boxes\[0\] must be finite/,
      );
    });
    await expect(spp.validateBoxes(tf.tensor2d([[0, NaN, 1, 2, 3]]), { images: 1 })).rejects.toThrow(
      /finite/,
    );
    await expect(spp.validateBoxes(tf.tensor2d([[2, 0, 1, 2, 3]]), { images: 2 })).rejects.toThrow(
      /\[0, 1\]/,
    );
    await spp.validateBoxes(given, { images: 1 });
  });

  it('an image that does not exist, and a NaN, in a tensor give zeros or a part of the map, never an error', async () => {
    const x = tf.ones([1, 4, 4, 1]) as tf.Tensor4D;
    const bad = tf.tensor2d([
      [7, 0, 0, 4, 4],
      [0, NaN, 0, 4, 4],
    ]);
    for (const pooled of [
      spp.sppWindow(x, bad, { stride: 1, levels: [1] }),
      spp.roiPool(x, bad, { outputSize: 1 }),
      spp.roiAlign(x, bad, { outputSize: 1 }),
    ]) {
      expect((await pooled.data())[0]).toBe(0);
    }
  });
});

describeBackends('blocks', () => {
  it('resizeBilinear has the gradient of its own interpolation, both conventions', async () => {
    for (const alignCorners of [true, false]) {
      await expectGradient({
        op: (x) => spp.resizeBilinear(x as tf.Tensor4D, [5, 7], { alignCorners }),
        reference: (x) => {
          const at = (i: number, to: number, from: number) =>
            Math.max(
              0,
              Math.min(from - 1, alignCorners ? (i * (from - 1)) / (to - 1) : ((i + 0.5) * from) / to - 0.5),
            );
          return Array.from({ length: 35 }, (_, cell) => {
            const [y, u] = [at(Math.floor(cell / 7), 5, 3), at(cell % 7, 7, 4)];
            const [y0, u0] = [Math.floor(y), Math.floor(u)];
            const [y1, u1] = [Math.min(2, y0 + 1), Math.min(3, u0 + 1)];
            const row = (r: number) => (1 - (u - u0)) * x![r * 4 + u0]! + (u - u0) * x![r * 4 + u1]!;
            return (1 - (y - y0)) * row(y0) + (y - y0) * row(y1);
          });
        },
        inputs: [{ shape: [1, 3, 4, 1], data: seededUniform(2, 12) }],
        tolerance: 1e-5,
      });
    }
  });

  it('a folded batch norm gives what convolution and batch norm give', async () => {
    const x = seededTensor(1, [1, 4, 4, 3]) as tf.Tensor4D;
    const kernel = seededTensor(2, [1, 1, 3, 4]) as tf.Tensor4D;
    const [bias, mean, offset] = [3, 4, 5].map((seed) => seededTensor(seed, [4])) as tf.Tensor1D[];
    const [variance, scale] = [6, 7].map((seed) => seededTensor(seed, [4], 0.5, 2)) as tf.Tensor1D[];
    const folded = spp.foldBatchNorm({ kernel, bias }, { mean: mean!, variance: variance!, scale, offset });
    const convolved = tf.add(tf.conv2d(x, kernel, 1, 'same'), bias!) as tf.Tensor4D;
    const expected = tf.batchNorm(convolved, mean!, variance!, offset, scale, 1e-3);
    const actual = tf.add(tf.conv2d(x, folded.kernel, 1, 'same'), folded.bias);
    expect(await valuesOf(actual)).toBeAllclose(await valuesOf(expected), { rtol: 1e-4, atol: 1e-5 });
  });
});
