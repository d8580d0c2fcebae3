/**
 * Initial value problems with explicit Runge-Kutta methods: fixed steps, or embedded pairs that control the step of each
 * item of the batch by itself (Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, sections II.4-II.6).
 */
import { checkInteger, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import type { Arithmetic } from './arithmetic';
import { Integration } from './integration';
import { dop853, dopri5, heunTableau, rk4Tableau, type Tableau } from './tableaus';

/**
 * Slopes of a state of several parts (each [batch, ...]) at each item's time. The parts are the solver's; the slopes
 * become the solver's.
 */
export type Field<V> = (parts: readonly V[], times: Float64Array) => readonly V[] | Promise<readonly V[]>;

/**
 * Runge-Kutta methods: 'heun' (order 2) and 'rk4' (order 4) with equal steps, 'dopri5' (order 5) and 'dop853' (order 8) with steps that
 * follow the error.
 */
export type OdeMethod = 'heun' | 'rk4' | 'dopri5' | 'dop853';

/** Options of `solveOde`, and of all that solve an ODE by it. An aborted `signal` makes it reject with the signal's reason. */
export interface OdeOptions {
  /** 'heun' and 'rk4' take `steps` equal steps; 'dopri5' and 'dop853' follow the error. Default 'dopri5'. */
  readonly method?: OdeMethod;
  /** Of 'heun' and 'rk4'. Default 100. */
  readonly steps?: number;
  /** Bounds of the error of a step, RMS over an item. Default 1e-5 each. */
  readonly rtol?: number;
  readonly atol?: number;
  /** 'item': each item has its own steps, so that results do not depend on the batch; 'batch': one step for all. Default 'item'. */
  readonly control?: 'item' | 'batch';
  /** Times between the ends at which the solution is wanted too, by dense output. */
  readonly times?: readonly number[];
  /** Steps after which it gives up. Default 10000. */
  readonly maxSteps?: number;
  readonly signal?: AbortSignal;
}

/** Names of the options, for those who pass them on. */
export const odeOptions = [
  'method',
  'steps',
  'rtol',
  'atol',
  'control',
  'times',
  'maxSteps',
  'signal',
] as const;

/** What `solveOde` gives: states of several parts, each [batch, ...] and the caller's own, and the counts of the run. */
export interface OdeSolution<V> {
  /** The state at the end. */
  readonly parts: readonly V[];
  /** The state at each of `times`. */
  readonly dense: readonly (readonly V[])[];
  /**
   * Calls of the field on the whole batch (NFE). Steps in which an item held the tolerance (one that is at its end does), and in
   * which one did not: where items differ, a step counts in both.
   */
  readonly calls: number;
  readonly accepted: number;
  readonly rejected: number;
}

const tableaus: Readonly<Record<OdeMethod, Tableau>> = {
  heun: heunTableau,
  rk4: rk4Tableau,
  dopri5,
  dop853,
};

/**
 * The solution at `to` of x' = field(x, t) with x(from) = parts.
 *
 * @throws OptionError for options out of range; ValueError if the error cannot be held (a NaN, or more than `maxSteps`).
 */
export async function solveOde<V>(
  field: Field<V>,
  parts: readonly V[],
  items: number,
  [from, to]: readonly [from: number, to: number],
  on: Arithmetic<V>,
  options: OdeOptions = {},
): Promise<OdeSolution<V>> {
  const { method = 'dopri5', rtol = 1e-5, atol = 1e-5, control = 'item', times = [] } = options;
  const { steps = 100, maxSteps = 10_000 } = options;
  checkInteger(['solveOde', 'items'], items, { min: 1, max: 2 ** 31 });
  checkOneOf(['solveOde', 'method'], method, Object.keys(tableaus) as OdeMethod[]);
  checkOneOf(['solveOde', 'control'], control, ['item', 'batch']);
  checkNumber(['solveOde', 'rtol'], rtol, { min: 0 });
  checkNumber(['solveOde', 'atol'], atol, { min: 0, open: 'min' });
  checkInteger(['solveOde', 'steps'], steps, { min: 1 });
  checkInteger(['solveOde', 'maxSteps'], maxSteps, { min: 1 });
  for (const time of times) {
    checkNumber(['solveOde', 'times'], time, { min: Math.min(from, to), max: Math.max(from, to) });
  }
  const { embedded } = tableaus[method];
  if (times.length > 0 && !embedded) {
    throw new OptionError(
      `solveOde: times must be empty for '${method}', got ${times.length}. Take 'dopri5'.`,
    );
  }
  const run = new Integration(field, parts, items, from, to, on, options.signal);
  try {
    if (embedded) await run.adapt(tableaus[method], embedded, { rtol, atol }, control, times, maxSteps);
    else await run.march(tableaus[method], steps);
    return run.finish();
  } catch (error) {
    run.abandon();
    throw error;
  }
}
