/** The engine: runs a plan's steps on any machine. */
import { OptionError, ValueError } from '@tfkit/core';
import type { Level } from '../level';
import type { NoiseSource } from '../noise';
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
  readonly #machine: Machine<V>;
  readonly #model: Model<V, R>;
  readonly #options: RunOptions;
  readonly #registers: (V | undefined)[];
  #next: number;
  #state: number;
  #calls = 0;
  /** Whether a result was not finite and `onNonFinite` is 'stop'. */
  stopped = false;

  constructor(plan: Plan, machine: Machine<V>, model: Model<V, R>, options: RunOptions, from?: Snapshot) {
    this.plan = plan;
    this.#machine = machine;
    this.#model = model;
    this.#options = options;
    this.#registers = new Array(plan.registers);
    this.#next = from?.step ?? 0;
    this.#calls = from?.modelCalls ?? 0;
    this.#state = plan.steps[this.#next - 1]?.state ?? 0;
  }

  /** Sets a register, at the start or from a snapshot. */
  set(register: number, values: ArrayLike<number> | V): void {
    this.#registers[register] = this.#machine.load(register, values);
  }

  get done(): boolean {
    return this.stopped || this.#next >= this.plan.steps.length;
  }

  get modelCalls(): number {
    return this.#calls;
  }

  /** The present state. */
  get x(): V {
    return this.#registers[this.#state]!;
  }

  /** Runs one step. Registers that only its preview reads live until `endStep`. */
  async step(): Promise<void> {
    const step = this.plan.steps[this.#next]!;
    let call = 0;
    for (const instruction of step.instructions) {
      const registers = this.#registers;
      const { output } = instruction;
      if (instruction.op === 'model') {
        await this.#callModel(instruction.input, output, instruction.level, call++);
      } else if (instruction.op === 'noise') {
        registers[output] = this.#machine.load(output, this.#draw(instruction.draw));
      } else if (instruction.op === 'combine') {
        const { terms } = instruction;
        const coefficients = terms.map((term) => term[1]);
        registers[output] = this.#machine.combine(
          output,
          coefficients,
          terms.map((term) => registers[term[0]]!),
        );
      } else {
        await this.#flush();
        registers[output] = this.#machine.limit(output, registers[instruction.input]!, instruction.limit);
      }
      if (instruction.release) for (const register of instruction.release) this.#release(register);
    }
    await this.#flush();
    this.#state = step.state;
    this.#next++;
  }

  /** Frees what only the preview of the last step needed. */
  endStep(): void {
    for (const register of this.plan.steps[this.#next - 1]!.release) this.#release(register);
  }

  report(): SampleStep<V> {
    const index = this.#next - 1;
    const step: PlanStep = this.plan.steps[index]!;
    return {
      ...step.to,
      ...{ step: index, steps: this.plan.steps.length, modelCalls: this.#calls, x: this.x },
      x0: () => this.#preview(step),
      snapshot: () => this.#snapshot(step),
    };
  }

  close(): void {
    for (const [register] of this.#registers.entries()) this.#release(register);
    this.#machine.close();
  }

  #preview({ preview }: PlanStep): V {
    const operands = preview.map(([register]) => {
      const value = this.#registers[register];
      if (value === undefined)
        throw new OptionError('x0: step must be the last one yielded, got an earlier one.');
      return value;
    });
    const scratch = this.plan.registers;
    const value = this.#machine.combine(
      scratch,
      preview.map(([, c]) => c),
      operands,
    );
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

  async #callModel(input: number, output: number, level: Level, call: number): Promise<void> {
    await this.#flush();
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const x = this.#registers[input]!;
    const { shape } = this.#machine;
    const result = this.#model(x, { ...level, step: this.#next, call, shape, signal });
    const value = isPromise(result) ? await (signal ? abortable(result, signal) : result) : result;
    this.#calls++;
    const place = `at step ${this.#next} of ${this.plan.steps.length} (timestep ${level.timestep})`;
    this.#registers[output] = this.#machine.accept(output, value, x, place);
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
      `sample: model must return finite numbers, got a NaN or an infinity at step ${this.#next} of ${this.plan.steps.length}. See onNonFinite.`,
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
