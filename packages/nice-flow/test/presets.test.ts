import * as tf from '@tensorflow/tfjs-core';
import { key, normal } from '@tfkit/core';
import { describeBackends, expectNoLeak, seededTensor } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import { iafLayer, maf } from '../src/autoregressive/index';
import { cnf } from '../src/continuous/index';
import {
  actnorm,
  checkBijector,
  conditionalAffine,
  evaluate,
  type Flow,
  Flow as FlowClass,
  fit,
  gaussian,
  mlp,
  uniform,
} from '../src/index';
import { residual } from '../src/residual/index';
import { splineFlow } from '../src/splines/index';
import { fitDensity, variationalDequantizer } from '../src/variational/index';

/** The integral of a 2-D density over a square, by the midpoint rule. */
async function mass(flow: Flow, low: number, high: number, cells: number): Promise<number> {
  const step = (high - low) / cells;
  const points = Float32Array.from({ length: 2 * cells ** 2 }, (_, i) => {
    const cell = i >> 1;
    return low + step * ((i % 2 ? Math.floor(cell / cells) : cell % cells) + 0.5);
  });
  const total = tf.tidy(() => {
    const x = tf.tensor2d(points, [cells ** 2, 2]);
    return tf.sum(tf.exp(flow.logProb(x)));
  });
  const [sum] = await total.data();
  total.dispose();
  return sum! * step ** 2;
}

/** Gives every trained variable noise, so that the flow is no identity. */
function shake(flow: Flow, size = 0.3): void {
  tf.tidy(() => {
    for (const [i, variable] of flow.trainableVariables.entries()) {
      variable.assign(tf.add(variable, tf.mul(seededTensor(i + 1, variable.shape), size)));
    }
  });
}

const hidden = [8];

describeBackends(
  'presets',
  () => {
    describe.each([
      ['splineFlow', () => splineFlow({ shape: [2], layers: 2, bins: 4, hidden, key: key(1) }), 8],
      [
        'splineFlow, autoregressive',
        () => splineFlow({ shape: [2], layers: 2, kind: 'autoregressive', hidden, key: key(1) }),
        8,
      ],
      ['maf', () => maf({ shape: [2], layers: 2, hidden, key: key(1), batchNorm: true }), 9],
      ['iaf', () => maf({ shape: [2], layers: 2, kind: 'iaf', hidden, key: key(1) }), 9],
      [
        'splineFlow on a box',
        () =>
          splineFlow({
            shape: [2],
            layers: 2,
            hidden,
            key: key(1),
            support: [
              [-1, 3],
              [0, 2],
            ],
          }),
        4,
      ],
      [
        'splineFlow of angles',
        () => splineFlow({ shape: [2], layers: 2, hidden, key: key(1), circular: true }),
        Math.PI,
      ],
      [
        'maf of bounded data',
        () => maf({ shape: [2], layers: 2, hidden, key: key(1), support: [-2, 2], standardize: false }),
        2,
      ],
    ] as const)('%s', (_, make, reach) => {
      it('is a density: its mass is 1, and the inverse inverts', async () => {
        const flow = make();
        shake(flow);
        expect(await mass(flow, -reach, reach, 120)).toBeCloseTo(1, 1);
        const x = flow.sample(64, { key: key(3) });
        const check = await checkBijector(flow.bijector, tf.slice(x, [0, 0], [4, 2]), {
          parameters: flow.variables,
          tolerance: 2e-3,
        });
        expect(check.problems).toEqual([]);
        flow.dispose();
      });
    });

    it('a bounded support bounds the samples, and the density outside is 0', async () => {
      const flow = splineFlow({ shape: [1], layers: 2, hidden, key: key(1), support: [2, 5] });
      shake(flow, 1);
      const samples = await flow.sample(2000, { key: key(2) }).data();
      expect(Math.min(...samples)).toBeGreaterThanOrEqual(2 - 1e-5);
      expect(Math.max(...samples)).toBeLessThanOrEqual(5 + 1e-5);
      const logProb = await flow.logProb(tf.tensor2d([[1.9], [3], [5.1]])).data();
      expect([logProb[0], logProb[2]]).toEqual([-Infinity, -Infinity]);
      expect(Number.isFinite(logProb[1])).toBe(true);
      flow.dispose();
    });

    it('data of any location and scale are standardised by the first batch', async () => {
      const flow = maf({ shape: [2], layers: 1, hidden, key: key(0) });
      const data = normal(key(1), [512, 2]).map((value, i) => (i % 2 ? 1e4 + 300 * value : 1e-3 * value));
      await fit(flow, data, { key: key(2), steps: 1, batchSize: 512 });
      const [mean] = await Promise.all([flow.variables['standardize.mean']!.data()]);
      expect(mean![1]! / 1e4).toBeCloseTo(1, 2);
      const samples = await flow.sample(500, { key: key(3) }).data();
      const first = Array.from(samples).filter((_, i) => i % 2 === 0);
      expect(Math.sqrt(first.reduce((sum, v) => sum + v * v, 0) / 500)).toBeLessThan(2e-3);
      flow.dispose();
    });
  },
  { only: ['cpu', 'wasm', 'tensorflow'] },
);

describeBackends(
  'training',
  () => {
    it('fitDensity finds an unnormalised Gaussian and its constant, in one pass a sample', async () => {
      const flow = maf({ shape: [2], kind: 'iaf', layers: 1, hidden, standardize: false, key: key(0) });
      // exp(-|x - m|^2 / 2 s^2) has the integral 2 pi s^2.
      const [m, s] = [[1, -0.5], 0.5];
      const wanted = (x: tf.Tensor) => tf.div(tf.sum(tf.square(tf.sub(x, tf.tensor1d(m))), 1), -2 * s ** 2);
      const rates = (step: number) => (step < 150 ? 0.03 : 0.005);
      const { adam } = await import('@tfkit/core/tfjs');
      const optimizer = adam({ learningRate: 0.03 });
      const { evidenceLowerBound } = await fitDensity(flow, wanted, {
        ...{ key: key(1), steps: 250, batchSize: 128, optimizer, learningRate: rates },
      });
      expect(evidenceLowerBound).toBeCloseTo(Math.log(2 * Math.PI * s ** 2), 1);
      const samples = await flow.sample(2000, { key: key(2) }).data();
      const means = [0, 1].map(
        (k) => samples.filter((_, i) => i % 2 === k).reduce((a, b) => a + b, 0) / 2000,
      );
      expect(means[0]).toBeCloseTo(m[0]!, 1);
      expect(means[1]).toBeCloseTo(m[1]!, 1);
      optimizer.dispose();
      flow.dispose();
    });

    it('fitDensity leaks nothing, also when the density is not finite', async () => {
      const flow = splineFlow({ shape: [2], layers: 1, hidden, key: key(0) });
      const options = { key: key(1), steps: 2, batchSize: 4, clipNorm: 1 };
      await fitDensity(flow, (x) => tf.sum(x, 1), options);
      await expectNoLeak(() => fitDensity(flow, (x) => tf.neg(tf.sum(tf.square(x), 1)), options));
      await expectNoLeak(async () => {
        await expect(fitDensity(flow, (x) => tf.log(tf.mul(tf.sum(x, 1), 0)), options)).rejects.toThrow(
          /fitDensity: the divergence must stay finite, got .* in step 1/,
        );
        await expect(fitDensity(flow, (x) => x, options)).rejects.toThrow(/logDensity must give \[4\]/);
        const context = tf.zeros([4, 1]);
        await expect(fitDensity(flow, (x) => tf.sum(x, 1), { ...options, context })).rejects.toThrow(
          /context must be left out/,
        );
        context.dispose();
      });
      flow.dispose();
    });

    it('a posterior is learnt from simulations: context in fit, logProb and sample', async () => {
      // theta ~ N(0, 1), x = theta + N(0, 0.5^2): the posterior is N(0.8 x, 0.2).
      const count = 1500;
      const [theta, noise] = [normal(key(1), count), normal(key(2), count)];
      const context = theta.map((value, i) => value + 0.5 * noise[i]!);
      const flow = splineFlow({ shape: [1], contextSize: 1, layers: 2, hidden: [16], key: key(0) });
      const { adam } = await import('@tfkit/core/tfjs');
      const optimizer = adam({ learningRate: 0.01 });
      await fit(flow, theta, { key: key(3), context, steps: 200, batchSize: 128, optimizer });
      const seen = tf.tensor2d([[1]]);
      const samples = await flow.sample(2000, { key: key(4), context: seen }).data();
      const mean = samples.reduce((a, b) => a + b, 0) / samples.length;
      const deviation = Math.sqrt(samples.reduce((a, b) => a + (b - mean) ** 2, 0) / samples.length);
      expect(Math.abs(mean - 0.8)).toBeLessThan(0.12);
      expect(Math.abs(deviation - Math.sqrt(0.2))).toBeLessThan(0.08);
      const logProb = await flow.logProb(tf.tensor2d([[0.8]]), { context: seen }).data();
      expect(logProb[0]).toBeCloseTo(-0.5 * Math.log(2 * Math.PI * 0.2), 0);
      optimizer.dispose();
      flow.dispose();
    });

    it('estimated log-determinants are right on average, and new with each key', async () => {
      const shape = [6];
      const parameters = (bijector: ReturnType<typeof residual>) =>
        Object.fromEntries(
          Object.entries(bijector.init(key(1), { shape, contextSize: 0 })).map(([name, { shape, data }]) => [
            name,
            tf.tensor(
              data.map((value) => value * 3),
              [...shape],
            ),
          ]),
        );
      // Each row has probes of its own: four points fifty times, twelve keys.
      const [points, copies, keys] = [4, 50, 12];
      const x = tf.tidy(() => tf.tile(seededTensor(2, [points, 6]), [copies, 1]));
      for (const make of [
        (logDet: 'exact' | 'series') => residual({ hidden: [8], coefficient: 0.9, logDet }),
        (logDet: 'exact' | 'series') =>
          cnf({ hidden: [8], trace: logDet === 'exact' ? 'exact' : 'hutchinson', steps: 4 }),
      ]) {
        const own = parameters(make('exact'));
        const logDets = async (logDet: 'exact' | 'series', seed: number) => {
          const result = tf.tidy(() => make(logDet).forward(x, { parameters: own, key: key(seed) }).logDet);
          const values = await result.data();
          result.dispose();
          return values;
        };
        const wanted = await logDets('exact', 0);
        const estimates = await Promise.all(Array.from({ length: keys }, (_, i) => logDets('series', i)));
        for (let point = 0; point < points; point++) {
          const values = estimates.flatMap((estimate) =>
            Array.from(estimate).filter((_, i) => i % points === point),
          );
          const mean = values.reduce((a, b) => a + b, 0) / values.length;
          const error = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0)) / values.length;
          expect(error).toBeGreaterThan(0);
          expect(Math.abs(mean - wanted[point]!)).toBeLessThan(4 * error + 1e-3);
        }
      }
    });

    it('variational dequantization bounds the likelihood of integers, and learns tighter noise than uniform', async () => {
      // Two levels: x = 0 with probability 1/2. Any density p gives sum over x of its mass in the cell <= 1.
      const data = Uint8Array.from({ length: 512 }, (_, i) => (i % 4 < 2 ? 0 : 1));
      const make = (withNoise: boolean) =>
        new FlowClass({
          bijector: actnorm(),
          shape: [1],
          quantization: { levels: 2, range: [0, 2] },
          key: key(0),
          ...(withNoise && {
            dequantizer: variationalDequantizer(conditionalAffine({ net: mlp({ hidden: [8] }), bound: 3 })),
          }),
        });
      const { adam } = await import('@tfkit/core/tfjs');
      const scores: number[] = [];
      for (const withNoise of [false, true]) {
        const flow = make(withNoise);
        const optimizer = adam({ learningRate: 0.03 });
        await fit(flow, data, { key: key(1), steps: 200, batchSize: 256, optimizer });
        const before = tf.memory().numTensors;
        const { logLikelihood } = await evaluate(flow, data);
        expect(tf.memory().numTensors).toBe(before);
        scores.push(logLikelihood);
        // On an interval of the levels' own width nats are those of the integers: the entropy bounds them.
        expect(logLikelihood).toBeLessThan(-Math.LN2 + 0.05);
        optimizer.dispose();
        flow.dispose();
      }
      expect(scores[1]).toBeGreaterThan(scores[0]! + 0.02);
    });

    it('continuous and residual flows train', async () => {
      const data = normal(key(1), [256, 2]).map((value, i) => (i % 2 ? 0.3 * value + 1 : value));
      for (const bijector of [cnf({ hidden: [8], rtol: 1e-3, atol: 1e-3 }), residual({ hidden: [8] })]) {
        const flow = new FlowClass({ bijector, base: gaussian(), shape: [2], key: key(0) });
        const curve: number[] = [];
        await fit(flow, data, {
          ...{ key: key(2), steps: 12, batchSize: 256 },
          onProgress: ({ logLikelihood }) => void curve.push(logLikelihood),
        });
        expect(curve.at(-1)).toBeGreaterThan(curve[0]!);
        flow.dispose();
      }
    });
  },
  { only: ['cpu'] },
);

describe('refusals', () => {
  it('name what is wrong', () => {
    expect(() => splineFlow({ shape: [2, 2, 1], key: key(0) })).toThrow(
      /splineFlow: shape must be that of vectors/,
    );
    expect(() => splineFlow({ shape: [2], kind: 'autoregressive', circular: true, key: key(0) })).toThrow(
      /kind must be/,
    );
    expect(() => splineFlow({ shape: [2], support: [[0, 1]] as never, key: key(0) })).toThrow(
      /support must be/,
    );
    expect(() => maf({ shape: [3], kind: 'x' as never, key: key(0) })).toThrow(/maf: kind must be/);
    expect(() => uniform({ range: [1, 1] })).toThrow(/uniform: range must be two numbers/);
    expect(() => residual({ coefficient: 1 })).toThrow(/residual: coefficient must be/);
    expect(() => cnf({ steps: 0 })).toThrow(/cnf: steps must be/);
    expect(() => iafLayer({ hidden: [0] })).toThrow(/hidden must be/);
  });
});
