/** DDPM with a learned variance against the papers' formulas, step by step, in float64. */
import { describe, expect, it } from 'vitest';
import { fromDiffusersConfig, toDiffusersConfig } from '../src/diffusers';
import { learnedVariance } from '../src/guidance';
import {
  type ArrayModel,
  createPlan,
  type DdpmOptions,
  ddim,
  ddpm,
  injectedNoise,
  iterate,
  type Snapshot,
  sample,
  spaced,
  vp,
} from '../src/index';
import golden from './golden/learned-variance.json';

const shape = [2, 2, 3];
const half = 6;
const size = 12;
const schedule = vp();
const planOf = (variance?: DdpmOptions['variance']) =>
  createPlan({ schedule, grid: spaced(), prediction: 'epsilon', solver: ddpm({ variance }), steps: 5 });

/** Of each item: epsilon, then v in [-1, 1], or for 'variance' in [0, 1]. */
const modelOf =
  (form: 'range' | 'variance') =>
  (x: ArrayLike<number>, { timestep }: { timestep: number }) =>
    Float64Array.from({ length: 2 * size }, (_, at) => {
      const [item, i] = [Math.floor(at / (2 * half)), at % (2 * half)];
      const value = x[item * half + (i % half)]!;
      if (i < half) return Math.sin(value + timestep / 500);
      return form === 'range' ? Math.cos(3 * value) : Math.cos(3 * value) ** 2;
    });

const normals = (seed: number) =>
  Float64Array.from({ length: size }, (_, i) => 2 * Math.sin(7.3 * (i + 1) * (seed + 2)));
const draws = Array.from({ length: 5 }, (_, k) => normals(k));
const noise = () => injectedNoise(draws, normals(-1));

/** The states after each step: Ho et al. 2020, eq. 6 and 7; Nichol, Dhariwal 2021, eq. 15. */
function reference(form: 'range' | 'variance'): number[][] {
  const alphas = schedule.alphasCumprod!;
  let x = [...normals(-1)];
  return planOf().steps.map(({ from, to }, step) => {
    const isLast = step === 4;
    const [now, before] = [alphas[from.timestep]!, isLast ? 1 : alphas[to.timestep]!];
    const alpha = now / before;
    const beta = 1 - alpha;
    const posterior = ((1 - before) / (1 - now)) * beta;
    const output = modelOf(form)(x, from);
    x = x.map((value, at) => {
      const i = Math.floor(at / half) * 2 * half + (at % half);
      const x0 = (value - Math.sqrt(1 - now) * output[i]!) / Math.sqrt(now);
      const onX0 = (Math.sqrt(before) * beta) / (1 - now);
      const onX = (Math.sqrt(alpha) * (1 - before)) / (1 - now);
      const v = output[i + half]!;
      const variance = form === 'variance' ? v : beta ** ((v + 1) / 2) * posterior ** (1 - (v + 1) / 2);
      return onX0 * x0 + onX * value + (isLast ? 0 : Math.sqrt(variance) * draws[step]![at]!);
    });
    return x;
  });
}

describe('learnedVariance', () => {
  it.each([
    { variance: 'small', form: 'range' },
    { variance: 'large', form: 'range' },
    { variance: 'learned-range', form: 'range' },
    { variance: 'learned', form: 'variance' },
  ] as const)('equals the formulas at every step: plan $variance, $form', async ({ variance, form }) => {
    const learned = learnedVariance(planOf(variance), modelOf(form), { form, noise: noise() });
    const expected = reference(form);
    let steps = 0;
    const options = { shape, noise: learned.noise, x: normals(-1), precision: 'float64' } as const;
    for await (const { x } of iterate(planOf(variance), learned.model, options)) {
      expect(x).toBeAllclose(expected[steps++]!, { atol: 1e-5, rtol: 1e-5 });
    }
    expect(steps).toBe(5);
  });

  it.each(golden.cases)('equals torch at every step: $variance_type, $timestep_spacing', async (run) => {
    const { variance_type, timestep_spacing, added, draws, initial } = run;
    const config = { _class_name: 'DDPMScheduler', variance_type, timestep_spacing, clip_sample: false };
    const plan = createPlan({ ...fromDiffusersConfig(config), steps: added.length });
    const form = variance_type === 'learned' ? 'variance' : 'range';
    // The noise of data N(0, 0.5^2) with the errors, and v, of the file.
    const model: ArrayModel = (x, { alpha, sigma, step }) =>
      added[step]!.map((value, at) => {
        const [item, i] = [Math.floor(at / size), at % size];
        return i < half ? value + (sigma * x[item * half + i]!) / (0.25 * alpha ** 2 + sigma ** 2) : value;
      });
    const learned = learnedVariance(plan, model, { form, noise: injectedNoise(draws, initial) });
    expect(plan.steps.map(({ from }) => from.timestep)).toEqual(run.timesteps);
    const states: number[][] = [];
    for await (const { x } of iterate(plan, learned.model, { shape: golden.shape, noise: learned.noise })) {
      states.push([...x]);
    }
    expect(states).toHaveLength(added.length);
    for (const [step, x] of states.entries()) {
      expect(x).toBeAllclose(run.states[step]!, { atol: 1e-5, rtol: 1e-5 });
    }
  });

  it('goes on from a snapshot with the same result, and an item alone is as in the batch', async () => {
    const plan = planOf();
    const run = (options: { shape: number[]; resume?: Snapshot }, model: ArrayModel) => {
      const learned = learnedVariance(plan, model, { seed: 3 });
      return sample(plan, learned.model, { ...options, noise: learned.noise });
    };
    const model = modelOf('range');
    const whole = await run({ shape }, model);
    let snapshot: Snapshot | undefined;
    const learned = learnedVariance(plan, model, { seed: 3 });
    for await (const step of iterate(plan, learned.model, { shape, noise: learned.noise })) {
      if (step.step === 2) snapshot = await step.snapshot();
    }
    expect((await run({ shape, resume: JSON.parse(JSON.stringify(snapshot)) }, model)).x).toEqual(whole.x);
    const alone: ArrayModel = (x, call) => model([...x, ...x], call).slice(0, size);
    expect((await run({ shape: [1, 2, 3] }, alone)).x).toEqual(whole.x.slice(0, half));
  });

  it('refuses what it cannot scale', async () => {
    const plan = planOf();
    const other = createPlan({ schedule, grid: spaced(), prediction: 'epsilon', solver: ddim(), steps: 5 });
    expect(() => learnedVariance(other, modelOf('range'))).toThrow(
      /plan must be of solver 'ddpm', got 'ddim'/,
    );
    expect(() => learnedVariance(plan, modelOf('range'), { form: 'log' as never })).toThrow(/form must be/);
    const plain = learnedVariance(plan, (x) => x);
    await expect(sample(plan, plain.model, { shape, noise: plain.noise })).rejects.toThrow(
      /must return 24 numbers, a prediction and a variance for each, got 12/,
    );
    expect(() => learnedVariance(plan, modelOf('range')).noise(1, shape)).toThrow(
      /run before the noise of step 1/,
    );
  });

  it.each(['learned', 'learned_range'])('is what %s of a scheduler_config.json says', (variance_type) => {
    const sampler = fromDiffusersConfig({ _class_name: 'DDPMScheduler', variance_type });
    expect(toDiffusersConfig(sampler)).toMatchObject({ _class_name: 'DDPMScheduler', variance_type });
    expect(createPlan({ ...sampler, steps: 5 }).solver).toBe('ddpm');
  });
});
