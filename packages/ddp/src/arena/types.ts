/** Element types and operations by their codes in the arena and in `assembly/reduce.ts`. */
import { type CollectiveArray, DTypeError, formatValue, type ReduceOp } from '@tfkit/core';
import type { ArrayConstructor } from './memory';

export const types = [
  { name: 'float32', array: Float32Array, float: true },
  { name: 'float64', array: Float64Array, float: true },
  { name: 'int32', array: Int32Array, float: false },
  { name: 'uint32', array: Uint32Array, float: false },
  { name: 'int16', array: Int16Array, float: false },
  { name: 'uint16', array: Uint16Array, float: false },
  { name: 'int8', array: Int8Array, float: false },
  { name: 'uint8', array: Uint8Array, float: false },
] as const;

/** 'mean' is the sum with the scale 1 / size. */
export const operations: readonly ReduceOp[] = ['sum', 'max', 'min', 'mean'];

export const collectives = [
  'allReduce',
  'reduceScatter',
  'allGather',
  'broadcast',
  'barrier',
  'allocate',
  'bucket allReduce',
  'join',
] as const;
export type CollectiveKind = (typeof collectives)[number];

/** The code of an array's type; a Uint8ClampedArray, Float16Array or BigInt64Array has none. */
export function typeCode(functionName: string, argument: string, data: CollectiveArray): number {
  const code = types.findIndex(({ array }) => data instanceof array);
  // A Buffer is a Uint8Array; arrays of another realm are known by their name.
  if (code >= 0) return code;
  const byName = types.findIndex(({ array }) => (data as object)?.constructor?.name === array.name);
  if (byName >= 0) return byName;
  throw new DTypeError(
    `${functionName}: ${argument} must be a typed array of ${types.map(({ name }) => name).join(', ')}, got ${formatValue(data)}.`,
  );
}

export const arrayOf = (code: number): ArrayConstructor => types[code]!.array as unknown as ArrayConstructor;
