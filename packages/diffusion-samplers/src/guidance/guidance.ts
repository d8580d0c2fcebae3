/**
 * Guidance: a model made of models. Outputs of one prediction type are linear in x0, so combining them is the same for
 * all types but the raw EDM ones at different inputs. Each function gives a model that any solver, plan or SDE can run.
 */
import { checkKnownOptions, checkNumber } from '@tfkit/core';
import { ratioOf } from '../level';
import type { Plan } from '../plan/types';
import type { Arithmetic } from '../sde/arithmetic';
import { arithmeticOf } from '../sde/model';

/** A model of any kind: on arrays or tensors, told a level of the batch or of each item. */
export type AnyModel<V, C> = (x: V, call: C) => V | Promise<V>;

interface Told {
  readonly sigma: number | ArrayLike<number>;
  readonly alpha: number | ArrayLike<number>;
  readonly shape: readonly number[];
}

/** Options of `classifierFreeGuidance`. `on` is the arithmetic of the models' values: `tensors` of `./tfjs`, default typed arrays. */
export interface GuidanceOptions<V, C> {
  /** w of u + w (c - u): 1 the conditional model, 0 the other; a number, or a function of the call. */
  readonly scale: number | ((call: C) => number);
  /** phi of arXiv:2305.08891, section 3.4: how far each item's standard deviation is brought back to the conditional one's. Default 0. */
  readonly rescale?: number;
  /**
   * Where guidance acts, in sigma / alpha (arXiv:2404.07724): outside, the conditional model alone is called. Default
   * everywhere. Models whose items have levels of their own are guided if the first item is inside.
   */
  readonly interval?: readonly [min: number, max: number];
  readonly on?: Arithmetic<V>;
}

/**
 * Classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598).
 *
 * @param conditional, unconditional models of the same prediction type. What they return becomes this model's; on
 * typed arrays any of them serve.
 * @throws OptionError for a rescale outside [0, 1] or an interval that is none.
 */
export function classifierFreeGuidance<V, C extends Told>(
  conditional: AnyModel<V, C>,
  unconditional: AnyModel<V, C>,
  options: GuidanceOptions<V, C>,
): AnyModel<V, C> {
  checkKnownOptions('classifierFreeGuidance', options, ['scale', 'rescale', 'interval', 'on']);
  const { scale, rescale = 0, interval = [0, Infinity] } = options;
  if (typeof scale !== 'function') checkNumber(['classifierFreeGuidance', 'scale'], scale);
  checkNumber(['classifierFreeGuidance', 'rescale'], rescale, { min: 0, max: 1 });
  checkNumber(['classifierFreeGuidance', 'interval'], interval[0], { min: 0, max: interval[1] });
  const on = arithmeticOf(options.on);
  return async (x, call) => {
    const w = typeof scale === 'function' ? scale(call) : scale;
    const at = firstRatio(call);
    const c = await conditional(x, call);
    if (w === 1 || at < interval[0] || at > interval[1]) return c;
    const held: V[] = [c];
    try {
      const u = await unconditional(x, call);
      held.push(u);
      const guided = on.combine([w, 1 - w], [c, u]);
      if (rescale === 0) return guided;
      held.push(guided);
      return on.matchDeviation(guided, c, call.shape[0]!, rescale);
    } finally {
      on.free(...held.filter((value) => value !== x));
    }
  };
}

function firstRatio({ alpha, sigma }: Told): number {
  const first = (value: number | ArrayLike<number>) => (typeof value === 'number' ? value : value[0]!);
  return first(sigma) / first(alpha);
}

/**
 * The scale that makes classifier-free guidance CFG++ (Chung et al. 2024, arXiv:2406.08070) on a plan: x0 is guided by
 * `lambda` in [0, 1], the noise is the unconditional model's. A step of DDIM or Euler from ratio r to r' is then exactly
 * CFG with the scale lambda / (1 - r' / r), since x' = alpha' x0 + sigma' epsilon is linear in both; higher-order solvers get the
 * same scale at each of their calls.
 *
 * @throws OptionError if lambda is no number in [0, 1].
 * @example
 * const guided = classifierFreeGuidance(conditional, unconditional, { scale: cfgPlusPlus(plan, 0.6) });
 */
export function cfgPlusPlus(plan: Plan, lambda: number): (call: { readonly step: number }) => number {
  checkNumber(['cfgPlusPlus', 'lambda'], lambda, { min: 0, max: 1 });
  return ({ step }) => {
    const { from, to } = plan.steps[step]!;
    const left = from.alpha === 0 ? 0 : ratioOf(to) / ratioOf(from);
    return lambda / (1 - left);
  };
}
