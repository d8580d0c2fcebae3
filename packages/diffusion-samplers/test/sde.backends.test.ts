/** The loops of `./sde` on tensors: what typed arrays give, to float32. */
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { beforeAll, expect, it } from 'vitest';
import { decode, encode, type ItemModel, logLikelihood, sampleSde, veSde, vpSde } from '../src/sde';
import { tensors } from '../src/tfjs';

/** The noise of a mixture of two Gaussians in the plane, N(+-mean, deviation^2). */
const [mean, deviation] = [0.8, 0.4];

const onArrays: ItemModel<Float64Array> = (x, { alpha, sigma }) =>
  x.map((value, i) => {
    const item = i >> 1;
    const [a, s] = [alpha[item]!, sigma[item]!];
    const variance = (a * deviation) ** 2 + s ** 2;
    const side = Math.tanh((a * mean * (x[2 * item]! + x[2 * item + 1]!)) / variance);
    return (s * (value - a * mean * side)) / variance;
  });

const column = (values: Float64Array) => tf.tensor2d(Float32Array.from(values), [values.length, 1]);

const onTensors: ItemModel<tf.Tensor> = (x, { alpha, sigma }) =>
  tf.tidy(() => {
    const [a, s] = [column(alpha), column(sigma)];
    const variance = tf.add(tf.square(tf.mul(a, deviation)), tf.square(s));
    const sum = tf.sum(x, 1, true);
    const side = tf.tanh(tf.div(tf.mul(tf.mul(a, mean), sum), variance));
    return tf.div(tf.mul(s, tf.sub(x, tf.mul(tf.mul(a, mean), side))), variance);
  });

const points = [0.9, 0.4, -0.7, -1.1, 0.1, -0.5];
const shape = [3, 2];
const options = { sde: vpSde(), prediction: 'epsilon', shape, rtol: 1e-4, atol: 1e-4 } as const;

describeBackends('the probability-flow ODE on tensors', () => {
  beforeAll(async () => {
    await ensureGradients();
  });

  it('encodes and decodes as typed arrays do, and leaks nothing', async () => {
    const onHost = await encode(onArrays, points, options);
    const x = tf.tensor2d(points, [3, 2]);
    await expectNoLeak(async () => {
      const there = await encode(onTensors, x, { ...options, on: tensors, times: [0.5] });
      expect(await there.x.data()).toBeAllclose(onHost.x, { atol: 3e-3 });
      const back = await decode(onTensors, there.x, { ...options, on: tensors });
      expect(await back.x.data()).toBeAllclose(points, { atol: 5e-3 });
      tf.dispose([there.x, ...there.dense, back.x]);
      const failing: ItemModel<tf.Tensor> = () => tf.fill(shape, NaN);
      await expect(encode(failing, x, { ...options, on: tensors })).rejects.toThrow(/must be finite/);
    });
    x.dispose();
  });

  it.each(['exact', 'hutchinson'] as const)(
    'measures likelihood through gradients, %s',
    async (divergence) => {
      const onHost = await logLikelihood(onArrays, points, { ...options, divergence, seed: 3 });
      await expectNoLeak(async () => {
        const result = await logLikelihood(onTensors, points, {
          ...options,
          divergence,
          seed: 3,
          on: tensors,
        });
        expect(result.logProb).toBeAllclose(onHost.logProb, { atol: 5e-3 });
        result.latent.dispose();
      });
    },
  );
});

describeBackends('the reverse SDE on tensors', () => {
  it.each([
    ['Euler-Maruyama', { sde: vpSde(), method: 'euler-maruyama' }],
    ['Heun, half the noise', { sde: vpSde(), method: 'heun', lambda: 0.5 }],
    ['SRA1, corrected by item', { sde: vpSde(), method: 'sra1', corrector: { steps: 2, snr: 0.1 } }],
    [
      'VE, corrected by batch',
      { sde: veSde({ sigmaMax: 5 }), method: 'euler-maruyama', corrector: { snr: 0.1, norms: 'batch' } },
    ],
  ] as const)('samples as typed arrays do, and leaks nothing: %s', async (_, choices) => {
    const run = { ...choices, prediction: 'epsilon', shape, steps: 20, seed: 6 } as const;
    const host = await sampleSde(onArrays, points, run);
    const x = tf.tensor2d(points, [3, 2]);
    await expectNoLeak(async () => {
      const there = await sampleSde(onTensors, x, { ...run, on: tensors });
      expect(await there.x.data()).toBeAllclose(host.x, { rtol: 2e-3, atol: 2e-3 });
      expect(there.modelCalls).toBe(host.modelCalls);
      there.x.dispose();
    });
    x.dispose();
  });

  it('leaks nothing when the model, or the noise of the corrector, fails', async () => {
    const run = { sde: vpSde(), prediction: 'epsilon', shape, steps: 4, on: tensors, corrector: {} } as const;
    const noNoise = () => {
      throw new Error('no noise');
    };
    let calls = 0;
    const failing: ItemModel<tf.Tensor> = (x, call) => {
      if (++calls === 4) throw new Error('no memory');
      return onTensors(x, call);
    };
    const wrong: ItemModel<tf.Tensor> = () => tf.zeros([5, 7]);
    await expectNoLeak(async () => {
      await expect(sampleSde(onTensors, points, { ...run, noise: noNoise })).rejects.toThrow('no noise');
      await expect(sampleSde(failing, points, run)).rejects.toThrow('no memory');
      await expect(sampleSde(wrong, points, run)).rejects.toThrow();
    });
  });
});
