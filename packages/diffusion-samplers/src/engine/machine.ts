/** What the engine needs of a kind of array: typed arrays in memory, or tensors. `V` is one register's value. */
import type { Limit } from '../prediction';

export interface Machine<V> {
  readonly shape: readonly number[];
  /** A register filled from numbers of the host, or from a value of the caller's, which stays theirs. */
  load(register: number, values: ArrayLike<number> | V): V;
  /** A register that holds what the model returned, after its shape has been checked. */
  accept(register: number, output: unknown, input: V, place: string): V;
  /** sum coefficient * operand; coefficients and operands are as long. No operands is zeros. */
  combine(register: number, coefficients: readonly number[], operands: readonly V[]): V;
  limit(register: number, operand: V, limit: Limit): V;
  /** Called between model calls with all combines that came together; false if a result is not finite. */
  flush(): boolean | Promise<boolean>;
  /** The register is not read again. */
  release(register: number, value: V): void;
  /** The numbers of a register, for a snapshot. */
  read(value: V): FloatArray | Promise<FloatArray>;
  /** A value of its own, which the caller keeps. */
  copy(value: V): V;
  /** Frees what the run holds. */
  close(): void;
}

/** The arrays that hold states on the host. */
export type FloatArray = Float32Array | Float64Array;
