/** The machine of typed arrays: plain loops, or the SIMD module for large float32 states. */
import { ShapeError, sizeOf } from '@tfkit/core';
import type { Limit } from '../prediction';
import { limitItems } from './limits';
import type { FloatArray, Machine } from './machine';
import { acquire, type WasmMemory } from './wasm';

/** Below this the copy into wasm memory costs more than it saves. */
const wasmFrom = 1024;

export interface Pending {
  readonly output: FloatArray;
  readonly coefficients: readonly number[];
  readonly operands: readonly FloatArray[];
}

export class ArrayMachine implements Machine<FloatArray> {
  readonly shape: readonly number[];
  readonly #size: number;
  readonly #double: boolean;
  readonly #own: FloatArray[] = [];
  readonly #wasm: WasmMemory | undefined;
  #pending: Pending[] = [];
  #finite = true;

  constructor(shape: readonly number[], registers: number, precision: 'float32' | 'float64') {
    this.shape = shape;
    this.#size = sizeOf(shape);
    this.#double = precision === 'float64';
    if (!this.#double && this.#size >= wasmFrom) this.#wasm = acquire(this.#size, registers + 1);
  }

  load(register: number, values: ArrayLike<number>): FloatArray {
    // What waits may read the register's old content.
    this.#runPending();
    const own = this.#buffer(register);
    own.set(values);
    return own;
  }

  accept(register: number, output: unknown, _input: FloatArray, place: string): FloatArray {
    const values = output as ArrayLike<number>;
    if (!isNumbers(output) || values.length !== this.#size) {
      throw new ShapeError(
        `sample: model must return ${this.#size} numbers for shape [${this.shape.join(', ')}], got ${describe(output)} ${place}.`,
      );
    }
    const direct = this.#double ? output instanceof Float64Array : output instanceof Float32Array;
    return direct && !this.#wasm ? (output as FloatArray) : this.load(register, values);
  }

  combine(register: number, coefficients: readonly number[], operands: readonly FloatArray[]): FloatArray {
    const output = this.#buffer(register);
    if (operands.length === 0) {
      this.#runPending();
      return output.fill(0);
    }
    this.#pending.push({ output, coefficients, operands });
    return output;
  }

  limit(register: number, operand: FloatArray, limit: Limit): FloatArray {
    const output = this.#buffer(register);
    limitItems(output, operand, limit, this.shape[0] ?? 1);
    return output;
  }

  flush(): boolean {
    this.#runPending();
    const finite = this.#finite;
    this.#finite = true;
    return finite;
  }

  #runPending(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    const run = this.#double ? combine64 : combine32;
    const finite = this.#wasm ? this.#wasm.run(pending) : pending.map(run).every(Boolean);
    this.#finite &&= finite;
  }

  release(): void {}

  read(value: FloatArray): FloatArray {
    return value;
  }

  copy(value: FloatArray): FloatArray {
    return value.slice();
  }

  close(): void {
    this.#wasm?.release();
  }

  #buffer(register: number): FloatArray {
    const own = this.#own[register];
    if (own) return own;
    const made = this.#wasm
      ? this.#wasm.register(register)
      : this.#double
        ? new Float64Array(this.#size)
        : new Float32Array(this.#size);
    this.#own[register] = made;
    return made;
  }
}

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  (ArrayBuffer.isView(value) && !(value instanceof DataView)) ||
  (Array.isArray(value) && typeof value[0] === 'number');

const describe = (value: unknown): string =>
  `${isNumbers(value) ? value.length : `a value of type ${typeof value}`}`;

/** In float32 throughout, each product and each sum rounded: the same bits as the SIMD module. */
function combine32({ output: out, coefficients, operands }: Pending): boolean {
  const round = Math.fround;
  // 0 times the first is the second of one, as in the module.
  const [c0, c1 = 0, c2] = coefficients.map(round);
  const [x0, x1 = x0, x2] = operands;
  const n = out.length;
  let check = 0;
  if (!x2) for (let i = 0; i < n; i++) out[i] = round(c0! * x0![i]!) + round(c1 * x1![i]!);
  else {
    for (let i = 0; i < n; i++) {
      out[i] = round(round(c0! * x0![i]!) + round(c1 * x1![i]!)) + round(c2! * x2[i]!);
    }
    for (let k = 3; k < operands.length; k++) {
      const [c, x] = [round(coefficients[k]!), operands[k]!];
      for (let i = 0; i < n; i++) out[i] = out[i]! + round(c * x[i]!);
    }
  }
  for (let i = 0; i < n; i++) check += out[i]! * 0;
  return check === 0;
}

function combine64({ output, coefficients, operands }: Pending): boolean {
  let check = 0;
  for (let i = 0; i < output.length; i++) {
    let sum = 0;
    for (let k = 0; k < operands.length; k++) sum += coefficients[k]! * operands[k]![i]!;
    output[i] = sum;
    check += sum * 0;
  }
  return check === 0;
}
