import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectGradient, expectNoLeak, seededTensor } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import { type RationalQuadraticOptions, rationalQuadraticSpline } from '../src/splines/index';
import { float64Spline } from './float64Spline';

const options: Record<string, RationalQuadraticOptions & { outputs: number }> = {
  identity: { bins: 4, bound: 1.5, outputs: 11 },
  linear: { bins: 3, bound: 1, tails: 'linear', outputs: 10 },
  circular: { bins: 3, bound: Math.PI, tails: 'circular', outputs: 9 },
  'one bin': { bins: 1, bound: 2, tails: 'linear', outputs: 4 },
  'one bin on a circle': { bins: 1, bound: 1, tails: 'circular', outputs: 3 },
  'exponential slopes': { bins: 5, bound: 2, derivatives: 'exp', minBinWidth: 0, outputs: 14 },
};
const points = [-7.25, -2.1, -1.26, -0.6, -0.013, 0.41, 0.93, 1.2, 1.9, 12];
const rows = 2;
const n = points.length / rows;

const rawOf = (outputs: number) =>
  Float32Array.from({ length: rows * outputs * n }, (_, i) => 1.4 * Math.sin(2.3 * i + 1));

describeBackends('rationalQuadraticSpline', () => {
  describe.each(Object.entries(options))('%s', (_, { outputs, ...spline }) => {
    it.each(['forward', 'inverse'] as const)(
      '%s values and gradients are those of float64',
      async (direction) => {
        const raw = rawOf(outputs);
        const reference = (x: ArrayLike<number>, numbers: ArrayLike<number>, which: 'value' | 'logSlope') =>
          Array.from({ length: rows * n }, (_, at) => {
            const [row, i] = [Math.floor(at / n), at % n];
            const own = Array.from({ length: outputs }, (_, p) => numbers[row * outputs * n + p * n + i]!);
            return float64Spline(x[at]!, own, { ...spline, direction })[which];
          });
        for (const which of ['value', 'logSlope'] as const) {
          await expectGradient({
            op: (x, numbers) => rationalQuadraticSpline(x!, numbers!, { ...spline, direction })[which],
            reference: (x, numbers) => reference(x!, numbers!, which),
            inputs: [
              { shape: [rows, n], data: points },
              { shape: [rows, outputs * n], data: Array.from(raw) },
            ],
            tolerance: 1e-3,
          });
        }
      },
    );
  });

  it('inverts itself and stays finite for extreme numbers and for points far outside', async () => {
    const x = tf.tensor2d(
      [-1e30, -1e6, -3.0000002, -3, -2.9999998, 0, 2.9999998, 3, 3.0000002, 1e6, 1e30],
      [11, 1],
    );
    for (const size of [1, 30, 300]) {
      const raw = tf.tidy(() => tf.mul(seededTensor(3, [11, 23]), size));
      await expectNoLeak(async () => {
        const { value, logSlope } = rationalQuadraticSpline(x, raw);
        const { value: back, logSlope: backSlope } = rationalQuadraticSpline(value, raw, {
          direction: 'inverse',
        });
        const gradients = tf.grads((a: tf.Tensor, b: tf.Tensor) => {
          const result = rationalQuadraticSpline(a, b);
          return tf.add(result.value, result.logSlope);
        })([x, raw]);
        for (const tensor of [value, logSlope, back, backSlope, ...gradients]) {
          expect((await tensor.data()).every(Number.isFinite)).toBe(true);
        }
        const [before, after] = [await x.data(), await back.data()];
        if (size === 1)
          for (const [i, v] of before.entries()) expect(after[i]! / (v || 1)).toBeCloseTo(v ? 1 : 0, 5);
        tf.dispose([value, logSlope, back, backSlope, ...gradients]);
      });
      raw.dispose();
    }
    x.dispose();
  });

  it('names what is wrong with its arguments', () => {
    const x = tf.zeros([2, 3]);
    expect(() => rationalQuadraticSpline(x, tf.zeros([2, 3]))).toThrow(
      /raw must have shape \[2, 69\] for x \[2, 3\]/,
    );
    expect(() => rationalQuadraticSpline(x, x, { bins: 0 })).toThrow(/bins/);
    expect(() => rationalQuadraticSpline(x, x, { bins: 4, minBinWidth: 0.25 })).toThrow(/minBinWidth/);
    expect(() => rationalQuadraticSpline(x, x, { tails: 'none' as never })).toThrow(/tails/);
  });
});

describeBackends(
  'a million samples',
  () => {
    it('of a spline flow with wild parameters, and densities far outside of its box, hold no NaN', async () => {
      const { key } = await import('@tfkit/core');
      const { splineFlow } = await import('../src/splines/index');
      const flow = splineFlow({ shape: [2], layers: 2, bins: 8, hidden: [16], key: key(0), linear: false });
      tf.tidy(() => {
        for (const [i, variable] of flow.trainableVariables.entries()) {
          variable.assign(tf.add(variable, tf.mul(seededTensor(i, variable.shape), 4)));
        }
      });
      const size = 100_000;
      for (let i = 0; i < 10; i++) {
        // Every second draw is up to 40 deviations out.
        const x = flow.sample(size, { key: key(i), temperature: i % 2 ? 40 : 1 });
        const logProb = flow.logProb(x);
        const finite = tf.tidy(() =>
          tf.min(tf.cast(tf.isFinite(tf.concat([tf.reshape(x, [-1]), logProb])), 'int32')),
        );
        expect((await finite.data())[0]).toBe(1);
        tf.dispose([x, logProb, finite]);
      }
      const far = tf.tensor2d([
        [1e6, -1e6],
        [3e18, 1],
        [0, -3e18],
      ]);
      const values = await flow.logProb(far).data();
      expect(values.every((value) => !Number.isNaN(value))).toBe(true);
      far.dispose();
      flow.dispose();
    });
  },
  { only: ['tensorflow'] },
);
