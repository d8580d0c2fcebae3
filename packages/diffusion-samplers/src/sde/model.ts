/** Models whose items are at times of their own, and the drifts that follow from them. */
import { OptionError, ShapeError, sizeOf } from '@tfkit/core';
import { checkBatchShape } from '../batchShape';
import { checkPrediction, type Prediction, type PredictionType } from '../prediction';
import type { Arithmetic } from './arithmetic';
import { arrays } from './arrays';
import { type ModelForm, reverseDrift, type Sde, scoreForm } from './sdes';

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
  checkBatchShape(name, shape);
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

export function checkSde(sde: Sde | undefined): void {
  if (typeof sde?.level === 'function') return;
  throw new OptionError(
    `sde: sde must be one of vpSde, subVpSde, veSde and flowSde, got ${sde === undefined ? 'nothing' : 'something else'}.`,
  );
}

/** The drift and the score of a model, on states whose items are at times of their own. */
export class ModelDrift<V> {
  readonly #model: ItemModel<V>;
  readonly #run: SdeRun<V>;
  readonly #on: Arithmetic<V>;
  readonly #lambda: number;

  constructor(model: ItemModel<V>, run: SdeRun<V>, lambda: number) {
    checkSde(run.sde);
    checkPrediction(run.prediction);
    this.#model = model;
    this.#run = run;
    this.#on = arithmeticOf(run.on);
    this.#lambda = lambda;
  }

  /** The drift at x of the reverse process. */
  drift(x: V, times: Float64Array): Promise<V> {
    return this.#apply(this.at(times), x);
  }

  score(x: V, times: Float64Array): Promise<V> {
    const { sde, prediction } = this.#run;
    return this.#apply(
      this.at(times, (t) => scoreForm(sde, prediction, t)),
      x,
    );
  }

  /** Factors of the state and of the model's output at each time, and the model there; `release` frees what it was told. */
  at(times: Float64Array, form = this.#driftForm) {
    const n = times.length;
    const [a, b, scale] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
    const [alpha, sigma, told] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
    let last = times[0]!;
    let at = form(last);
    for (let item = 0; item < n; item++) {
      const time = times[item]!;
      if (time !== last) at = form(time);
      last = time;
      a[item] = at.x;
      b[item] = at.m;
      scale[item] = at.scale;
      alpha[item] = at.alpha * at.scale;
      sigma[item] = at.sigma * at.scale;
      told[item] = at.timestep;
    }
    const timestep = this.#on.from(told, [n]);
    const call: ItemCall<V> = { timestep, alpha, sigma, time: times, shape: this.#run.shape };
    const scaled = scale.some((value) => value !== 1);
    return {
      ...{ a, b, scale },
      model: (input: V) => this.#model(input, call),
      /** The model's input, to be given back to `done`. */
      input: (x: V) => (scaled ? this.#on.combine([scale], [x]) : x),
      done: (input: V) => scaled && this.#on.free(input),
      release: () => this.#on.free(timestep),
    };
  }

  readonly #driftForm = (t: number): ModelForm =>
    reverseDrift(this.#run.sde, this.#run.prediction, t, this.#lambda);

  async #apply({ a, b, model, input, done, release }: ReturnType<ModelDrift<V>['at']>, x: V): Promise<V> {
    const seen = input(x);
    try {
      const m = await model(seen);
      try {
        return this.#on.combine([a, b], [x, m]);
      } finally {
        if (m !== seen) this.#on.free(m);
      }
    } finally {
      done(seen);
      release();
    }
  }
}
