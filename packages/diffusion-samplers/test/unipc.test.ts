/** UniPC where levels repeat or lie close together. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPlan, customSigmas, exponential, type Plan, sample, vp } from '../src';
import { type UniPcOptions, uniPc } from '../src/solvers';

const schedule = vp();
const planOn = (sigmas: readonly number[], options: UniPcOptions) => {
  const solver = uniPc({ lowerOrderFinal: false, ...options });
  return createPlan({
    ...{ schedule, prediction: 'sample', solver, steps: sigmas.length - 1 },
    grid: customSigmas(sigmas),
  });
};

const choices = ([1, 2, 3] as const).flatMap((order) =>
  (['bh1', 'bh2'] as const).flatMap((form) =>
    (['data', 'noise'] as const).map((predict) => ({ order, form, predict })),
  ),
);

/** The coefficients of a step's linear combinations. */
const coefficientsOf = ({ steps }: Plan, i: number) =>
  steps[i]!.instructions.flatMap((instruction) =>
    instruction.op === 'combine' ? instruction.terms.map(([, c]) => c) : [],
  );

const x = Float64Array.from({ length: 6 }, (_, i) => Math.sin(3.7 * i));
const model = (state: ArrayLike<number>) => Float64Array.from(state, (value) => Math.tanh(value));
const run = async (plan: Plan) => (await sample(plan, model, { shape: [6], x })).x;

describe('repeated levels', () => {
  it.each(choices)('the last step rests, to a rounding, for $order $form $predict', async (options) => {
    const steps = 8;
    const solver = uniPc({ ...options, lowerOrderFinal: false });
    const ramp = { sigmaMin: 0.05, sigmaMax: 20 };
    const make = (final: 'repeat' | number) =>
      run(
        createPlan({
          ...{ schedule, prediction: 'sample', solver, steps },
          grid: exponential({ ...ramp, final }),
        }),
      );
    const rests = await make('repeat');
    // exp(log(0.05)) is not 0.05.
    for (const final of [0.05, 0.05 * (1 + 3e-16), 0.05 * (1 - 1e-12)]) {
      expect(await make(final)).toBeAllclose(rests, { atol: 1e-9 });
    }
  });

  it.each(choices)('a level again on the way changes nothing for $order $form $predict', async (options) => {
    const again = (level: number) => [10, 5, 2, level, 1, 0.4, 0.1, 0];
    // The predictor alone calls the model on the same state twice.
    const plain = { ...options, disableCorrector: [0, 1, 2, 3, 4, 5, 6] };
    const once = await run(planOn([10, 5, 2, 1, 0.4, 0.1, 0], plain));
    const corrected = await run(planOn(again(2), options));
    expect(corrected).not.toBeAllclose(once, { atol: 1e-6 });
    for (const level of [2, 2 * (1 - 1e-15), 2 * (1 - 1e-12)]) {
      expect(await run(planOn(again(level), plain))).toBeAllclose(once, { atol: 1e-9 });
      expect(await run(planOn(again(level), options))).toBeAllclose(corrected, { atol: 1e-9 });
    }
  });
});

describe('close levels', () => {
  it.each([1e-2, 1e-4, 1e-6])('steps of %s in lambda have the weights of Adams-Bashforth', (h) => {
    const sigmas = Array.from({ length: 5 }, (_, i) => Math.exp(-i * h));
    const plan = planOn(sigmas, { order: 3, disableCorrector: [0, 1, 2, 3] });
    const alpha = plan.steps[3]!.to.alpha;
    const scaled = coefficientsOf(plan, 3).map((c) => c / (alpha * h));
    for (const weight of [23 / 12, -16 / 12, 5 / 12]) {
      expect(Math.min(...scaled.map((c) => Math.abs(c - weight)))).toBeLessThan(Math.max(2 * h, 1e-8));
    }
  });

  it('are finite and bounded by the ratio of steps, whatever the distinct levels', () => {
    const gaps = fc.array(fc.double({ min: -8, max: 1, noNaN: true }), { minLength: 3, maxLength: 9 });
    fc.assert(
      fc.property(gaps, fc.constantFrom(...choices), (powers, options) => {
        const steps = powers.map((power) => 10 ** power);
        const lambdas = [-3];
        for (const step of steps) lambdas.push(lambdas.at(-1)! + step);
        const sigmas = lambdas.map((lambda) => Math.exp(-lambda));
        const plan = planOn(sigmas, options);
        const widest = Math.max(...steps);
        const bound = 50 * Math.exp(2 * widest) * (widest / Math.min(...steps)) ** 2;
        const all = plan.steps.flatMap((_, i) => coefficientsOf(plan, i));
        expect(Math.max(...all.map(Math.abs))).toBeLessThan(bound);
      }),
    );
  });
});
