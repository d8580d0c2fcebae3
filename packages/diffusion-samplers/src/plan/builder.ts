/** What solvers are given to write a plan with: model calls, noise, and linear forms kept in registers. */
import { type Level, ratioOf } from '../level';
import { inputLevel, type Limit, type Prediction, predictedForms } from '../prediction';
import type { Schedule } from '../schedules/schedule';
import { allocate, type RawInstruction, type RawStep } from './allocate';
import { type Form, lin } from './forms';

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
  readonly #steps: RawStep[] = [];
  #instructions: RawInstruction[] = [];
  #preview: Form = [];
  #registers = 1;
  #draws = 0;

  constructor({ schedule, levels, prediction, limit, compat }: BuilderOptions) {
    this.schedule = schedule;
    this.levels = levels;
    this.prediction = prediction;
    this.compat = compat;
    this.#limit = limit;
  }

  /** Index of the step being written. */
  get step(): number {
    return this.#steps.length;
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
    const output = this.#registers++;
    this.#instructions.push({ op: 'model', input, output, level });
    return [[output, 1]];
  }

  /** What a raw output says about x0 and the noise, with `x` at `level`. */
  convert(level: Level, x: Form, raw: Form): Estimate {
    const forms = predictedForms(this.prediction, level, x, raw);
    if (!this.#limit) {
      this.#preview = forms.x0;
      return { ...forms, noise: forms.epsilon, raw };
    }
    const input = this.#registerOf(this.keep(forms.x0));
    const output = this.#registers++;
    this.#instructions.push({ op: 'limit', input, output, limit: this.#limit });
    const x0: Form = [[output, 1]];
    this.#preview = x0;
    return { x0, epsilon: forms.epsilon, noise: this.noiseOf(level, x, x0), raw };
  }

  /** (x - alpha x0) / sigma. */
  noiseOf({ alpha, sigma }: Level, x: Form, x0: Form): Form {
    return lin(1 / sigma, x, -alpha / sigma, x0);
  }

  /** Keeps a form in a register of its own: needed for what is read after the next model call. */
  keep(form: Form): Form {
    const output = this.#registers++;
    this.#instructions.push({ op: 'combine', output, terms: form });
    return [[output, 1]];
  }

  /** The next draw of standard normal noise. */
  noise(): Form {
    const output = this.#registers++;
    this.#instructions.push({ op: 'noise', output, draw: this.#draws++ });
    return [[output, 1]];
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
    this.#steps.push({
      from,
      to,
      instructions: this.#instructions,
      state: this.x[0]![0],
      preview: this.#preview,
    });
    this.#instructions = [];
  }

  /** The finished steps, with registers shared where lifetimes allow. */
  finish() {
    this.#toDataUnits();
    return { ...allocate(this.#steps, this.#registers), draws: this.#draws };
  }

  /** The last state is not for the model: c_in of raw networks is taken back. */
  #toDataUnits(): void {
    const last = this.#steps.at(-1);
    const written = last?.instructions.at(-1);
    if (!last || written?.op !== 'combine') return;
    const sigma = this.schedule.sigmaOfRatio(ratioOf(last.to));
    const to = { ...last.to, ...this.schedule.level(sigma) };
    if (inputLevel(this.prediction, to).alpha === to.alpha) return;
    const terms = lin(to.alpha / last.to.alpha, written.terms);
    const instructions = [...last.instructions.slice(0, -1), { ...written, terms }];
    this.#steps[this.#steps.length - 1] = { ...last, to, instructions };
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
