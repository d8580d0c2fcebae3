/**
 * What the loops of `./sde`, `./guidance` and `./training` need of a kind of array, so that each is written once: typed
 * arrays (`arrays`, the default) or tensors (`tensors` of `./tfjs`). The first axis of a value is the batch. Results are
 * new values, owned by who asked for them.
 */

/** A factor for all items, or one for each. */
export type Coefficient = number | ArrayLike<number>;

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export interface LangevinOptions {
  readonly items: number;
  readonly snr: number;
  readonly norms: 'item' | 'batch';
}

/** The operations of one kind of array, on values [items, ...]. `free` gives back values that are no longer needed. */
export interface Arithmetic<V> {
  /** A value from numbers of the host. */
  from(values: ArrayLike<number>, shape: readonly number[]): V;
  /** sum coefficient * operand. */
  combine(coefficients: readonly Coefficient[], operands: readonly V[]): V;
  /** base + step_item * sum weight * slope: a stage of a Runge-Kutta method. */
  step(base: V, steps: ArrayLike<number>, weights: readonly number[], slopes: readonly V[]): V;
  /** Per item the RMS of step * sum weight * slope, in units of atol + rtol max(|before|, |after|). The one read-back. */
  errors(
    steps: ArrayLike<number>,
    weights: readonly number[],
    slopes: readonly V[],
    range: { readonly before: V; readonly after: V; readonly tolerance: Tolerance },
  ): ArrayLike<number> | Promise<ArrayLike<number>>;
  /** Items of `yes` where the flag is not 0, else of `no`. */
  choose(flags: ArrayLike<number>, yes: V, no: V): V;
  /** Where the mask (of the value's shape, or broadcast over the batch) is 1 `yes`, where 0 `no`, linearly between. */
  blend(mask: V, yes: V, no: V): V;
  /** Per item the standard deviation of `like` over that of `value`, times `share`, plus 1 - share, times `value`. */
  matchDeviation(value: V, like: V, items: number, share: number): V;
  /** x + e score + sqrt(2 e) noise with e = 2 (snr |noise| / |score|)^2, by item or from means of the norms. */
  langevin(x: V, score: V, noise: V, options: LangevinOptions): V;
  /** Per item v^T J v with the Jacobian J of `f` at x, [items], and f(x). */
  quadratic(
    f: (x: V) => V | Promise<V>,
    x: V,
    v: V,
    items: number,
  ): Promise<{ readonly output: V; readonly value: V }>;
  /** The numbers of a value. */
  read(value: V): Float64Array | Promise<Float64Array>;
  free(...values: readonly V[]): void;
}
