import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectGradient, expectNoLeak, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { backendEpsilon, logSigmoid, safeAcos, safeNormalize, softplus } from '../src/numerics';

const spread = [-200, -90, -30, -5, -1e-3, 0, 1e-3, 5, 30, 90, 200];
const softplus64 = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

describeBackends('numerics', () => {
  it('softplus and its gradient are finite and right from -200 to 200', async () => {
    await expectGradient({
      op: (x) => softplus(x!),
      reference: (x) => x!.map(softplus64),
      inputs: [{ shape: [spread.length], data: spread }],
    });
    const value = await valuesOf(softplus(tf.tensor1d([-20, 0, 20])));
    expect(value).toBeAllclose(
      { shape: [3], data: [softplus64(-20), Math.LN2, softplus64(20)] },
      { rtol: 1e-4, atol: 0 },
    );
  });

  it('logSigmoid does not underflow', async () => {
    await expectGradient({
      op: (x) => logSigmoid(x!),
      reference: (x) => x!.map((v) => -softplus64(-v)),
      inputs: [{ shape: [spread.length], data: spread }],
    });
  });

  it.each([1e-20, 1e-8, 1, 1e8, 1e20])('safeNormalize of a vector of norm %s', async (norm) => {
    const x = [0.6 * norm, -0.8 * norm, 0];
    expect(await valuesOf(safeNormalize(tf.tensor2d([x])))).toBeAllclose(
      { shape: [1, 3], data: [0.6, -0.8, 0] },
      { rtol: 1e-4, atol: 1e-6 },
    );
  });

  it('safeNormalize has the gradient of x / |x|, and none at zero', async () => {
    await expectGradient({
      op: (x) => safeNormalize(x!),
      reference: (x) => {
        const norm = (row: number) => Math.hypot(x![2 * row]!, x![2 * row + 1]!);
        return x!.map((value, i) => value / norm(i >> 1));
      },
      inputs: [{ shape: [2, 2], data: [3, -4, 0.5, 0.25] }],
      tolerance: 1e-3,
    });
    const atZero = tf.grad((x) => tf.sum(safeNormalize(x)))(tf.zeros([2, 3]));
    expect(await valuesOf(atZero)).toBeAllclose({ shape: [2, 3], data: new Float32Array(6) });
  });

  it('safeAcos stays finite where acos has an infinite slope', async () => {
    const cosine = tf.tensor1d([-1.0000001, -1, -0.5, 0, 0.5, 1, 1.0000001]);
    const [angle, slope] = [safeAcos(cosine), tf.grad((x) => tf.sum(safeAcos(x)))(cosine)];
    const angles = (await valuesOf(angle)).data;
    expect([...angles].every(Number.isFinite)).toBe(true);
    expect([...angles]).toBeAllclose([-1, -1, -0.5, 0, 0.5, 1, 1].map(Math.acos), {
      rtol: 0,
      atol: 1e-3,
    });
    expect([...(await valuesOf(slope)).data].every(Number.isFinite)).toBe(true);
  });

  it('backendEpsilon is the spacing of floats at 1', () => {
    expect(backendEpsilon()).toBe(tf.backend().floatPrecision() === 16 ? 2 ** -10 : 2 ** -23);
  });

  it('leaks nothing', async () => {
    const x = tf.tensor1d([1, 2]);
    for (const f of [softplus, logSigmoid, safeNormalize, safeAcos]) {
      await expectNoLeak(() => f(x).dispose());
      await expectNoLeak(() =>
        tf
          .grad((z) => f(z))(x)
          .dispose(),
      );
    }
  });
});
