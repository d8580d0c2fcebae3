/** What solvers are given to write a plan with: model calls, noise, and linear forms kept in registers. */
import { OptionError } from '@tfkit/core';
import { type Level, ratioOf } from '../level';
import { conversion, inputLevel, type Limit, type Prediction } from '../prediction';
import type { Schedule } from '../schedules/schedule';
import { allocate } from './allocate';
import { type Form, lin } from './forms';
import { combineOp, endOp, header, limitOp, modelOp, noiseOp } from './words';

/** A model call's result. */
export interface Estimate {
  /** The estimate of the clean data, after clipping if there is any. */
  readonly x0: Form;
  /** The noise that the model predicted, whatever clipping did to x0. */
  readonly epsilon: Form;
  /** (x - alpha x0) / sigma: differs from epsilon where x0 was clipped. */
  readonly noise: Form;
  /** The raw output; may be read until the next call. */
  readonly raw: Form;
}

export interface BuilderOptions {
  readonly schedule: Schedule;
  readonly levels: readonly Level[];
  readonly prediction: Prediction;
  readonly limit?: Limit;
  readonly compat: boolean;
  /** The solver's name, for errors. */
  readonly solver: string;
}

/** Builds the steps of one plan. `x` is the state; `advance` ends a step. */
export class PlanBuilder {
  /** The levels of the run, one more than steps. */
  readonly levels: readonly Level[];
  readonly schedule: Schedule;
  readonly prediction: Prediction;
  /** Whether the quirks of diffusers are wanted. */
  readonly compat: boolean;
  /** The state. */
  x: Form = [[0, 1]];
  readonly #limit: Limit | undefined;
  readonly #solver: string;
  readonly #words: number[] = [];
  readonly #called: Level[] = [];
  /** Where the last combine and the last end are. */
  #combine = 0;
  #end = 0;
  #preview: Form = [];
  #finite = true;
  #step = 0;
  #registers = 1;
  #draws = 0;
  #calls = 0;

  constructor({ schedule, levels, prediction, limit, compat, solver }: BuilderOptions) {
    this.schedule = schedule;
    this.levels = levels;
    this.prediction = prediction;
    this.compat = compat;
    this.#limit = limit;
    this.#solver = solver;
  }

  /** Index of the step being written. */
  get step(): number {
    return this.#step;
  }

  /** The level at a ratio sigma / alpha that is not of the grid: a midpoint. */
  at(ratio: number): Level {
    const sigma = this.schedule.sigmaOfRatio(ratio);
    return inputLevel(this.prediction, {
      timestep: this.schedule.timestep(sigma),
      ...this.schedule.level(sigma),
    });
  }

  /** Calls the model on the state `x`, which is at `level`. */
  predict(level: Level, x: Form = this.x): Estimate {
    return this.convert(level, x, this.call(level, x));
  }

  /** The model's raw output on `x`. */
  call(level: Level, x: Form = this.x): Form {
    const input = this.#registerOf(x);
    this.#calls++;
    return this.#write(modelOp, this.#called.push(level) - 1, [[input, 1]]);
  }

  /** What a raw output says about x0 and the noise, with `x` at `level`. */
  convert(level: Level, x: Form, raw: Form): Estimate {
    const [a, b, c, d] = conversion(this.prediction, level);
    const x0 = lin(a, x, b, raw);
    const epsilon = lin(c, x, d, raw);
    this.#preview = x0;
    if (!this.#limit) return { x0, epsilon, noise: epsilon, raw };
    const limited = this.#write(limitOp, 0, this.keep(x0));
    this.#preview = limited;
    return { x0: limited, epsilon, noise: this.noiseOf(level, x, limited), raw };
  }

  /** (x - alpha x0) / sigma. */
  noiseOf({ alpha, sigma }: Level, x: Form, x0: Form): Form {
    return lin(1 / sigma, x, -alpha / sigma, x0);
  }

  /** Keeps a form in a register of its own: needed for what is read after the next model call. */
  keep(form: Form): Form {
    this.#combine = this.#words.length;
    for (const term of form) if (!Number.isFinite(term[1])) this.#finite = false;
    return this.#write(combineOp, 0, form);
  }

  /** The next draw of standard normal noise. */
  noise(): Form {
    return this.#write(noiseOp, this.#draws++, []);
  }

  /** Counts a draw that is not used, so that a sequential generator stays in step with a peer's. */
  skipDraw(): void {
    this.#draws++;
  }

  /** `factor` times a draw, or nothing (the draw counted) where the factor is 0. */
  scaledNoise(factor: number): Form {
    if (factor !== 0) return lin(factor, this.noise());
    this.skipDraw();
    return [];
  }

  /** Sets x0 as `step.x0` of the iterator shows it, where it is not that of the last model call. */
  show(x0: Form): void {
    this.#preview = x0;
  }

  /** Ends the step: `x` becomes the state at the level `to`. */
  advance(x: Form, to: Level = this.levels[this.step + 1]!, from: Level = this.levels[this.step]!): void {
    this.x = this.keep(x);
    if (!this.#finite) {
      // The solver has no limit at some level of this grid.
      throw new OptionError(
        `createPlan: solver '${this.#solver}' must have finite coefficients, got none at step ${this.step} (sigma/alpha ${ratioOf(from)} to ${ratioOf(to)}).`,
      );
    }
    this.#end = this.#words.length;
    const start = this.#called.push(from, to) - 2;
    this.#write(endOp, start, this.#preview, this.x[0]![0]);
    this.#step++;
  }

  /** The finished program, with registers shared where lifetimes allow, and the counts of what is in it. */
  finish() {
    this.#toDataUnits();
    const { registers, ...placed } = allocate(this.#words, this.#registers);
    return {
      program: { ...placed, levels: this.#called, limit: this.#limit },
      counts: { registers, modelCalls: this.#calls, draws: this.#draws },
    };
  }

  /** The last state is not for the model: c_in of raw networks is taken back. */
  #toDataUnits(): void {
    const last = this.#called.length - 1;
    const to = this.#called[last]!;
    const level = { ...to, ...this.schedule.level(this.schedule.sigmaOfRatio(ratioOf(to))) };
    if (inputLevel(this.prediction, level).alpha === level.alpha) return;
    this.#called[last] = level;
    for (let at = this.#combine + header + 1; at < this.#end; at += 2)
      this.#words[at]! *= level.alpha / to.alpha;
  }

  #write(op: number, extra: number, reads: Form, output = this.#registers++): Form {
    const words = this.#words;
    words.push(op, output, extra, reads.length);
    for (let k = 0; k < reads.length; k++) words.push(reads[k]![0], reads[k]![1]);
    return [[output, 1]];
  }

  #registerOf(form: Form): number {
    const [only] = form;
    return form.length === 1 && only![1] === 1 ? only![0] : this.keep(form)[0]![0];
  }
}

/** Each step's start and end, with their ratios. */
export function* stepsOf(
  b: PlanBuilder,
): Generator<{ i: number; s: Level; n: Level; rs: number; rn: number }> {
  for (let i = 0; i + 1 < b.levels.length; i++) {
    const [s, n] = [b.levels[i]!, b.levels[i + 1]!];
    yield { i, s, n, rs: ratioOf(s), rn: ratioOf(n) };
  }
}
