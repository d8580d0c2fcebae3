import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { createPlan, dpmSolver, eulerAncestral, karras, sample, vp } from '../src';
import { uniPc } from '../src/solvers';
import { iterateTensors, sampleTensors, type TensorModel } from '../src/tfjs';

const sampler = { schedule: vp(), grid: karras(), prediction: 'epsilon' } as const;
const shape = [2, 3, 4];
const model: TensorModel = (x, { sigma }) => tf.tidy(() => tf.mul(tf.tanh(x), sigma));

describeBackends('plans on tensors', (backend) => {
  it.each(['dpmSolver', 'uniPc', 'eulerAncestral'] as const)(
    '%s: gives what typed arrays give, and leaks nothing',
    async (name) => {
      const solver = { dpmSolver, uniPc, eulerAncestral }[name]();
      const plan = createPlan({ ...sampler, solver, steps: 7 });
      const onHost = await sample(plan, (x, { sigma }) => Float32Array.from(x, (v) => sigma * Math.tanh(v)), {
        shape,
        seed: 4,
      });
      await expectNoLeak(async () => {
        const { x, modelCalls } = await sampleTensors(plan, model, { shape, seed: 4 });
        expect(modelCalls).toBe(7);
        expect(x.shape).toEqual(shape);
        expect(await x.data()).toBeAllclose(onHost.x, { rtol: 2e-4, atol: 2e-4 });
        x.dispose();
      });
    },
  );

  it('launches at most two kernels a model call', async () => {
    // tensorflow and webgl run the weighted sum as several operations.
    if (!['cpu', 'wasm', 'webgpu'].includes(backend)) return;
    const fixed = tf.zeros(shape);
    const steps = 6;
    const plan = createPlan({ ...sampler, solver: uniPc({ order: 3 }), steps });
    const profile = await tf.profile(async () => {
      const { x } = await sampleTensors(plan, () => tf.clone(fixed), { shape, seed: 1 });
      return x;
    });
    const result = (await profile.result) as unknown as tf.Tensor;
    // The profiler lists a defined op twice: by itself, unnamed, and as the kernel that it launches.
    const launched = profile.kernels
      .map(({ name }) => name)
      .filter((name) => name && !/^(Identity|unnamed.*)$/.test(name));
    expect(new Set(launched)).toEqual(new Set(['TfkitLinearCombination']));
    expect(launched.length / steps).toBeLessThanOrEqual(2);
    tf.dispose([fixed, result]);
  });

  it('clips and thresholds as typed arrays do', async () => {
    for (const limit of [
      { kind: 'clip', range: 0.5 },
      { kind: 'threshold', ratio: 0.9, max: 2 },
    ] as const) {
      const plan = createPlan({ ...sampler, solver: dpmSolver(), steps: 4, limit });
      const host = await sample(plan, (x, { sigma }) => Float32Array.from(x, (v) => sigma * Math.tanh(v)), {
        shape,
        seed: 9,
      });
      const { x } = await sampleTensors(plan, model, { shape, seed: 9 });
      expect(await x.data()).toBeAllclose(host.x, { rtol: 3e-4, atol: 3e-4 });
      x.dispose();
    }
  });

  it('leaks nothing when a loop is left, a model fails, or a run is aborted', async () => {
    const plan = createPlan({ ...sampler, solver: uniPc(), steps: 6 });
    await expectNoLeak(async () => {
      for await (const step of iterateTensors(plan, model, { shape })) {
        step.x0().dispose();
        if (step.step === 2) break;
      }
      const failing: TensorModel = (x, call) => (call.step === 3 ? tf.zeros([1]) : model(x, call));
      await expect(sampleTensors(plan, failing, { shape })).rejects.toThrow(
        /model must return shape \[2, 3, 4\], got \[1\] at step 3/,
      );
      const nan: TensorModel = (x, call) => (call.step === 2 ? tf.fill(shape, NaN) : model(x, call));
      await expect(sampleTensors(plan, nan, { shape, onNonFinite: 'throw' })).rejects.toThrow(
        /NaN or an infinity at step 2/,
      );
      const signal = AbortSignal.abort(new Error('stop'));
      await expect(sampleTensors(plan, model, { shape, signal })).rejects.toThrow('stop');
    });
  });

  it('goes on from a snapshot', async () => {
    const plan = createPlan({ ...sampler, solver: uniPc(), steps: 6 });
    const whole = await sampleTensors(plan, model, { shape, seed: 5 });
    for await (const step of iterateTensors(plan, model, { shape, seed: 5 })) {
      if (step.step !== 2) continue;
      const resume = JSON.parse(JSON.stringify(await step.snapshot()));
      const rest = await sampleTensors(plan, model, { resume, seed: 5 });
      expect(await rest.x.data()).toBeAllclose(Array.from(await whole.x.data()), { atol: 1e-6 });
      rest.x.dispose();
      break;
    }
    whole.x.dispose();
  });
});
