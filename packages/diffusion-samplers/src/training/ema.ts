/** Averages of weights over training. */
import { checkInteger, checkNumber, OptionError } from '@tfkit/core';
import type { Arithmetic } from '../sde/arithmetic';
import { arithmeticOf } from '../sde/model';

/**
 * The exponent gamma of a power-function average whose relative width is `sigmaRel`, in (0, 0.28): the standard deviation of
 * the profile, in units of the training so far (Karras et al. 2024, arXiv:2312.02696, eq. 123 to 127).
 *
 * @throws OptionError if sigmaRel is no number in (0, 0.28).
 */
export function emaExponent(sigmaRel: number): number {
  checkNumber(['emaExponent', 'sigmaRel'], sigmaRel, { min: 0, max: 0.28, open: 'both' });
  const width = (gamma: number) => Math.sqrt((gamma + 1) / ((gamma + 2) ** 2 * (gamma + 3)));
  let [low, high] = [0, 1];
  while (width(high) > sigmaRel) high *= 2;
  for (let k = 0; k < 100; k++) {
    const middle = (low + high) / 2;
    if (width(middle) > sigmaRel) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** What the old average keeps at a step: a constant, or a power function of the step, which needs no warm-up. */
export type EmaDecay = number | { readonly sigmaRel: number } | { readonly gamma: number };

/**
 * An average of named values, of the same arithmetic as they. With a constant decay the first steps count fully, as
 * min(decay, (1 + step) / (10 + step)); a power function's is (1 - 1 / step)^(gamma + 1).
 */
export class Ema<V = Float64Array> {
  readonly #on: Arithmetic<V>;
  readonly #decay: (step: number) => number;
  #values: Readonly<Record<string, V>> = {};
  #steps = 0;

  constructor(decay: EmaDecay, on?: Arithmetic<V>) {
    this.#on = arithmeticOf(on);
    if (typeof decay === 'number') {
      checkNumber(['Ema', 'decay'], decay, { min: 0, max: 1, open: 'max' });
      this.#decay = (step) => (step === 1 ? 0 : Math.min(decay, (1 + step) / (10 + step)));
    } else {
      const gamma = 'gamma' in decay ? decay.gamma : emaExponent(decay.sigmaRel);
      checkNumber(['Ema', 'gamma'], gamma, { min: 0 });
      this.#decay = (step) => (1 - 1 / step) ** (gamma + 1);
    }
  }

  /** The averages; the Ema's own. */
  get values(): Readonly<Record<string, V>> {
    return this.#values;
  }

  /** Updates so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Takes in the weights after a step of training; they stay the caller's. */
  update(weights: Readonly<Record<string, V>>): void {
    const before = this.#values;
    const added = this.#steps > 0 && Object.keys(weights).find((name) => !(name in before));
    if (added) {
      throw new OptionError(
        `Ema: weights must have the same names at every step, got '${added}' at step ${this.#steps + 1}.`,
      );
    }
    const decay = this.#decay(++this.#steps);
    const next: Record<string, V> = {};
    for (const [name, value] of Object.entries(weights)) {
      const old = before[name];
      next[name] =
        old === undefined
          ? this.#on.combine([1], [value])
          : this.#on.combine([decay, 1 - decay], [old, value]);
    }
    this.#on.free(...Object.values(before));
    this.#values = next;
  }

  dispose(): void {
    this.#on.free(...Object.values(this.#values));
    this.#values = {};
  }
}

/** A stored power-function average: after which step, and of which exponent. */
export interface EmaSnapshot {
  readonly step: number;
  readonly gamma: number;
}

/**
 * Factors of stored averages whose sum is nearest to the average of another width: post-hoc EMA (arXiv:2312.02696,
 * section 3.2 and algorithm 3), least squares between the profiles.
 *
 * @returns one factor for each snapshot, in their order: Float64Array [snapshots].
 * @throws OptionError if two snapshots are the same, or one has a step that is no integer >= 1 or a gamma below 0.
 */
export function postHocEma(snapshots: readonly EmaSnapshot[], wanted: EmaSnapshot): Float64Array {
  for (const { step, gamma } of [...snapshots, wanted]) {
    checkInteger(['postHocEma', 'step'], step, { min: 1 });
    checkNumber(['postHocEma', 'gamma'], gamma, { min: 0 });
  }
  const matrix = snapshots.map((a) => [
    ...snapshots.map((b) => profileProduct(a, b)),
    profileProduct(a, wanted),
  ]);
  return solveLinear(matrix);
}

/** Inner product of two profiles (gamma + 1) t^gamma / T^(gamma + 1) on [0, T]. */
function profileProduct(a: EmaSnapshot, b: EmaSnapshot): number {
  const [early, late] = a.step < b.step ? [a, b] : [b, a];
  const [p, q] = [early.gamma, late.gamma];
  return (((p + 1) * (q + 1)) / ((p + q + 1) * late.step)) * (early.step / late.step) ** q;
}

/** Gaussian elimination with pivots; each row ends with its right-hand side. */
function solveLinear(rows: number[][]): Float64Array {
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? i + k : best), k);
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    const top = rows[k]!;
    if (top[k] === 0)
      throw new OptionError('postHocEma: snapshots must differ from each other, got two alike.');
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / top[k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * top[j]!;
    }
  }
  const x = new Float64Array(n);
  for (let k = n - 1; k >= 0; k--) {
    let sum = rows[k]![n]!;
    for (let j = k + 1; j < n; j++) sum -= rows[k]![j]! * x[j]!;
    x[k] = sum / rows[k]![k]!;
  }
  return x;
}
