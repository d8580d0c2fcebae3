import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { expectNoLeak, seededNormal } from '@tfkit/test-kit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  affineCoupling,
  batchNorm,
  chain,
  evaluate,
  type FitProgress,
  Flow,
  fit,
  nice,
  realNVP,
  scaling,
} from '../src/index';

beforeAll(async () => {
  await tf.setBackend('cpu');
  await ensureGradients();
});

const gaussianData = Float32Array.from(seededNormal(1, 400), (value, i) =>
  i % 2 === 0 ? 2 + 3 * value : value,
);
const tiny = () => realNVP({ shape: [2], couplings: 2, hidden: [4], key: key(0) });

describe('fit', () => {
  it('finds the likelihood of a distribution that the flow can hold', async () => {
    const shift = new Flow({
      bijector: chain({ norm: batchNorm({ momentum: 0.5 }), scale: scaling() }),
      shape: [2],
      key: key(0),
    });
    await fit(shift, gaussianData, { key: key(1), steps: 50, batchSize: 200, optimizer: tf.train.sgd(0.05) });
    const { logLikelihood } = await evaluate(shift, gaussianData);
    // The maximum over Gaussians: minus the entropy of one with the data's own variances.
    const variances = [0, 1].map((axis) => {
      const values = Array.from(gaussianData).filter((_, i) => i % 2 === axis);
      const mean = values.reduce((a, b) => a + b) / values.length;
      return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    });
    const best = -variances.reduce((sum, v) => sum + 0.5 * Math.log(2 * Math.PI * Math.E * v), 0);
    expect(logLikelihood).toBeCloseTo(best, 2);
    shift.dispose();
  });

  it('is the same for the same key, another for another', async () => {
    const run = async (seed: number) => {
      const flow = tiny();
      const { last } = await fit(flow, gaussianData, { key: key(seed), steps: 5, batchSize: 50 });
      flow.dispose();
      return last!.logLikelihood;
    };
    expect(await run(1)).toBe(await run(1));
    expect(await run(1)).not.toBe(await run(2));
  });

  it('stops early, and gives the flow its best parameters', async () => {
    const flow = tiny();
    const seen: FitProgress[] = [];
    const result = await expectNoLeak(() =>
      fit(flow, gaussianData.subarray(0, 40), {
        ...{
          key: key(1),
          steps: 400,
          batchSize: 20,
          learningRate: (step: number) => (step < 20 ? 0.01 : 0.5),
        },
        validation: { data: gaussianData.subarray(40, 240), every: 5, patience: 3 },
        onProgress: (progress) => void seen.push(progress),
      }),
    );
    expect(result.stopped).toBe('early');
    expect(result.steps).toBe(result.best!.step + 15);
    const scores = seen.flatMap(({ validation }) => (validation ? [validation.logLikelihood] : []));
    expect(result.best!.logLikelihood).toBe(Math.max(...scores));
    const { logLikelihood } = await evaluate(flow, gaussianData.subarray(40, 240));
    expect(logLikelihood).toBeCloseTo(result.best!.logLikelihood, 5);
    flow.dispose();
  });

  it('scales gradients down to clipNorm', async () => {
    const moved = async (clipNorm: number | undefined) => {
      const flow = new Flow({ bijector: scaling(), shape: [2], key: key(0) });
      await fit(flow, gaussianData, {
        key: key(1),
        steps: 1,
        batchSize: 200,
        clipNorm,
        optimizer: tf.train.sgd(1),
      });
      const [a, b] = await flow.variables.logScale!.data();
      flow.dispose();
      return Math.hypot(a!, b!);
    };
    expect(await moved(undefined)).toBeGreaterThan(1);
    expect(await moved(0.25)).toBeCloseTo(0.25, 5);
    expect(await moved(1e9)).toBe(await moved(undefined));
  });

  it('ends with the moving average of the parameters', async () => {
    const values: number[] = [];
    const flow = new Flow({ bijector: scaling(), shape: [1], key: key(0) });
    const data = gaussianData.subarray(0, 50);
    await fit(flow, data, {
      ...{ key: key(1), steps: 3, batchSize: 50, ema: 0.5, optimizer: tf.train.sgd(0.1) },
      onProgress: () => void values.push(flow.variables.logScale!.dataSync()[0]!),
    });
    const average = values.reduce((mean, value) => 0.5 * mean + 0.5 * value, 0);
    expect(flow.variables.logScale!.dataSync()[0]).toBeCloseTo(average, 6);
    flow.dispose();
  });

  it('trains variables of your own, and saves them', async () => {
    const slope = tf.variable(tf.scalar(0.1));
    const flow = new Flow({
      bijector: affineCoupling({ net: (x) => tf.concat([tf.mul(x, slope), tf.zerosLike(x)], -1) }),
      shape: [2],
      key: key(0),
    });
    let file: Uint8Array | undefined;
    const save = (bytes: Uint8Array) => {
      file = bytes;
    };
    await fit(flow, gaussianData, {
      ...{
        key: key(1),
        steps: 3,
        batchSize: 100,
        variables: { slope },
        initialize: 'none',
        checkpoint: { save },
      },
    });
    const trained = slope.dataSync()[0];
    expect(trained).not.toBeCloseTo(0.1, 4);
    slope.assign(tf.scalar(7));
    await fit(flow, gaussianData, {
      ...{ key: key(1), steps: 3, batchSize: 100, variables: { slope }, checkpoint: { resume: file! } },
    });
    expect(slope.dataSync()[0]).toBe(trained);
    flow.dispose();
    slope.dispose();
  });

  it('stops when aborted, having saved a file to resume from', async () => {
    const flow = tiny();
    const abort = new AbortController();
    const saved: number[] = [];
    const run = fit(flow, gaussianData, {
      ...{ key: key(1), steps: 100, batchSize: 20, signal: abort.signal },
      onProgress: ({ step }) => {
        if (step === 4) abort.abort(new Error('enough'));
      },
      checkpoint: { save: (_, step) => void saved.push(step) },
    });
    await expect(run).rejects.toThrow('enough');
    expect(saved).toEqual([4]);
    flow.dispose();
  });

  it('names the layer whose output stops being finite, and keeps the last parameters', async () => {
    const flow = new Flow({
      bijector: chain({
        fine: scaling(),
        steep: affineCoupling({ net: (x) => tf.concat([x, tf.mul(x, 1e4)], -1), scaleMap: 'exp' }),
        after: scaling(),
      }),
      shape: [2],
      key: key(0),
    });
    await expectNoLeak(async () => {
      const run = fit(flow, gaussianData, { key: key(1), steps: 5, batchSize: 100 });
      await expect(run).rejects.toThrow(
        /^fit: the log-likelihood must stay finite, got -Infinity at step 0: z of layer 'steep' \(affineCoupling\) is the first that is not\. Lower/,
      );
    });
    expect(Array.from(flow.variables['fine.logScale']!.dataSync())).toEqual([0, 0]);
    flow.variables['after.logScale']!.assign(tf.tensor1d([NaN, 0]));
    const run = fit(flow, gaussianData, { key: key(1), steps: 5, batchSize: 100 });
    await expect(run).rejects.toThrow(/parameter 'after\.logScale' is not\. Lower/);
    flow.dispose();
  });

  it('leaks nothing over 1,000 steps', async () => {
    const flow = tiny();
    const counts: number[] = [];
    await expectNoLeak(() =>
      fit(flow, gaussianData, {
        ...{ key: key(1), steps: 1000, batchSize: 4, ema: 0.99, clipNorm: 1 },
        onProgress: () => void counts.push(tf.memory().numTensors),
      }),
    );
    expect(counts.at(-1)).toBe(counts[1]);
    flow.dispose();
  });
});

describe('fit refuses', () => {
  const quantized = () =>
    nice({ shape: [2], hidden: [4], key: key(0), quantization: { levels: 4, range: [-1, 1] } });
  const options = { key: key(0), steps: 1 };
  it.each([
    [
      'integers outside the levels',
      quantized,
      Uint8Array.of(0, 4),
      {},
      /^fit: data must be integers in \[0, 4\) as the flow's quantization says, got 4 at 1\. Continuous data/,
    ],
    ['numbers between integers', quantized, Float32Array.of(0, 0.5), {}, /got 0\.5 at 1/],
    [
      'continuous data outside the declared interval',
      quantized,
      Float32Array.of(0, 1.5),
      { dequantization: 'none' as const },
      /^fit: data must be in the declared interval \[-1, 1\], got 1\.5 at 1/,
    ],
    ['NaN', tiny, Float32Array.of(0, NaN), {}, /^fit: data must be finite, got NaN at 1/],
    [
      'half an example',
      tiny,
      Float32Array.of(0, 1, 2),
      {},
      /^fit: data must be a tensor \[count, 2\] or an array of a multiple of 2 numbers, got 3 numbers/,
    ],
    ['no example', tiny, new Float32Array(0), {}, /got 0 numbers/],
    [
      'a context that the flow has no use for',
      tiny,
      Float32Array.of(0, 1),
      { context: Float32Array.of(1) },
      /^fit: context must be left out/,
    ],
    [
      'noise for a flow without quantization',
      tiny,
      Float32Array.of(0, 1),
      { dequantization: 'uniform' as const },
      /^fit: dequantization must be 'none'/,
    ],
    [
      'a batch larger than the data',
      tiny,
      Float32Array.of(0, 1),
      { batchSize: 2 },
      /^fit: batchSize must be at most the number of examples, 1, got 2/,
    ],
    [
      'an option that there is none of',
      tiny,
      Float32Array.of(0, 1),
      { epochs: 3 },
      /^fit: options must be among key, steps.*got 'epochs'/,
    ],
    ['a decay of 1', tiny, Float32Array.of(0, 1), { ema: 1 }, /^fit: ema must be a number in \(0, 1\)/],
  ])('%s', async (_, make, data, more, message) => {
    const flow = make();
    await expectNoLeak(() => expect(fit(flow, data, { ...options, ...more })).rejects.toThrow(message));
    flow.dispose();
  });

  it('a file of another run or of another model', async () => {
    const flow = tiny();
    let file = new Uint8Array();
    const save = (bytes: Uint8Array<ArrayBuffer>) => {
      file = bytes;
    };
    await fit(flow, gaussianData, { ...options, checkpoint: { save } });
    const other = nice({ shape: [2], hidden: [4], key: key(0) });
    await expectNoLeak(async () => {
      const resume = { checkpoint: { resume: file } };
      await expect(fit(flow, gaussianData, { key: key(5), steps: 2, ...resume })).rejects.toThrow(
        /^fit: key must be that/,
      );
      await expect(fit(other, gaussianData, { ...options, ...resume })).rejects.toThrow(
        /^loadCheckpoint: variables must be/,
      );
    });
    flow.dispose();
    other.dispose();
  });
});
