/** DDPM whose model gives the variance of each step beside its prediction. */
import { checkKnownOptions, checkOneOf, OptionError, ShapeError } from '@tfkit/core';
import { type NoiseSource, seededNoise } from '../noise';
import type { Plan, PlanStep } from '../plan/types';
import type { ArrayModel } from '../sample';
import { variancesOf } from '../solvers/ddpm';

/** Options of `learnedVariance`; `seed` is an integer in [0, 2^32), default 0, and `noise` by default `seededNoise(seed)`. */
export interface LearnedVarianceOptions {
  /**
   * What the second half of the model's output is: 'range', v of log variance = f log beta + (1 - f) log posterior variance
   * with f = (v + 1) / 2; 'variance', the variance itself. Default 'range'.
   */
  readonly form?: 'range' | 'variance';
  readonly seed?: number;
  readonly noise?: NoiseSource;
}

/** What `sample` and `iterate` take in the place of a model and of noise. */
export interface LearnedVariance {
  readonly model: ArrayModel;
  readonly noise: NoiseSource;
}

/**
 * A model and noise for a run of DDPM with the variance that the model has learned. The plan stays as it is: the noise of
 * a step is scaled, number by number, from the plan's variance to the model's. Typed arrays alone; use the result for one
 * run at a time.
 *
 * @param plan of `ddpm()`.
 * @param model on states [batch, channels, ...], returns [batch, 2 channels, ...]: the prediction, then v.
 * @throws OptionError for a plan of another solver or an unknown option; the returned model throws ShapeError if the output
 * is not twice as long as the state, the returned noise OptionError if asked for a step whose model call it has not seen.
 * Source: Nichol, Dhariwal: Improved Denoising Diffusion Probabilistic Models, ICML 2021 (arXiv:2102.09672), eq. 15.
 * @example
 * const learned = learnedVariance(plan, model, { seed: 7 });
 * const { x } = await sample(plan, learned.model, { noise: learned.noise, shape: [1, 3, 64, 64] });
 */
export function learnedVariance(
  plan: Plan,
  model: ArrayModel,
  options: LearnedVarianceOptions = {},
): LearnedVariance {
  checkKnownOptions('learnedVariance', options, ['form', 'seed', 'noise']);
  const { form = 'range', seed = 0, noise = seededNoise(seed) } = options;
  checkOneOf(['learnedVariance', 'form'], form, ['range', 'variance']);
  if (plan.solver !== 'ddpm') {
    throw new OptionError(`learnedVariance: plan must be of solver 'ddpm', got '${plan.solver}'.`);
  }
  const steps = new Map(
    plan.steps.flatMap((step, index) => drawsOf(step).map((d) => [d.draw, { ...d, index }])),
  );
  let seen: { readonly step: number; readonly v: Float64Array } | undefined;
  return {
    async model(x, call) {
      const output = await model(x, call);
      if (output?.length !== 2 * x.length) {
        throw new ShapeError(
          `learnedVariance: model must return ${2 * x.length} numbers, a prediction and a variance for each, got ${output?.length}.`,
        );
      }
      const [items, size] = [call.shape[0]!, x.length / call.shape[0]!];
      const prediction = new Float64Array(x.length);
      const v = new Float64Array(x.length);
      for (let item = 0; item < items; item++) {
        for (let i = 0; i < size; i++) {
          prediction[item * size + i] = output[2 * item * size + i]!;
          v[item * size + i] = output[(2 * item + 1) * size + i]!;
        }
      }
      seen = { step: call.step, v };
      return prediction;
    },
    noise(draw, shape) {
      const z = noise(draw, shape);
      const step = steps.get(draw);
      if (!step || step.deviation === 0) return z;
      if (seen?.step !== step.index) {
        throw new OptionError(`learnedVariance: model must be run before the noise of step ${step.index}.`);
      }
      const { v } = seen;
      const { forward, posterior } = variancesOf(step.from, step.to);
      const [most, least] = [Math.log(forward), Math.log(posterior)];
      const deviationOf = (value: number) =>
        form === 'variance' ? Math.sqrt(value) : Math.exp((least + ((value + 1) / 2) * (most - least)) / 2);
      return Float64Array.from(z, (value, i) => (value * deviationOf(v[i]!)) / step.deviation);
    },
  };
}

/** The draws of a step, and the standard deviations that the plan gives them. */
function drawsOf({ instructions, from, to }: PlanStep) {
  return instructions.flatMap((instruction, at) => {
    if (instruction.op !== 'noise') return [];
    const { draw, output } = instruction;
    for (const reader of instructions.slice(at + 1)) {
      const term = reader.op === 'combine' && reader.terms.find(([register]) => register === output);
      if (term) return [{ draw, deviation: term[1], from, to }];
    }
    return [{ draw, deviation: 0, from, to }];
  });
}
