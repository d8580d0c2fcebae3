/** The engine: runs a plan's steps on any machine. */
import { OptionError, ValueError } from '@tfkit/core';
import type { Level } from '../level';
import type { NoiseSource } from '../noise';
import type { Form } from '../plan/forms';
import { programOf, type Steps } from '../plan/program';
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
    this.#steps = programOf(plan);
    this.#machine = machine;
    this.#model = model;
    this.#options = options;
    this.#registers = new Array(plan.registers);
    this.#next = from?.step ?? 0;
    this.#calls = from?.modelCalls ?? 0;
    if (this.#next > 0) this.#last = this.#steps.at(this.#next - 1);
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
    return {
      ...step.to,
      ...{ step: this.#next - 1, steps: this.#steps.length, modelCalls: this.#calls, x: this.x },
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

  #preview(step: PlanStep): V {
    if (step !== this.#last || !this.#open) {
      throw new OptionError('x0: step must be the last one yielded, got an earlier one.');
    }
    const scratch = this.plan.registers;
    const value = this.#combine(scratch, step.preview);
    const flushed = this.#machine.flush();
    if (flushed instanceof Promise) flushed.catch(() => {});
    const copy = this.#machine.copy(value);
    this.#machine.release(scratch, value);
    return copy;
  }

  async #snapshot({ live }: PlanStep): Promise<Snapshot> {
    const registers: Record<number, string> = {};
    for (const register of live)
      registers[register] = encodeFloats(await this.#machine.read(this.#registers[register]!));
    return {
      format: 'tfkit-diffusion-snapshot-1',
      plan: fingerprint(this.plan),
      shape: [...this.#machine.shape],
      ...{ step: this.#next, modelCalls: this.#calls, registers },
    };
  }

  #draw(draw: number): ArrayLike<number> {
    const { shape } = this.#machine;
    const values = this.#options.noise(draw, shape);
    checkNoise(values, shape, `draw ${draw} at step ${this.#next}`);
    return values;
  }

  async #callModel(x: V, output: number, level: Level, call: number): Promise<V> {
    await this.#flush();
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const { shape } = this.#machine;
    const result = this.#model(x, { ...level, step: this.#next, call, shape, signal });
    const value = isPromise(result) ? await (signal ? abortable(result, signal) : result) : result;
    this.#calls++;
    const place = `at step ${this.#next} of ${this.#steps.length} (timestep ${level.timestep})`;
    return this.#machine.accept(output, value, x, place);
  }

  /** Lets pending work run. A machine that answers at once costs no turn of the event loop. */
  #flush(): void | Promise<void> {
    const finite = this.#machine.flush();
    if (finite === true) return;
    if (finite === false) return this.#notFinite();
    return finite.then((ok) => (ok ? undefined : this.#notFinite()));
  }

  #notFinite(): void {
    const { onNonFinite = 'throw' } = this.#options;
    if (onNonFinite === 'ignore') return;
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

export function checkNoise(values: ArrayLike<number>, shape: readonly number[], what: string): void {
  const size = shape.reduce((a, b) => a * b, 1);
  if (values?.length !== size) {
    throw new OptionError(
      `sample: noise must have ${size} numbers for shape [${shape.join(', ')}], got ${values?.length} for ${what}.`,
    );
  }
}
