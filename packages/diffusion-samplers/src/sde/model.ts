/** Models whose items are at times of their own, and the drifts that follow from them. */
import { OptionError, ShapeError, sizeOf } from '@tfkit/core';
import { checkPrediction, type Prediction, type PredictionType } from '../prediction';
import type { Arithmetic } from './arithmetic';
import { arrays } from './arrays';
import { reverseDrift, type Sde } from './sdes';

/** What a model is told beside the state: one level for each item of the batch. */
export interface ItemCall<V> {
  /** [batch]; as the SDE's `level` says. */
  readonly timestep: V;
  /** [batch], on the host. */
  readonly alpha: Float64Array;
  readonly sigma: Float64Array;
  /** The time of the SDE, [batch], on the host. */
  readonly time: Float64Array;
  readonly shape: readonly number[];
}

/**
 * A model on states [batch, ...] whose items are at different levels. It must not change or dispose its input; what it
 * returns becomes the caller's.
 */
export type ItemModel<V> = (x: V, call: ItemCall<V>) => V | Promise<V>;

/** What all runs along an SDE need. */
export interface SdeRun<V> {
  readonly sde: Sde;
  readonly prediction: PredictionType | Prediction;
  /** Of the state, the batch first. */
  readonly shape: readonly number[];
  /** `tensors` of `./tfjs`. Default typed arrays, in float64. */
  readonly on?: Arithmetic<V>;
}

export const sdeRunOptions = ['sde', 'prediction', 'shape', 'on'] as const;

/** The arithmetic of a run; without `on`, `V` is Float64Array. */
export const arithmeticOf = <V>(on: Arithmetic<V> | undefined): Arithmetic<V> =>
  on ?? (arrays as unknown as Arithmetic<V>);

/** The state as a value of the run's arithmetic: numbers are copied. */
export function stateOf<V>(
  name: string,
  x: V | ArrayLike<number>,
  shape: readonly number[],
  on: Arithmetic<V>,
): V {
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((n) => Number.isSafeInteger(n) && n > 0)) {
    throw new ShapeError(`${name}: shape must be positive integers, the batch first, got [${shape}].`);
  }
  if (!isNumbers(x)) return on.combine([1], [x]);
  if (x.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${name}: x must have ${sizeOf(shape)} numbers for shape [${shape.join(', ')}], got ${x.length}.`,
    );
  }
  return on.from(x, shape);
}

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  ArrayBuffer.isView(value) || Array.isArray(value);

/** Drift of the reverse process for `lambda`, and what a model call of it is. */
export class ModelDrift<V> {
  readonly #model: ItemModel<V>;
  readonly #run: SdeRun<V>;
  readonly #on: Arithmetic<V>;
  readonly #lambda: number;

  constructor(model: ItemModel<V>, run: SdeRun<V>, lambda: number) {
    if (typeof run.sde?.level !== 'function') {
      throw new OptionError('sde: sde must be one of vpSde, subVpSde and veSde, got something else.');
    }
    checkPrediction(run.prediction);
    this.#model = model;
    this.#run = run;
    this.#on = arithmeticOf(run.on);
    this.#lambda = lambda;
  }

  /** a, b of the drift a x + b m at each time, and the model at those times; `release` frees what it needs. */
  at(times: Float64Array) {
    const { sde, prediction, shape } = this.#run;
    const on = this.#on;
    const n = times.length;
    const out = { a: new Float64Array(n), b: new Float64Array(n), scale: new Float64Array(n) };
    const call = { alpha: new Float64Array(n), sigma: new Float64Array(n), steps: new Float64Array(n) };
    let last = Number.NaN;
    let drift = reverseDrift(sde, prediction, times[0]!, this.#lambda);
    for (let item = 0; item < n; item++) {
      const time = times[item]!;
      if (time !== last) drift = reverseDrift(sde, prediction, time, this.#lambda);
      last = time;
      out.a[item] = drift.x;
      out.b[item] = drift.m;
      out.scale[item] = drift.scale;
      call.alpha[item] = drift.alpha * drift.scale;
      call.sigma[item] = drift.sigma * drift.scale;
      call.steps[item] = drift.timestep;
    }
    const timestep = on.from(call.steps, [n]);
    const told: ItemCall<V> = { timestep, alpha: call.alpha, sigma: call.sigma, time: times, shape };
    const scaled = out.scale.some((scale) => scale !== 1);
    const model = async (x: V): Promise<V> => {
      if (!scaled) return this.#model(x, told);
      const input = on.combine([out.scale], [x]);
      try {
        return await this.#model(input, told);
      } finally {
        on.free(input);
      }
    };
    return { ...out, model, raw: (x: V) => this.#model(x, told), scaled, release: () => on.free(timestep) };
  }

  /** The drift at x. */
  async drift(x: V, times: Float64Array): Promise<V> {
    const { a, b, model, release } = this.at(times);
    try {
      const m = await model(x);
      const result = this.#on.combine([a, b], [x, m]);
      if (m !== x) this.#on.free(m);
      return result;
    } finally {
      release();
    }
  }
}
