/** Runs a model of the reference file by onnxruntime-web and compares every latent with the Python runtime's. */
import type * as Ort from 'onnxruntime-web';
import { expect } from 'vitest';
import { createPlan, ddim, dpmSolver, euler, iterate, type Sampler, spaced, vp } from '../src';
import { ortModel } from '../src/onnx';

interface Runs {
  readonly shape: number[];
  readonly steps: number;
  readonly init: number[];
  readonly runs: { model: string; sampler: string; states: number[][] }[];
}

const schedule = vp({ betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 });
const samplers: Record<string, Pick<Sampler, 'grid' | 'solver'>> = {
  ddim: { grid: spaced({ spacing: 'leading', offset: 1, final: 'sigma-min' }), solver: ddim() },
  dpmpp_2m: {
    grid: spaced({ spacing: 'linspace', count: 'intervals' }),
    solver: dpmSolver({ lowerOrderFinal: 'never' }),
  },
  euler: { grid: spaced(), solver: euler() },
};

/** float16 networks round at every layer, by kernels that differ between the two builds. */
const tolerances: Record<string, number> = { 'unet.onnx': 2e-5, 'unet16.onnx': 0.02 };

export async function checkOnnx(ort: typeof Ort, name: string, bytes: Uint8Array, runs: Runs): Promise<void> {
  const session = await ort.InferenceSession.create(bytes);
  const model = ortModel(session, {}, { Tensor: ort.Tensor });
  for (const { sampler, states } of runs.runs.filter((run) => run.model === name)) {
    const plan = createPlan({ schedule, prediction: 'epsilon', steps: runs.steps, ...samplers[sampler]! });
    let step = 0;
    for await (const { x } of iterate(plan, model, { shape: runs.shape, x: runs.init })) {
      expect(x).toBeAllclose(states[step++]!, { atol: tolerances[name]!, rtol: tolerances[name]! });
    }
    expect(step).toBe(runs.steps);
  }
  await checkGuidance(ort, session, runs);
}

/** Guidance with equal conditions is the model itself, and doubles the batch. */
async function checkGuidance(ort: typeof Ort, session: Ort.InferenceSession, runs: Runs): Promise<void> {
  const options = { Tensor: ort.Tensor };
  const call = { timestep: 500, alpha: 0.5, sigma: 0.8, step: 0, call: 0, shape: runs.shape };
  const x = Float32Array.from(runs.init);
  const plain = await ortModel(session, {}, options)(x, call);
  const guided = await ortModel(
    session,
    {},
    { ...options, guidance: { scale: 7.5, unconditional: {} } },
  )(x, call);
  expect(guided).toBeAllclose(Array.from(plain), { atol: 1e-5 });
  expect(() => ortModel(session, { sample: 'latent' }, options)).toThrow(
    /names must be among the session's inputs sample, timestep, got 'latent'/,
  );
}
