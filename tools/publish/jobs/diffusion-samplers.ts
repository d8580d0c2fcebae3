/** A plan for DPM++ 2M samples with a model that is a function on plain arrays. No TensorFlow.js. */
import { createPlan, dpmSolver, karras, sample, vp } from '@tfkit/diffusion-samplers';
import { samplerByName } from '@tfkit/diffusion-samplers/diffusers';

export async function job(): Promise<string> {
  const plan = createPlan({
    schedule: vp({ betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 }),
    grid: karras(),
    prediction: 'epsilon',
    solver: dpmSolver(),
    steps: 10,
  });
  // The noise of data that is all zeros: the samples must come close to zero.
  const { x } = await sample(plan, (state, { sigma }) => state.map((value) => value / sigma), {
    shape: [1, 4, 16, 16],
    seed: 7,
  });
  const largest = Math.max(...Array.from(x, Math.abs));
  const named = createPlan({ ...samplerByName('DPM++ 2M Karras'), steps: 10 });
  if (x.length !== 1024 || !(largest < 0.05)) throw new Error(`diffusion-samplers: largest ${largest}`);
  if (named.modelCalls !== 10) throw new Error(`diffusion-samplers: ${named.modelCalls} calls`);
  return `largest of ${x.length}: ${largest.toFixed(4)}`;
}
