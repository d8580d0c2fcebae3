import type * as tf from '@tensorflow/tfjs-core';
import { expectTypeOf } from 'vitest';
import { createPlan, dpmSolver, type FloatArray, iterate, karras, type Plan, sample, vp } from '../src';
import { sampleTensors } from '../src/tfjs';

const plan = createPlan({
  schedule: vp(),
  grid: karras(),
  prediction: 'epsilon',
  solver: dpmSolver(),
  steps: 20,
});
expectTypeOf(plan).toEqualTypeOf<Plan>();
expectTypeOf(sample(plan, (x) => x, { shape: [1] }))
  .resolves.toHaveProperty('x')
  .toEqualTypeOf<FloatArray>();
expectTypeOf(sampleTensors(plan, (x) => x, { shape: [1] }))
  .resolves.toHaveProperty('x')
  .toEqualTypeOf<tf.Tensor>();
for await (const step of iterate(plan, async (x) => x, { shape: [1] }))
  expectTypeOf(step.x0()).toEqualTypeOf<FloatArray>();

// @ts-expect-error a plan cannot be changed
plan.steps[0] = plan.steps[1];
// @ts-expect-error diffusers' word is v_prediction, ours velocity
createPlan({ schedule: vp(), grid: karras(), prediction: 'v_prediction', solver: dpmSolver(), steps: 20 });
// @ts-expect-error order 4 is not in DPM-Solver
dpmSolver({ order: 4 });
