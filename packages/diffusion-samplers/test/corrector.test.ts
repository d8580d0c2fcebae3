/** Langevin steps around the solvers of plans, on data whose score is known. */
import { describe, expect, it } from 'vitest';
import {
  type ArrayModel,
  createPlan,
  customSigmas,
  ddim,
  dpmSolver,
  edm,
  euler,
  flow,
  flowGrid,
  heun,
  injectedNoise,
  karras,
  type PredictionType,
  type Snapshot,
  sample,
  vp,
} from '../src';
import { sampleWithCorrector } from '../src/adaptive';
import { conversion } from '../src/prediction';
import { deis, uniPc } from '../src/solvers';

const deviation = 0.5;

/** What a network of that prediction says of data N(0, deviation^2). */
const gaussian =
  (type: PredictionType): ArrayModel =>
  (x, { timestep, alpha, sigma }) => {
    const [a, b] = conversion({ type }, { timestep, alpha, sigma });
    const clean = (alpha * deviation ** 2) / ((alpha * deviation) ** 2 + sigma ** 2);
    return Float64Array.from(x, (value) => ((clean - a) * value) / b);
  };

const sampler = { schedule: vp(), grid: karras(), prediction: 'epsilon' } as const;
const planOf = (solver = ddim(), steps = 5) => createPlan({ ...sampler, solver, steps });
const model = gaussian('epsilon');
const shape = [2, 2048];
const deviationOf = (x: ArrayLike<number>) =>
  Math.sqrt(Array.from(x).reduce((sum, value) => sum + value * value, 0) / x.length);

describe('sampleWithCorrector', () => {
  it.each([ddim(), heun(), dpmSolver(), deis()])(
    'is the plain run without corrections: $name',
    async (solver) => {
      const plan = planOf(solver);
      const plain = await sample(plan, model, { shape, seed: 3 });
      const none = await sampleWithCorrector(plan, model, { shape, seed: 3, corrections: 0 });
      expect(none).toEqual(plain);
      // A multistep solver goes on from its history as well.
      const slight = await sampleWithCorrector(plan, model, { shape, seed: 3, snr: 1e-7 });
      expect(slight.x).toBeAllclose(plain.x, { atol: 1e-4 });
      expect(slight.x).not.toEqual(plain.x);
    },
  );

  it.each([ddim(), dpmSolver({ eta: 1, order: 1 })])(
    'brings the spread of a coarse run nearer to the data: $name',
    async (solver) => {
      const plan = planOf(solver, 4);
      const { sigma, alpha } = plan.steps.at(-1)!.to;
      const truth = Math.hypot(alpha * deviation, sigma);
      const options = { shape, seed: 5 };
      const plain = Math.abs(deviationOf((await sample(plan, model, options)).x) - truth);
      for (const norms of ['item', 'batch'] as const) {
        const corrected = await sampleWithCorrector(plan, model, {
          ...options,
          corrections: 8,
          snr: 0.16,
          norms,
        });
        expect(Math.abs(deviationOf(corrected.x) - truth)).toBeLessThan(plain / 2);
        expect(corrected.modelCalls).toBe(4 + 3 * 8);
      }
    },
  );

  it('takes the Langevin step of the article at the level reached', async () => {
    const plan = createPlan({ ...sampler, grid: customSigmas([3, 0.7]), solver: dpmSolver(), steps: 1 });
    const { alpha, sigma } = plan.steps[0]!.to;
    const z = Float64Array.of(1, -2, 0.5, 0.1);
    const before = (await sample(plan, model, { x: Float64Array.of(3, -1, 2, 8), shape: [2, 2] })).x;
    const { x } = await sampleWithCorrector(plan, model, {
      ...{ x: Float64Array.of(3, -1, 2, 8), shape: [2, 2], snr: 0.2 },
      noise: injectedNoise([...new Array(plan.draws).fill(z), z]),
    });
    const variance = (alpha * deviation) ** 2 + sigma ** 2;
    const expected = Array.from(before, (value, i) => {
      const item = i - (i % 2);
      const size =
        Math.hypot(z[item]!, z[item + 1]!) / (Math.hypot(before[item]!, before[item + 1]!) / variance);
      const e = 2 * (0.2 * size) ** 2;
      return value - (e * value) / variance + Math.sqrt(2 * e) * z[i]!;
    });
    expect(x).toBeAllclose(expected, { rtol: 1e-10 });
  });

  it.each([
    ['edm', { schedule: edm(), grid: karras({ final: 'sigma-min' }), prediction: 'edm', solver: heun() }],
    ['edm, to zero', { schedule: edm(), grid: karras(), prediction: 'edm', solver: heun() }],
    ['flow', { schedule: flow(), grid: flowGrid(), prediction: 'flow', solver: euler() }],
    ['velocity', { schedule: vp(), grid: karras(), prediction: 'velocity', solver: heun() }],
  ] as const)('finds the score in any prediction: %s', async (_, choices) => {
    const plan = createPlan({ ...choices, steps: 12 });
    const network = gaussian(choices.prediction);
    const levels: number[] = [];
    const watched: ArrayModel = (x, call) => {
      levels.push(call.sigma);
      // A raw network is told its inputs in units of c_in, and they have unit variance.
      if (choices.prediction === 'edm') expect(deviationOf(x)).toBeCloseTo(1, 0);
      return network(x, call);
    };
    const { x } = await sampleWithCorrector(plan, watched, { shape, seed: 2, corrections: 2 });
    const { alpha, sigma } = plan.steps.at(-1)!.to;
    expect(deviationOf(x)).toBeCloseTo(Math.hypot(alpha * deviation, sigma), 1);
    expect(Math.min(...levels)).toBeGreaterThan(0);
  });

  it('gives an item the same whatever its batch, steps in order, and counts of all calls', async () => {
    const plan = planOf(dpmSolver({ eta: 1 }));
    const seen: number[] = [];
    const options = { seed: 9, corrections: 2 };
    const two = await sampleWithCorrector(plan, model, {
      ...{ ...options, shape: [2, 64] },
      onStep: ({ modelCalls }) => seen.push(modelCalls),
    });
    const one = await sampleWithCorrector(plan, model, { ...options, shape: [1, 64] });
    expect(two.x.slice(0, 64)).toEqual(one.x);
    // At sigma 0 nothing is corrected.
    expect(seen).toEqual([3, 6, 9, 12, 13]);
    const batch = await sampleWithCorrector(plan, model, { ...options, shape: [2, 64], norms: 'batch' });
    expect(batch.x.slice(0, 64)).not.toEqual(one.x);
  });

  it('goes on from a snapshot, history and all', async () => {
    const plan = planOf(dpmSolver());
    let saved: Promise<Snapshot> | undefined;
    const whole = await sampleWithCorrector(plan, model, {
      ...{ shape, seed: 4 },
      onStep(step) {
        if (step.step === 2) saved = step.snapshot();
      },
    });
    const rest = await sampleWithCorrector(plan, model, { resume: await saved!, seed: 4 });
    expect(rest).toEqual(whole);
  });

  it('stops when aborted, in a correction too', async () => {
    const controller = new AbortController();
    let calls = 0;
    const aborting: ArrayModel = (x, call) => {
      if (++calls === 4) controller.abort(new Error('enough'));
      return model(x, call);
    };
    const run = sampleWithCorrector(planOf(), aborting, { shape, signal: controller.signal });
    await expect(run).rejects.toThrow('enough');
    expect(calls).toBe(4);
  });

  it('refuses what it cannot do', async () => {
    const refused = (options: object, plan = planOf()) =>
      expect(sampleWithCorrector(plan, model, { shape, ...options })).rejects;
    await refused({ corrections: -1 }).toThrow(/sampleWithCorrector: corrections must be/);
    await refused({ snr: 0 }).toThrow(/sampleWithCorrector: snr must be/);
    await refused({ norms: 'all' }).toThrow(/sampleWithCorrector: norms must be one of/);
    await refused({ prediction: { type: 'flow' } }).toThrow(
      /prediction must be the plan's 'epsilon', got 'flow'/,
    );
    await refused({ steps: 3 }).toThrow(/steps/);
    await refused({}, planOf(uniPc())).toThrow(/goes on from its last state, got 'uniPc'/);
    const short: ArrayModel = (x, call) => (call.call === 1 ? [1] : model(x, call));
    await expect(sampleWithCorrector(planOf(), short, { shape })).rejects.toThrow(
      /model must return 4096 numbers.*got 1 at correction 0 after step 0/,
    );
  });
});
