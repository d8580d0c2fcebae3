import * as tf from '@tensorflow/tfjs-core';
import { key, split } from '@tfkit/core';
import { describeBackends, expectNoLeak, seededTensor } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import {
  actnorm,
  chain,
  conditionalAffine,
  Flow,
  fit,
  gaussian,
  gaussianMixture,
  glow,
  interpolate,
  inversionErrors,
  logistic,
  mlp,
  nice,
  realNVP,
} from '../src/index';

const smallNice = () => nice({ shape: [6], hidden: [8], key: key(1), quantization: { levels: 4 } });
const integers = (count: number, size: number) =>
  Uint8Array.from({ length: count * size }, (_, i) => (i * 7 + (i % size) + Math.floor(i / size)) % 4);

describeBackends('flows', (backend) => {
  it('models start as likelihoods that can be sampled, and invert their samples', async () => {
    const flows = [
      smallNice(),
      realNVP({ shape: [3], couplings: 2, hidden: [8], key: key(2) }),
      realNVP({ shape: [4, 4, 1], channels: 4, blocks: 1, alpha: 0.05, key: key(3) }),
      glow({ shape: [4, 4, 2], levels: 2, steps: 1, channels: 4, key: key(4) }),
    ];
    for (const flow of flows) {
      await expectNoLeak(async () => {
        const x = flow.sample(3, { key: key(5), temperature: 0.5 });
        expect(x.shape).toEqual([3, ...flow.shape]);
        const { z, logDet } = flow.forward(x);
        const back = flow.inverse(z);
        const logProb = flow.logProb(x);
        expect(await back.x.data()).toBeAllclose(await x.data(), { rtol: 1e-3, atol: 1e-3 });
        expect((await logProb.data()).every(Number.isFinite)).toBe(true);
        tf.dispose([x, z, logDet, back.x, back.logDet, logProb]);
      });
      flow.dispose();
    }
    expect(flows[0]!.parameterCount).toBe(4 * (3 * 8 + 8 + 8 * 3 + 3) + 6);
  });

  it('data-dependent initialisation gives actnorm outputs of mean 0 and deviation 1', async () => {
    const flow = new Flow({ bijector: chain({ norm: actnorm() }), shape: [3], key: key(0) });
    const x = seededTensor(1, [64, 3], 2, 8);
    await expectNoLeak(() => flow.initialize(x));
    const { z, logDet } = flow.forward(x);
    const { mean, variance } = tf.moments(z, 0);
    expect(await mean.data()).toBeAllclose([0, 0, 0], { atol: 1e-4 });
    expect(await variance.data()).toBeAllclose([1, 1, 1], { rtol: 1e-3 });
    tf.dispose([x, z, logDet, mean, variance]);
    flow.dispose();
  });

  it('training raises the likelihood, and a run resumed from its file equals the whole to the bit', async () => {
    // GPU backends compute small ops on the CPU while values lie there, as after loading: other rounding.
    if (backend === 'webgl' || backend === 'webgpu')
      tf.env().set(`${backend.toUpperCase()}_CPU_FORWARD`, false);
    const data = integers(40, 6);
    const options = { key: key(9), batchSize: 10, ema: 0.9, clipNorm: 5 };
    const values = async (flow: Flow) =>
      Promise.all(Object.values(flow.variables).map(async (variable) => Array.from(await variable.data())));
    const whole = smallNice();
    const lines: number[] = [];
    const files = new Map<number, Uint8Array>();
    await expectNoLeak(() =>
      fit(whole, data, {
        ...{ ...options, steps: 24 },
        onProgress: ({ bitsPerDim }) => void lines.push(bitsPerDim!),
        checkpoint: { every: 12, save: (file, step) => void files.set(step, file) },
      }),
    );
    const mean = (from: number) => lines.slice(from, from + 4).reduce((a, b) => a + b) / 4;
    expect(mean(20)).toBeLessThan(mean(0));
    expect([...files.keys()]).toEqual([12, 24]);
    const resumed = smallNice();
    await fit(resumed, data, { ...options, steps: 24, checkpoint: { resume: files.get(12)! } });
    expect(await values(resumed)).toEqual(await values(whole));
    whole.dispose();
    resumed.dispose();
  });

  it('context changes density and samples', async () => {
    const flow = new Flow({
      ...{
        bijector: conditionalAffine({ net: mlp({ hidden: [8] }) }),
        shape: [1],
        contextSize: 1,
        key: key(3),
      },
    });
    const context = Float32Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? -1 : 1));
    const x = context.map((value, i) => 3 * value + 0.1 * Math.sin(i));
    await fit(flow, x, { context, key: key(1), steps: 60, batchSize: 32, optimizer: tf.train.adam(0.05) });
    const samples = [-1, 1].map((value) =>
      flow.sample(32, { key: key(6), context: tf.tensor2d([[value]]), temperature: 0.1 }),
    );
    const [low, high] = await Promise.all(samples.map((sample) => tf.mean(sample).data()));
    expect(low![0]).toBeLessThan(-1);
    expect(high![0]).toBeGreaterThan(1);
    flow.dispose();
  });

  it('reports the inversion error of each layer and of the whole', async () => {
    const flow = glow({ shape: [4, 4, 1], levels: 2, steps: 1, channels: 4, key: key(8) });
    const x = seededTensor(5, [2, 4, 4, 1]);
    const errors = await expectNoLeak(() => inversionErrors(flow, x));
    expect(errors.map(({ layer }) => layer)).toEqual([
      ...['squeeze', 'step0.actnorm', 'step0.conv', 'step0.coupling'],
      ...['squeeze', 'step0.actnorm', 'step0.conv', 'step0.coupling', 'unsqueeze'].map(
        (name) => `next.inner.${name}`,
      ),
      ...['unsqueeze', 'flow'],
    ]);
    for (const { largest, mean } of errors) {
      expect(largest).toBeLessThan(1e-4);
      expect(mean).toBeLessThanOrEqual(largest);
    }
    expect(errors.at(-1)!.largest).toBeGreaterThan(backend === 'webgl' ? -1 : 0);
    flow.dispose();
  });

  it('interpolation passes through both ends', async () => {
    const flow = realNVP({ shape: [4], couplings: 2, hidden: [8], key: key(2) });
    const [from, to] = [seededTensor(1, [1, 4]), seededTensor(2, [1, 4])];
    for (const path of ['linear', 'spherical'] as const) {
      const way = await expectNoLeak(() => interpolate(flow, from, to, { steps: 5, path }), 1);
      expect(way.shape).toEqual([5, 4]);
      const values = await way.data();
      expect(values.slice(0, 4)).toBeAllclose(await from.data(), { rtol: 1e-3, atol: 1e-3 });
      expect(values.slice(16)).toBeAllclose(await to.data(), { rtol: 1e-3, atol: 1e-3 });
    }
    flow.dispose();
  });

  it('base distributions have the spread that their density says, and temperature scales it', async () => {
    const [initKey, sampleKey] = split(key(12));
    const bases = [
      { base: gaussian(), variance: 1 },
      { base: logistic(), variance: Math.PI ** 2 / 3 },
      { base: gaussianMixture({ components: 1, spread: 0 }), variance: 1 },
    ];
    for (const { base, variance } of bases) {
      const parameters = Object.fromEntries(
        Object.entries(base.init?.(initKey, { shape: [2], contextSize: 0 }) ?? {}).map(([name, value]) => [
          name,
          tf.tensor(value.data, [...value.shape]),
        ]),
      );
      for (const temperature of [1, 0.5]) {
        const z = base.sample(sampleKey, [4000, 2], { parameters }, temperature);
        const moments = tf.moments(z);
        expect((await moments.mean.data())[0]).toBeCloseTo(0, 1);
        const ratio = (await moments.variance.data())[0]! / (variance * temperature ** 2);
        expect(Math.abs(ratio - 1)).toBeLessThan(0.06);
        tf.dispose([z, moments.mean, moments.variance]);
      }
      tf.dispose(parameters);
    }
  });

  it('a mixture has the density of its components', async () => {
    const parameters = {
      means: tf.tensor2d([[-2], [3]]),
      logScales: tf.tensor2d([[0.5], [-1]]),
      logits: tf.tensor1d([0.2, 1]),
    };
    const xs = [-3, 0, 2.9, 40];
    const logNormal = (x: number, mean: number, logScale: number) =>
      -0.5 * ((x - mean) / Math.exp(logScale)) ** 2 - logScale - Math.log(2 * Math.PI) / 2;
    const normalizer = Math.log(Math.exp(0.2) + Math.exp(1));
    const expected = xs.map((x) => {
      const a = 0.2 - normalizer + logNormal(x, -2, 0.5);
      const b = 1 - normalizer + logNormal(x, 3, -1);
      return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
    });
    const logProb = gaussianMixture({ components: 2 }).logProb(tf.tensor2d(xs, [4, 1]), { parameters });
    expect(await logProb.data()).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-4 });
  });
});
