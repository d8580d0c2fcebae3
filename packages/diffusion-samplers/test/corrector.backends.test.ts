/** Langevin corrections on tensors: what typed arrays give, to float32. */
import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { createPlan, dpmSolver, edm, heun, karras, vp } from '../src';
import { sampleWithCorrector } from '../src/adaptive';
import { sampleTensorsWithCorrector } from '../src/tfjs';

const shape = [2, 3, 4];
const cases = [
  ['a multistep solver', { schedule: vp(), grid: karras(), prediction: 'epsilon', solver: dpmSolver() }],
  ['raw EDM', { schedule: edm(), grid: karras({ final: 'sigma-min' }), prediction: 'edm', solver: heun() }],
] as const;

describeBackends('corrected runs on tensors', () => {
  it.each(cases)('agree with typed arrays and leak nothing: %s', async (_, choices) => {
    const plan = createPlan({ ...choices, steps: 6 });
    for (const norms of ['item', 'batch'] as const) {
      const options = { shape, seed: 11, corrections: 2, norms };
      const host = await sampleWithCorrector(plan, (x) => x.map(Math.tanh), options);
      await expectNoLeak(async () => {
        const calls: number[] = [];
        const there = await sampleTensorsWithCorrector(plan, (x) => tf.tanh(x), {
          ...options,
          onStep: ({ modelCalls }) => calls.push(modelCalls),
        });
        const values = await there.x.data();
        there.x.dispose();
        const largest = Math.max(...host.x.map(Math.abs));
        expect(values).toBeAllclose(host.x, { atol: 2e-4 * Math.max(1, largest) });
        expect(calls.at(-1)).toBe(host.modelCalls);
      });
    }
  });

  it('leak nothing when the model fails in a correction', async () => {
    const plan = createPlan({ ...cases[0][1], steps: 3 });
    await expectNoLeak(async () => {
      const failing = (x: tf.Tensor, { call }: { call: number }) => {
        if (call === 1) throw new Error('no memory');
        return tf.tanh(x);
      };
      await expect(sampleTensorsWithCorrector(plan, failing, { shape })).rejects.toThrow('no memory');
      const wrong = (x: tf.Tensor, { call }: { call: number }) => (call ? tf.zeros([3]) : tf.tanh(x));
      await expect(sampleTensorsWithCorrector(plan, wrong, { shape })).rejects.toThrow(
        /at correction 0 after step 0/,
      );
      await expect(sampleTensorsWithCorrector(plan, failing, { shape, snr: -1 })).rejects.toThrow(
        /snr must be/,
      );
    });
  });
});
