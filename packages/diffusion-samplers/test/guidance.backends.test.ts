/** Guidance, editing, training targets and averages on tensors: what typed arrays give, to float32. */
import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { createPlan, ddim, dpmSolver, edm, type ModelCall, sample, seededNoise, spaced, vp } from '../src';
import type { FloatArray } from '../src/engine/machine';
import { type AnyModel, classifierFreeGuidance, inpainting, noisedTo } from '../src/guidance';
import { predictionTypes } from '../src/prediction';
import { sampleTensors, tensors } from '../src/tfjs';
import { Ema, levelsAt, lossWeights, trainingExample } from '../src/training';

const shape = [2, 3, 2];
const close = { rtol: 2e-5, atol: 2e-5 };
const numbers = (draw: number) => Float64Array.from(seededNoise(5)(draw, shape));
const plan = createPlan({ schedule: vp(), grid: spaced(), prediction: 'epsilon', solver: ddim(), steps: 6 });
const call: ModelCall = { ...plan.steps[2]!.from, step: 2, call: 0, shape };

type HostModel = AnyModel<FloatArray, ModelCall>;
type DeviceModel = AnyModel<tf.Tensor, ModelCall>;
const tanhOf =
  (factor: number): HostModel =>
  (x, { sigma }) =>
    x.map((value) => sigma * Math.tanh(factor * value));
const tensorTanhOf =
  (factor: number): DeviceModel =>
  (x, { sigma }) =>
    tf.tidy(() => tf.mul(tf.tanh(tf.mul(x, factor)), sigma));

async function expectSame(
  tensor: tf.Tensor,
  expected: ArrayLike<number>,
  tolerance: { readonly rtol?: number; readonly atol?: number } = close,
): Promise<void> {
  expect(tensor.shape).toEqual(shape);
  expect(await tensor.data()).toBeAllclose(Array.from(expected), tolerance);
}

const tensorOf = (values: ArrayLike<number>) => tf.tensor(Float32Array.from(values), shape);

describeBackends('guidance on tensors', () => {
  it.each([
    ['plain', { scale: 3 }],
    ['rescaled', { scale: 4, rescale: 0.7 }],
    ['by a function of the call', { scale: ({ sigma }: ModelCall) => 1 + sigma }],
    ['outside its interval', { scale: 3, interval: [1e3, 1e4] }],
    ['of scale 1', { scale: 1 }],
  ] as const)('is what it is on typed arrays: %s', async (_, options) => {
    const values = numbers(0);
    const onHost = classifierFreeGuidance(tanhOf(1), tanhOf(0.3), options);
    const x = tensorOf(values);
    await expectNoLeak(async () => {
      const there = classifierFreeGuidance(tensorTanhOf(1), tensorTanhOf(0.3), { ...options, on: tensors });
      const guided = await there(x, call);
      await expectSame(guided, await onHost(values, call));
      guided.dispose();
    });
    // A model may return its input, which is not guidance's to dispose.
    await expectNoLeak(async () => {
      const same: DeviceModel = (state) => state;
      const there = classifierFreeGuidance(same, tensorTanhOf(0.3), { ...options, on: tensors });
      const guided = await there(x, call);
      if (guided !== x) guided.dispose();
    });
    await expectSame(x, values);
    x.dispose();
  });

  it('frees what it holds when the second model fails', async () => {
    const x = tensorOf(numbers(0));
    const failing: DeviceModel = () => {
      throw new Error('no memory');
    };
    await expectNoLeak(async () => {
      const guided = classifierFreeGuidance(tensorTanhOf(1), failing, { scale: 3, on: tensors });
      await expect(Promise.resolve(guided(x, call))).rejects.toThrow('no memory');
    });
    x.dispose();
  });

  it('inpaints a whole run from a noised image', async () => {
    const chosen = createPlan({ ...vpSampler, solver: dpmSolver(), steps: 8, start: 3 });
    const image = numbers(1).map(Math.abs);
    const mask = image.map((_, i) => [1, 0, 0.25][i % 3]!);
    const onHost = inpainting(tanhOf(0.5), { known: image, mask, prediction: 'epsilon' });
    const start = noisedTo(chosen, image, { shape, seed: 3 });
    const host = await sample(chosen, onHost, { shape, x: start, seed: 3 });
    const [known, kept] = [tensorOf(image), tensorOf(mask)];
    await expectNoLeak(async () => {
      const model = inpainting(tensorTanhOf(0.5), { known, mask: kept, prediction: 'epsilon', on: tensors });
      const x = noisedTo(chosen, known, { shape, seed: 3, on: tensors });
      await expectSame(x, start);
      const drawn = await sampleTensors(chosen, model, { x, seed: 3 });
      await expectSame(drawn.x, host.x, { atol: 1e-4 });
      tf.dispose([x, drawn.x]);
    });
    tf.dispose([known, kept]);
  });
});

const vpSampler = { schedule: vp(), grid: spaced(), prediction: 'epsilon' } as const;

describeBackends('training on tensors', () => {
  const [clean, noise] = [numbers(2), numbers(3)];

  it.each(predictionTypes)('makes the input and the target of %s', async (type) => {
    const levels = /edm|consistency/.test(type) ? levelsAt(edm(), [0.1, 4]) : levelsAt(vp(), [0.1, 4]);
    const host = trainingExample(clean, noise, levels, type);
    const [x0, epsilon] = [tensorOf(clean), tensorOf(noise)];
    await expectNoLeak(async () => {
      const { input, target } = trainingExample(x0, epsilon, levels, type, tensors);
      await expectSame(input, host.input);
      await expectSame(target, host.target);
      // The weighted loss of a network that returns its input, as a training step would take it.
      const weights = lossWeights(levels, type, { kind: 'min-snr' });
      const loss = tf.tidy(() => {
        const each = tf.mean(tf.reshape(tf.squaredDifference(input, target), [2, -1]), 1);
        return tf.mean(tf.mul(each, tf.tensor1d(Float32Array.from(weights))));
      });
      const expected =
        host.input.reduce(
          (sum, value, i) => sum + weights[Math.floor(i / 6)]! * (value - host.target[i]!) ** 2,
          0,
        ) / 12;
      expect(await loss.data()).toBeAllclose([expected], { rtol: 1e-4, atol: 1e-5 });
      tf.dispose([input, target, loss]);
    });
    tf.dispose([x0, epsilon]);
  });

  it.each([0.9, { sigmaRel: 0.1 }, { gamma: 5 }])('averages weights with decay %o', async (decay) => {
    const onHost = new Ema(decay);
    const steps = [0, 1, 2, 3, 4].map(numbers);
    for (const weights of steps) onHost.update({ kernel: weights, bias: weights.map((v) => -v) });
    await expectNoLeak(async () => {
      const ema = new Ema(decay, tensors);
      for (const weights of steps) {
        const kernel = tensorOf(weights);
        const bias = tf.neg(kernel);
        ema.update({ kernel, bias });
        expect([kernel.isDisposed, bias.isDisposed]).toEqual([false, false]);
        tf.dispose([kernel, bias]);
      }
      expect(ema.steps).toBe(5);
      await expectSame(ema.values.kernel!, onHost.values.kernel!);
      await expectSame(ema.values.bias!, onHost.values.bias!);
      ema.dispose();
    });
  });

  it('keeps its averages, and leaks nothing, when names change', async () => {
    await expectNoLeak(async () => {
      const ema = new Ema(0.9, tensors);
      const value = tensorOf(clean);
      ema.update({ a: value });
      expect(() => ema.update({ a: value, b: value })).toThrow(/same names at every step, got 'b'/);
      await expectSame(ema.values.a!, clean);
      ema.dispose();
      value.dispose();
    });
  });
});
