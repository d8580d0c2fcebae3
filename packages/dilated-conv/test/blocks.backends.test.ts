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
  asppV2,
  asppV3,
  asppV3Plus,
  deepLabDecoder,
  dilatedConv2d,
  dilatedDepthwiseConv2d,
  hdcBlock,
  identityKernel,
  pixelShuffle,
  type TcnWeights,
  tcn,
  tcnStream,
  type WaveNetWeights,
  waveNet,
  waveNetStream,
} from '../src/index';

const t4 = (seed: number, shape: number[]) => seededTensor(seed, shape) as tf.Tensor4D;
const t3 = (seed: number, shape: number[]) => seededTensor(seed, shape) as tf.Tensor3D;
const t1 = (seed: number, size: number) => seededTensor(seed, [size]) as tf.Tensor1D;

const tcnWeights = (): TcnWeights => ({
  blocks: [
    {
      v1: t3(1, [3, 2, 4]),
      g1: t1(2, 4),
      b1: t1(3, 4),
      v2: t3(4, [3, 4, 4]),
      g2: t1(5, 4),
      b2: t1(6, 4),
      residual: { kernel: t3(7, [1, 2, 4]) },
    },
    { v1: t3(8, [3, 4, 4]), b1: t1(9, 4), v2: t3(10, [3, 4, 4]) },
  ],
});

const waveNetWeights = (): WaveNetWeights => ({
  input: { kernel: t3(11, [1, 2, 3]), bias: t1(12, 3) },
  layers: [1, 2, 3].map((layer) => ({
    filter: { kernel: t3(20 * layer, [2, 3, 4]), bias: t1(20 * layer + 1, 4) },
    gate: { kernel: t3(20 * layer + 2, [2, 3, 4]) },
    skip: { kernel: t3(20 * layer + 3, [1, 4, 2]) },
    residual: layer < 3 ? { kernel: t3(20 * layer + 4, [1, 4, 3]), bias: t1(20 * layer + 5, 3) } : undefined,
  })),
});

describeBackends('streams', () => {
  const networks = {
    tcn: {
      batch: (x: tf.Tensor3D) => tcn(x, tcnWeights(), { rates: [1, 3] }),
      stream: () => tcnStream(tcnWeights(), { rates: [1, 3], batch: 2 }),
    },
    waveNet: {
      batch: (x: tf.Tensor3D) => waveNet(x, waveNetWeights()),
      stream: () => waveNetStream(waveNetWeights(), { batch: 2 }),
    },
  };

  it.each(Object.entries(networks))(
    '%s step by step equals the whole sequence, again after reset',
    async (_name, { batch, stream }) => {
      const x = t3(30, [2, 17, 2]);
      const whole = await valuesOf(batch(x));
      const steps = tf.unstack(x, 1) as tf.Tensor2D[];
      const running = stream();
      for (let round = 0; round < 2; round++) {
        const y = tf.stack(
          steps.map((step) => running.step(step)),
          1,
        );
        expect(await valuesOf(y)).toBeAllclose(whole, { rtol: 1e-4, atol: 1e-5 });
        running.reset();
      }
      running.dispose();
    },
  );

  it('holds a constant number of tensors, gives all back, and does not dispose its input', async () => {
    const weights = tcnWeights();
    const x = tf.ones<tf.Rank.R2>([1, 2]);
    await expectNoLeak(() => {
      const stream = tcnStream(weights, { rates: [1, 2] });
      const counts = Array.from({ length: 30 }, () => {
        stream.step(x).dispose();
        return tf.memory().numTensors;
      });
      expect(new Set(counts.slice(10)).size).toBe(1);
      stream.dispose();
      expect(() => stream.step(x)).toThrow(/step must not be called after dispose/);
    });
    expect(x.isDisposed).toBe(false);
  });
});

describeBackends('blocks', () => {
  it('pixelShuffle: both orders, values and gradient', async () => {
    const shape = [2, 2, 3, 12];
    const [n, h, w, channels] = shape as [number, number, number, number];
    const [r, c] = [2, 3];
    for (const order of ['depthToSpace', 'pixelShuffle'] as const) {
      await expectGradient({
        op: (x) => pixelShuffle(x as tf.Tensor4D, r, order),
        reference: (x) => {
          const y = new Float64Array(x!.length);
          for (let i = 0; i < y.length; i++) {
            const [ch, column, row, b] = [
              i % c,
              Math.floor(i / c) % (w * r),
              Math.floor(i / (c * w * r)) % (h * r),
              Math.floor(i / (c * w * r * h * r)),
            ];
            const sub = (row % r) * r + (column % r);
            const from = order === 'depthToSpace' ? sub * c + ch : ch * r * r + sub;
            y[i] = x![((b * h + Math.floor(row / r)) * w + Math.floor(column / r)) * channels + from]!;
          }
          return y;
        },
        inputs: [{ shape, data: seededUniform(1, n * h * w * channels) }],
      });
    }
    expect(() => pixelShuffle(tf.zeros([1, 2, 2, 6]), 2)).toThrow(/x must have a multiple of 4 channels/);
  });

  it('hdcBlock is its convolutions in order', async () => {
    const x = t4(2, [1, 7, 7, 2]);
    const layers = [{ kernel: t4(3, [3, 3, 2, 3]), bias: t1(4, 3) }, { kernel: t4(5, [3, 3, 3, 2]) }];
    const first = tf.relu(
      tf.add(dilatedConv2d(x, layers[0]!.kernel, { padding: 'same' }), layers[0]!.bias!),
    ) as tf.Tensor4D;
    const second = tf.relu(dilatedConv2d(first, layers[1]!.kernel, { padding: 'same', dilationRate: 2 }));
    expect(await valuesOf(hdcBlock(x, { layers }, { rates: [1, 2] }))).toBeAllclose(await valuesOf(second));
    expect(() => hdcBlock(x, { layers })).toThrow(
      'hdcBlock: rates must have one entry for each of the 2 layers, got 3.',
    );
  });

  it('asppV3Plus is asppV3 with the products of separable filters', async () => {
    const x = t4(6, [1, 6, 6, 2]);
    const [depthwise, pointwise] = [t4(7, [3, 3, 2, 1]), t4(8, [1, 1, 2, 3])];
    const shared = { pointwise: { kernel: t4(9, [1, 1, 2, 3]) }, pool: { kernel: t4(10, [1, 1, 2, 3]) } };
    const bias = t1(11, 3);
    const kernel = tf.mul(depthwise, tf.reshape(pointwise, [1, 1, 2, 3])) as tf.Tensor4D;
    const separable = asppV3Plus(
      x,
      { ...shared, branches: [{ depthwise, pointwise, bias }] },
      { rates: [2] },
    );
    const dense = asppV3(x, { ...shared, branches: [{ kernel, bias }] }, { rates: [2] });
    expect(await valuesOf(separable)).toBeAllclose(await valuesOf(dense), { rtol: 1e-4, atol: 1e-5 });
    expect(dilatedDepthwiseConv2d(x, depthwise).shape).toEqual([1, 4, 4, 2]);
  });

  it('deepLabDecoder resizes x to the low-level map and joins both, with gradients', async () => {
    // Centre taps alone, so that the 3x3 convolution is relu(x + 10 low); low is reduced by 2.
    const reduce = { kernel: tf.tensor4d([2], [1, 1, 1, 1]) };
    const taps = Array.from({ length: 18 }, (_, i) => (i === 8 ? 1 : i === 9 ? 10 : 0));
    const refine = [{ kernel: tf.tensor4d(taps, [3, 3, 2, 1]) }];
    const low = [1, -2, 3, 0.5, -1, 2, 4, 1, -3];
    await expectGradient({
      op: (x, z) => deepLabDecoder(x as tf.Tensor4D, z as tf.Tensor4D, { reduce, refine }),
      reference: (x, z) => {
        const [a, b, c, d] = Array.from(x!) as [number, number, number, number];
        const between = [a, (a + b) / 2, b, (a + c) / 2, (a + b + c + d) / 4, (b + d) / 2, c, (c + d) / 2, d];
        return Float64Array.from(between, (v, i) => Math.max(0, v + 10 * Math.max(0, 2 * z![i]!)));
      },
      inputs: [
        { shape: [1, 2, 2, 1], data: Float64Array.of(0.5, 2, 4, 6) },
        { shape: [1, 3, 3, 1], data: Float64Array.from(low) },
      ],
    });
    const x = t4(40, [1, 2, 3, 4]);
    const separable = { depthwise: t4(41, [3, 3, 6, 1]), pointwise: t4(42, [1, 1, 6, 3]) };
    const weights = {
      reduce: { kernel: t4(43, [1, 1, 5, 2]) },
      refine: [separable, { kernel: t4(44, [3, 3, 3, 3]) }],
      classify: { kernel: t4(45, [1, 1, 3, 7]) },
    };
    const early = t4(46, [1, 8, 12, 5]);
    const y = await expectNoLeak(() => deepLabDecoder(x, early, weights), 1);
    expect(y.shape).toEqual([1, 8, 12, 7]);
    expect(() => deepLabDecoder(early, x, weights)).toThrow(
      'deepLabDecoder: low must have the batch of x and at least its size [1, 8, 12, 5], got [1, 2, 3, 4].',
    );
  });

  it('blocks leave nothing behind', async () => {
    const x = t4(12, [1, 6, 6, 2]);
    const branches = [{ kernel: t4(13, [3, 3, 2, 2]) }];
    await expectNoLeak(() => asppV2(x, { branches }, { rates: [2] }).dispose());
    const sequence = t3(14, [1, 8, 2]);
    const [weights, gated] = [tcnWeights(), waveNetWeights()];
    await expectNoLeak(() => tcn(sequence, weights).dispose());
    await expectNoLeak(() => waveNet(sequence, gated).dispose());
  });

  it('identityKernel: eq. 4 and 5 of the paper', async () => {
    const kernel = await valuesOf(identityKernel(2, 4));
    const expected = tf.buffer([3, 3, 2, 4]);
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [1, 2],
      [1, 3],
    ] as const)
      expected.set(0.5, 1, 1, from, to);
    expect(kernel).toBeAllclose(await valuesOf(expected.toTensor()));
    const noisy = await valuesOf(identityKernel(2, 2, { noise: 0.1, key: [0, 1] }));
    const noise = [...noisy.data].filter((value) => value !== 1);
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value ** 2, 0) / noise.length);
    expect(noise.length).toBe(34);
    expect(deviation).toBeGreaterThan(0.06);
    expect(deviation).toBeLessThan(0.14);
    expect(() => identityKernel(2, 2, { noise: 0.1 })).toThrow(/key must be/);
    expect(() => identityKernel(2, 2, { kernelSize: 2 })).toThrow(/kernelSize/);
  });
});
