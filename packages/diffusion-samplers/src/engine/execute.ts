/** The engine: runs a plan's steps on any machine. */
import { OptionError, ShapeError, sizeOf, ValueError } from '@tfkit/core';
import type { Level } from '../level';
import type { NoiseSource } from '../noise';
import type { Form } from '../plan/forms';
import { type Steps, stepsOf } from '../plan/program';
import type { Plan, PlanStep } from '../plan/types';
import type { Machine } from './machine';
import { encodeFloats, fingerprint, type Snapshot } from './snapshot';

/** What the model is told beside the state. */
export interface ModelCall extends Level {
  /** Index of the step, from 0. */
  readonly step: number;
  /** Index of the call within the step. */
  readonly call: number;
  readonly shape: readonly number[];
  readonly signal?: AbortSignal;
}

/** A model: a state to its prediction, at once or as a promise. */
export type Model<V, R = V> = (x: V, call: ModelCall) => R | Promise<R>;

/** What an iterator yields after each step. */
export interface SampleStep<V> extends Level {
  /** Index of the finished step, from 0, and how many there are. */
  readonly step: number;
  readonly steps: number;
  /** Model calls so far (NFE). */
  readonly modelCalls: number;
  /** The state, at this step's `alpha` and `sigma`. Valid until the next step. */
  readonly x: V;
  /** The estimate of the clean data from the step's last model call. The caller keeps it. */
  x0(): V;
  /** All that is needed to go on from here in another process, as JSON. */
  snapshot(): Promise<Snapshot>;
}

export interface RunOptions {
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal;
  /** What to do with a NaN or an infinity: throw an error that names the step (default), stop there, or go on. */
  readonly onNonFinite?: 'throw' | 'stop' | 'ignore';
}

export class Execution<V, R = V> {
  readonly plan: Plan;
  readonly #steps: Steps;
  readonly #machine: Machine<V>;
  readonly #model: Model<V, R>;
  readonly #options: RunOptions;
  readonly #registers: (V | undefined)[];
  #next: number;
  /** The step that ran last. */
  #last: PlanStep | undefined;
  #calls = 0;
  /** Whether the registers that the preview of the last step needs are still there. */
  #open = false;
  /** Whether a result was not finite and `onNonFinite` is 'stop'. */
  stopped = false;

  constructor(plan: Plan, machine: Machine<V>, model: Model<V, R>, options: RunOptions, from?: Snapshot) {
    this.plan = plan;
    this.#steps = stepsOf(plan);
    this.#machine = machine;
    this.#model = model;
    this.#options = options;
    this.#registers = new Array(plan.registers);
    this.#next = from?.step ?? 0;
    this.#calls = from?.modelCalls ?? 0;
    this.#last = from && this.#steps.at(from.step - 1);
  }

  /** Sets a register, at the start or from a snapshot. */
  set(register: number, values: ArrayLike<number> | V): void {
    this.#registers[register] = this.#machine.load(register, values);
  }

  get done(): boolean {
    return this.stopped || this.#next >= this.#steps.length;
  }

  get modelCalls(): number {
    return this.#calls;
  }

  /** The present state. */
  get x(): V {
    return this.#registers[this.#last?.state ?? 0]!;
  }

  /** Runs one step. Registers that only its preview reads live until `endStep`. */
  async step(): Promise<void> {
    const step = this.#steps.at(this.#next)!;
    const registers = this.#registers;
    let call = 0;
    for (const instruction of step.instructions) {
      const { output } = instruction;
      let value: V;
      if (instruction.op === 'model') {
        value = await this.#callModel(registers[instruction.input]!, output, instruction.level, call++);
      } else if (instruction.op === 'noise') {
        value = this.#machine.load(output, this.#draw(instruction.draw));
      } else if (instruction.op === 'combine') {
        value = this.#combine(output, instruction.terms);
      } else {
        await this.#flush();
        value = this.#machine.limit(output, registers[instruction.input]!, instruction.limit);
      }
      // The output may take the place of what is released.
      if (instruction.release) for (const register of instruction.release) this.#release(register);
      registers[output] = value;
    }
    await this.#flush();
    this.#last = step;
    this.#open = true;
    this.#next++;
  }

  /** Frees what only the preview of the last step needed. */
  endStep(): void {
    this.#open = false;
    for (const register of this.#last!.release) this.#release(register);
  }

  report(): SampleStep<V> {
    const step = this.#last!;
    const { timestep, alpha, sigma } = step.to;
    return {
      ...{ timestep, alpha, sigma, step: this.#next - 1, steps: this.#steps.length },
      ...{ modelCalls: this.#calls, x: this.x },
      x0: () => this.#preview(step),
      snapshot: () => this.#snapshot(step),
    };
  }

  close(): void {
    this.#open = false;
    for (const [register] of this.#registers.entries()) this.#release(register);
    this.#machine.close();
  }

  #combine(output: number, form: Form): V {
    const operands = form.map(([register]) => this.#registers[register]!);
    return this.#machine.combine(
      output,
      form.map(([, c]) => c),
      operands,
    );
  }

  #checkLast(step: PlanStep): void {
    if (step === this.#last && this.#open) return;
    throw new OptionError('iterate: step must be the last one yielded, got an earlier one.');
  }

  #preview(step: PlanStep): V {
    this.#checkLast(step);
    const scratch = this.plan.registers;
    const value = this.#combine(scratch, step.preview);
    const flushed = this.#machine.flush();
    if (isPromise(flushed)) flushed.catch(() => {});
    const copy = this.#machine.copy(value);
    this.#machine.release(scratch, value);
    return copy;
  }

  async #snapshot(step: PlanStep): Promise<Snapshot> {
    this.#checkLast(step);
    // All is read at once: the run may go on before the numbers arrive.
    const reads = step.live.map(async (register) => {
      const value = this.#machine.read(this.#registers[register]!);
      return [register, encodeFloats(isPromise(value) ? await value : value)] as const;
    });
    const counts = { step: this.#next, modelCalls: this.#calls };
    return {
      format: 'tfkit-diffusion-snapshot-1',
      plan: fingerprint(this.plan),
      shape: [...this.#machine.shape],
      ...{ ...counts, registers: Object.fromEntries(await Promise.all(reads)) },
    };
  }

  #draw(draw: number): ArrayLike<number> {
    const { shape } = this.#machine;
    const values = this.#options.noise(draw, shape);
    checkSize('noise', values, shape, ` for draw ${draw} at step ${this.#next}`);
    return values;
  }

  async #callModel(x: V, output: number, level: Level, call: number): Promise<V> {
    await this.#flush();
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const { shape } = this.#machine;
    const { timestep, alpha, sigma } = level;
    const result = this.#model(x, { timestep, alpha, sigma, step: this.#next, call, shape, signal });
    const value = isPromise(result) ? await (signal ? abortable(result, signal) : result) : result;
    this.#calls++;
    const place = `at step ${this.#next} of ${this.#steps.length} (timestep ${level.timestep})`;
    return this.#machine.accept(output, value, x, place);
  }

  /** Lets pending work run. A machine that answers at once costs no turn of the event loop. */
  #flush(): void | Promise<void> {
    const finite = this.#machine.flush();
    return isPromise(finite) ? finite.then((ok) => this.#check(ok)) : this.#check(finite);
  }

  #check(finite: boolean): void {
    const { onNonFinite = 'throw' } = this.#options;
    if (finite || onNonFinite === 'ignore') return;
    this.stopped = true;
    if (onNonFinite === 'stop') return;
    throw new ValueError(
      `sample: model must return finite numbers, got a NaN or an infinity at step ${this.#next} of ${this.#steps.length}. See onNonFinite.`,
    );
  }

  #release(register: number): void {
    const value = this.#registers[register];
    if (value === undefined) return;
    this.#registers[register] = undefined;
    this.#machine.release(register, value);
  }
}

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as Promise<T> | undefined)?.then === 'function';

/** Rejects as soon as the signal is aborted, whatever the model does. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** `what` is said after the number of numbers there are. */
export function checkSize(
  name: string,
  values: ArrayLike<number>,
  shape: readonly number[],
  what = '',
): void {
  if (values?.length === sizeOf(shape)) return;
  throw new ShapeError(
    `sample: ${name} must have ${sizeOf(shape)} numbers for shape [${shape.join(', ')}], got ${values?.length}${what}.`,
  );
}
