/** UniPC on tensors of the current backend. */
import * as tf from '@tensorflow/tfjs-core';
import { createPlan, karras, vp } from '@tfkit/diffusion-samplers';
import { uniPc } from '@tfkit/diffusion-samplers/solvers';
import { sampleTensors } from '@tfkit/diffusion-samplers/tfjs';

export async function job(): Promise<string> {
  const plan = createPlan({
    schedule: vp(),
    grid: karras(),
    prediction: 'epsilon',
    solver: uniPc(),
    steps: 8,
  });
  const { x } = await sampleTensors(plan, (state) => tf.tanh(state), { shape: [2, 8, 8, 1], seed: 7 });
  const values = await x.data();
  x.dispose();
  if (values.length !== 128 || !values.every(Number.isFinite)) {
    throw new Error(`diffusion-samplers: ${values.slice(0, 4)}`);
  }
  return `${values.length} values`;
}
