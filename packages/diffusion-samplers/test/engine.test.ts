import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  type ArrayModel,
  ascending,
  createPlan,
  customSigmas,
  ddim,
  dpmSolver,
  edm,
  euler,
  eulerAncestral,
  explain,
  type FloatArray,
  flow,
  flowGrid,
  injectedNoise,
  iterate,
  karras,
  type Plan,
  type SampleStep,
  type Snapshot,
  sample,
  seededNoise,
  spaced,
  ve,
  vp,
} from '../src';
import { uniPc } from '../src/solvers';
import { allSolvers } from './solvers';

const schedule = vp({ betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 });
const model: ArrayModel = (x, { sigma }) => Float32Array.from(x, (value) => sigma * value);
const sampler = { schedule, grid: karras(), prediction: 'epsilon', solver: eulerAncestral() } as const;
const planOf = (steps = 8): Plan => createPlan({ ...sampler, steps });

describe('plans', () => {
  it.each(Object.entries(allSolvers))(
    '%s: is frozen, JSON, printable, and at most two launches a call',
    (name, { solver }) => {
      const plan = createPlan({
        ...sampler,
        grid: spaced({ integers: true, spacing: 'leading', offset: 1, final: 'sigma-min' }),
        solver,
        steps: 12,
      });
      expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
      expectFrozen(plan);
      expect(explain(plan)).toContain(`${plan.modelCalls} model calls`);
      const combines = plan.steps.flatMap(({ instructions }) =>
        instructions.filter(({ op }) => op === 'combine'),
      );
      // Churn adds a launch of its own.
      const most = name === 'euler churn' ? 3 : 2;
      expect(combines.length / plan.modelCalls).toBeLessThanOrEqual(most);
    },
  );

  it('refuses bad choices', () => {
    const bad = (options: Partial<Parameters<typeof createPlan>[0]>) => () =>
      createPlan({ ...sampler, steps: 5, ...options });
    expect(bad({ steps: 0 })).toThrow(/createPlan: steps must be an integer.*got 0/);
    expect(bad({ steps: 1.5 })).toThrow(/steps must be an integer/);
    expect(bad({ grid: spaced(), steps: 2000 })).toThrow(/steps must be an integer in \[1, 1000\], got 2000/);
    expect(bad({ grid: customSigmas([10, 1, 2, 0]) })).toThrow(
      /grid must go one way in sigma, got 1 then 2 at step 2/,
    );
    expect(bad({ grid: customSigmas([10, 1, 0, 0]) })).toThrow(
      /must not reach sigma 0 before its end, got 0 at step 2 of 3/,
    );
    expect(bad({ grid: customSigmas([10, NaN, 0]) })).toThrow(/one way/);
    const zero = vp({ zeroTerminalSnr: true });
    expect(bad({ schedule: zero, grid: spaced() })).toThrow(
      /prediction must be 'velocity'.*got 'epsilon' at step 0/,
    );
    expect(() =>
      createPlan({
        ...sampler,
        schedule: zero,
        grid: spaced(),
        prediction: 'velocity',
        solver: dpmSolver(),
        steps: 5,
      }),
    ).not.toThrow();
    expect(bad({ prediction: 'v_prediction' as 'velocity' })).toThrow(
      /'v_prediction'. v_prediction is 'velocity'/,
    );
    expect(bad({ schedule: ve(), grid: spaced() })).toThrow(/spaced: schedule must have discrete timesteps/);
    expect(bad({ solver: dpmSolver({ predict: 'noise' }) })).toThrow(
      /solver 'dpmSolver' must have finite coefficients/,
    );
    expect(bad({ extra: 1 } as object)).toThrow(/options must be among/);
    expect(bad({ limit: { kind: 'clip', range: 0 } })).toThrow(/limit.range must be a number > 0/);
  });

  it('starts at a later step for img2img', () => {
    const whole = createPlan({ ...sampler, solver: euler(), steps: 10 });
    const part = createPlan({ ...sampler, solver: euler(), steps: 10, start: 4 });
    expect(part.steps).toHaveLength(6);
    expect(part.steps[0]!.from).toEqual(whole.steps[4]!.from);
  });
});

/** Nothing in it can be changed, however deep. */
function expectFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  expect(Object.isFrozen(value)).toBe(true);
  for (const inner of Object.values(value)) expectFrozen(inner);
}

describe('runs', () => {
  it('gives the exact answer for a single point, whatever the schedule', async () => {
    const point = [0.7, -1.2, 0.1];
    const choices = [
      { schedule: vp(), grid: karras() },
      { schedule: edm(), grid: karras(), prediction: { type: 'edm', sigmaData: 0.5 } as const },
      { schedule: flow(), grid: flowGrid({ shift: 3 }), prediction: 'flow' as const },
    ];
    for (const { schedule, grid, prediction = 'epsilon' as const } of choices) {
      const plan = createPlan({ schedule, grid, prediction, solver: dpmSolver(), steps: 6 });
      const exact: ArrayModel = (x, { alpha, sigma }) =>
        Float64Array.from(x, (value, i) => {
          const epsilon = (value - alpha * point[i]!) / sigma;
          if (typeof prediction !== 'string') {
            const [state, ratio] = [value / alpha, sigma / alpha];
            const skip = 0.25 / (ratio ** 2 + 0.25);
            return (point[i]! - skip * state) / ((ratio * 0.5) / Math.hypot(ratio, 0.5));
          }
          return prediction === 'flow' ? epsilon - point[i]! : epsilon;
        });
      const { x, modelCalls } = await sample(plan, exact, { shape: [1, 3], seed: 3, precision: 'float64' });
      expect(modelCalls).toBe(6);
      expect(x).toBeAllclose(point, { atol: 1e-9 });
    }
  });

  it('gives the same bits by the SIMD module as by plain loops', async () => {
    for (const solver of [uniPc({ order: 3 }), eulerAncestral(), dpmSolver({ order: 3 })]) {
      const plan = createPlan({ ...sampler, solver, steps: 6 });
      const size = 4099;
      const noise = seededNoise(5);
      const large = await sample(plan, model, { shape: [1, size], noise });
      // The same numbers in a state that is too small for the module.
      const cut = (draw: number) => Float32Array.from(noise(draw, [1, size])).slice(0, 999);
      const small = await sample(plan, model, { shape: [1, 999], noise: cut });
      expect([...large.x.subarray(0, 999)]).toEqual([...small.x]);
    }
  });

  it('goes on from a snapshot in JSON to the same bits', async () => {
    for (const [name, { solver }] of Object.entries(allSolvers)) {
      const grid = spaced({ integers: true, spacing: 'leading', offset: 1, final: 'sigma-min' });
      const plan = createPlan({ ...sampler, grid, solver, steps: 9 });
      const options = { shape: [2, 5], seed: 11 };
      const whole = await sample(plan, model, options);
      for await (const step of iterate(plan, model, options)) {
        if (step.step !== 4) continue;
        const text = JSON.stringify(await step.snapshot());
        const again = JSON.parse(JSON.stringify(plan));
        const rest = await sample(again, model, { seed: 11, resume: JSON.parse(text) });
        expect([...rest.x], name).toEqual([...whole.x]);
        expect(rest.modelCalls).toBe(whole.modelCalls);
        break;
      }
    }
  });

  it('goes on in another process to the same bits', async () => {
    const plan = createPlan({ ...sampler, solver: uniPc(), steps: 9 });
    const options = { shape: [2, 5], seed: 12 };
    const whole = await sample(plan, model, options);
    for await (const step of iterate(plan, model, options)) {
      if (step.step !== 4) continue;
      const input = JSON.stringify({ plan, snapshot: await step.snapshot(), seed: 12 });
      const child = fileURLToPath(new URL('resumeInProcess.ts', import.meta.url));
      const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', child], {
        input,
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      const bytes = Buffer.from(stdout, 'base64');
      expect([...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)]).toEqual([...whole.x]);
      break;
    }
  });

  it('takes a snapshot of the step at which it is asked, though the run goes on, and of no earlier one', async () => {
    const plan = planOf();
    const taken: Promise<Snapshot>[] = [];
    const reports: SampleStep<FloatArray>[] = [];
    const { x } = await sample(plan, model, {
      ...{ shape: [1, 40], seed: 5 },
      onStep: (step) => {
        reports.push(step);
        if (step.step === 3) taken.push(step.snapshot());
      },
    });
    const resumed = await sample(plan, model, { resume: await taken[0]!, seed: 5 });
    expect([...resumed.x]).toEqual([...x]);
    await expect(reports[1]!.snapshot()).rejects.toThrow(/iterate: step must be the last one yielded/);
    expect(() => reports[1]!.x0()).toThrow(/iterate: step must be the last one yielded/);
  });

  it('refuses snapshots of other plans and damaged ones', async () => {
    const plan = planOf();
    let snapshot: Record<string, unknown> = {};
    for await (const step of iterate(plan, model, { shape: [1, 4] })) {
      snapshot = { ...(await step.snapshot()) };
      break;
    }
    const resume = (changes: object) => sample(plan, model, { resume: { ...snapshot, ...changes } as never });
    await expect(resume({ format: 'x' })).rejects.toThrow(/snapshot must have format/);
    await expect(resume({ plan: '00000000' })).rejects.toThrow(/must be of this plan/);
    await expect(resume({ step: 99 })).rejects.toThrow(/a step of the plan, got step 99/);
    await expect(resume({ registers: {} })).rejects.toThrow(/registers must be base64/);
    await expect(resume({ shape: [1, 5] })).rejects.toThrow(/registers must hold 5 numbers/);
  });

  it('makes noise by seed, item and step alone', async () => {
    const plan = planOf();
    const both = await sample(plan, model, { shape: [3, 40], seed: 2 });
    const one = await sample(plan, model, { shape: [1, 40], seed: 2 });
    expect([...one.x]).toEqual([...both.x.subarray(0, 40)]);
    const other = await sample(plan, model, { shape: [1, 40], seed: 3 });
    expect([...other.x]).not.toEqual([...one.x]);
  });

  it('names the step at which a model fails', async () => {
    const plan = planOf();
    const at =
      (step: number, bad: (x: ArrayLike<number>) => unknown): ArrayModel =>
      (x, call) =>
        (call.step === step ? bad(x) : model(x, call)) as Float32Array;
    const nan = at(3, (x) => Float32Array.from(x, () => NaN));
    for (const shape of [
      [1, 4],
      [1, 5000],
    ]) {
      await expect(sample(plan, nan, { shape })).rejects.toThrow(
        /ValueError|got a NaN or an infinity at step 3 of 8/,
      );
      const stopped = await sample(plan, nan, { shape, onNonFinite: 'stop' });
      expect(stopped).toMatchObject({ stopped: true, modelCalls: 4 });
      expect((await sample(plan, nan, { shape, onNonFinite: 'ignore' })).modelCalls).toBe(8);
    }
    const short = at(2, () => new Float32Array(3));
    await expect(sample(plan, short, { shape: [1, 4] })).rejects.toThrow(
      /model must return 4 numbers for shape \[1, 4\], got 3 at step 2 of 8/,
    );
    await expect(
      sample(
        plan,
        at(0, () => undefined),
        { shape: [1, 4] },
      ),
    ).rejects.toThrow(/got a value of type undefined at step 0/);
  });

  it('refuses noise and states of another size', async () => {
    const plan = planOf();
    await expect(
      sample(plan, model, { shape: [1, 4], noise: injectedNoise([[1]], [1, 2, 3, 4]) }),
    ).rejects.toThrow(/noise must have 4 numbers for shape \[1, 4\], got 1 for draw 0 at step 0/);
    await expect(
      sample(plan, model, { shape: [1, 4], noise: injectedNoise([], [1, 2, 3, 4]) }),
    ).rejects.toThrow(/injectedNoise: draws must have draw 0/);
    await expect(sample(plan, model, { shape: [1, 4], x: [1] })).rejects.toThrow(/x must have 4 numbers/);
    await expect(sample(plan, model, {})).rejects.toThrow(/shape must be positive integers/);
    await expect(sample(plan, model, { shape: [0] })).rejects.toThrow(/shape must be positive integers/);
  });

  it('stops at once when aborted, also inside a model that hangs', async () => {
    const controller = new AbortController();
    const hanging: ArrayModel = (x, call) => {
      if (call.step < 2) return model(x, call);
      setTimeout(() => controller.abort(new Error('enough')), 5);
      return new Promise(() => {});
    };
    await expect(sample(planOf(), hanging, { shape: [1, 4], signal: controller.signal })).rejects.toThrow(
      'enough',
    );
    await expect(
      sample(planOf(), model, { shape: [1, 4], signal: AbortSignal.abort(new Error('before')) }),
    ).rejects.toThrow('before');
  });

  it('shows each step: index, level, calls and the x0 estimate', async () => {
    const plan = createPlan({ ...sampler, solver: ddim(), steps: 4 });
    const steps = [];
    for await (const step of iterate(plan, model, { shape: [1, 2], seed: 1 })) {
      steps.push({
        step: step.step,
        modelCalls: step.modelCalls,
        sigma: step.sigma,
        x0: step.x0(),
        x: step.x.slice(),
      });
    }
    expect(steps.map(({ step, modelCalls }) => [step, modelCalls])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(steps.at(-1)).toMatchObject({ sigma: 0 });
    // The last step of DDIM ends at its estimate.
    expect(steps.at(-1)!.x0).toBeAllclose(steps.at(-1)!.x);
  });

  it('inverts: DDIM up the grid and down again comes back', async () => {
    const gentle: ArrayModel = (x) => Float64Array.from(x, (value) => Math.tanh(0.3 * value));
    const grid = spaced({ spacing: 'leading', integers: true });
    const choices = { schedule, prediction: 'epsilon', solver: ddim(), steps: 500 } as const;
    const image = Float64Array.of(0.5, -0.25, 0.8, 0.1);
    const noise = await sample(createPlan({ ...choices, grid: ascending(grid) }), gentle, {
      shape: [1, 4],
      x: image,
    });
    const back = await sample(createPlan({ ...choices, grid }), gentle, { shape: [1, 4], x: noise.x });
    expect(back.x).toBeAllclose(image, { atol: 0.02 });
  });
});
