import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectGradient, expectNoLeak, seededTensor } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import type { AffineSpec } from '../src/ops/affineSpec';
import { affineTransform } from '../src/ops/affineTransform';
import { channelAffine } from '../src/ops/channelAffine';
import { logScaleSum } from '../src/ops/logScaleSum';
import { pluWeight } from '../src/ops/pluWeight';

const numbers = (size: number, scale = 1) =>
  Array.from({ length: size }, (_, i) => scale * Math.sin(2.7 * i + 1));

/** The map of one entry, as the paper of each order has it. */
function float64Affine(x: number, t: number, r: number, { scaleMap, bound, order, direction }: AffineSpec) {
  const maps = { exp: r, tanh: bound * Math.tanh(r / bound), sigmoid: -Math.log(1 + Math.exp(-(r + 2))) };
  const s = maps[scaleMap];
  if (direction === 'forward') {
    return { value: order === 'scale-first' ? x * Math.exp(s) + t : (x + t) * Math.exp(s), log: s };
  }
  return { value: order === 'scale-first' ? (x - t) / Math.exp(s) : x / Math.exp(s) - t, log: -s };
}

describeBackends('affineTransform', () => {
  const batch = 2;
  const indices = [2, 0, 4, 1, 3];
  const unchanged = 2;
  const [c, n] = [indices.length, indices.length - unchanged];
  const cases = (['exp', 'tanh', 'sigmoid'] as const).flatMap((scaleMap) =>
    (['scale-first', 'shift-first'] as const).flatMap((order) =>
      (['forward', 'inverse'] as const).map((direction) => ({ scaleMap, order, direction })),
    ),
  );

  it.each(cases)(
    '$scaleMap, $order, $direction: values and gradients are those of float64',
    async (given) => {
      const spec: AffineSpec = { ...given, bound: 1.5, indices, unchanged };
      const reference = (x: ArrayLike<number>, raw: ArrayLike<number>) => {
        const values = Array.from(x);
        const logs = [0, 0];
        for (let row = 0; row < batch; row++) {
          for (let j = 0; j < n; j++) {
            const at = row * c + indices[unchanged + j]!;
            const own = row * 2 * n + j;
            const { value, log } = float64Affine(x[at]!, raw[own]!, raw[own + n]!, spec);
            values[at] = value;
            logs[row]! += log;
          }
        }
        return { values, logs };
      };
      const inputs = [
        { shape: [batch, c], data: numbers(batch * c) },
        { shape: [batch, 2 * n], data: numbers(batch * 2 * n, 1.3) },
      ];
      await expectGradient({
        op: (x, raw) => affineTransform({ x: x!, raw: raw! }, spec).value,
        reference: (x, raw) => reference(x!, raw!).values,
        inputs,
      });
      await expectGradient({
        op: (x, raw) => affineTransform({ x: x!, raw: raw! }, spec).logDet,
        reference: (x, raw) => reference(x!, raw!).logs,
        inputs,
      });
    },
  );
});

describeBackends('channelAffine, logScaleSum and pluWeight', () => {
  it('map and have the gradients of float64', async () => {
    await expectGradient({
      op: (x, bias, logScale) => channelAffine({ x: x!, bias: bias!, logScale: logScale! }, {}),
      reference: (x, bias, logScale) =>
        Array.from(x!, (value, i) => (value + bias![i % 3]!) * Math.exp(logScale![i % 3]!)),
      inputs: [
        { shape: [2, 2, 3], data: numbers(12) },
        { shape: [3], data: numbers(3) },
        { shape: [3], data: numbers(3, 0.7) },
      ],
    });
    await expectGradient({
      op: (logScale) => logScaleSum({ logScale: logScale! }, { positions: 6 }),
      reference: (logScale) => [6 * Array.from(logScale!).reduce((a, b) => a + b)],
      inputs: [{ shape: [4], data: numbers(4) }],
    });
    const size = 4;
    const order = [2, 0, 3, 1];
    const permutation = tf.tensor2d(
      Float32Array.from({ length: size * size }, (_, at) =>
        order[Math.floor(at / size)] === at % size ? 1 : 0,
      ),
      [size, size],
    );
    const sign = tf.tensor1d([1, -1, -1, 1]);
    await expectGradient({
      op: (lower, upper, logScale) =>
        pluWeight({ permutation, sign, lower: lower!, upper: upper!, logScale: logScale! }, {}),
      reference: (lower, upper, logScale) =>
        Array.from({ length: size * size }, (_, at) => {
          const [row, j] = [order[Math.floor(at / size)]!, at % size];
          const diagonal = [1, -1, -1, 1].map((value, k) => value * Math.exp(logScale![k]!));
          let sum = 0;
          for (let k = 0; k < size; k++) {
            const l = k === row ? 1 : k < row ? lower![row * size + k]! : 0;
            const u = k === j ? diagonal[k]! : k < j ? upper![k * size + j]! : 0;
            sum += l * u;
          }
          return sum;
        }),
      inputs: [
        { shape: [size, size], data: numbers(16) },
        { shape: [size, size], data: numbers(16, 0.8) },
        { shape: [size], data: numbers(4, 0.5) },
      ],
    });
    tf.dispose([permutation, sign]);
  });
});

describeBackends(
  'gradients of gradients',
  () => {
    const x = () => seededTensor(1, [3, 4], -1, 1);
    const raw = (width: number) => seededTensor(2, [3, width], -1, 1);
    const spec: AffineSpec = {
      ...{ scaleMap: 'tanh', bound: 2, order: 'shift-first', direction: 'forward' },
      ...{ indices: [0, 1, 2, 3], unchanged: 2 },
    };
    const maps: Record<string, { width: number; map: (x: tf.Tensor, raw: tf.Tensor) => tf.Tensor }> = {
      channelAffine: {
        width: 4,
        map: (a, b) => {
          const row = tf.reshape(tf.slice(b, [0, 0], [1, 4]), [4]);
          return channelAffine({ x: a, bias: row, logScale: row }, {});
        },
      },
      affineTransform: {
        width: 4,
        map: (a, b) => {
          const { value, logDet } = affineTransform({ x: a, raw: b }, spec);
          return tf.add(value, tf.reshape(tf.square(logDet), [3, 1]));
        },
      },
    };

    describe.each(Object.entries(maps))('%s', (_, { width, map }) => {
      it('equal differences of gradients', async () => {
        const [point, parameters] = [x(), raw(width)];
        const slope = (a: tf.Tensor, b: tf.Tensor) =>
          tf.grad((inner: tf.Tensor) => tf.sum(tf.square(map(inner, b))))(a);
        // The sum of squares of the first gradient, and its own gradient to the parameters.
        const energy = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(slope(a, b)));
        const exact = await expectNoLeak(
          () => tf.tidy(() => tf.grad((b: tf.Tensor) => energy(point, b))(parameters)),
          1,
        );
        const direction = seededTensor(5, [3, width], -1, 1);
        const along = tf.tidy(() => tf.sum(tf.mul(exact, direction)).dataSync()[0]!);
        const step = 4e-3;
        const moved = (sign: number) =>
          tf.tidy(() => energy(point, tf.add(parameters, tf.mul(direction, sign * step))).dataSync()[0]!);
        const expected = (moved(1) - moved(-1)) / (2 * step);
        expect(Math.abs(along - expected) / (1 + Math.abs(expected))).toBeLessThan(0.02);
        tf.dispose([point, parameters, exact, direction]);
      });
    });
  },
  { only: ['cpu', 'wasm', 'tensorflow'] },
);
