/** Checks and records that all groups share. */
import {
  type CollectiveArray,
  checkInteger,
  checkOneOf,
  DTypeError,
  type ReduceOp,
  ShapeError,
} from '@tfkit/core';
import type { CollectiveRecord } from './arena/records';
import { type CollectiveKind, operations, typeCode, types } from './arena/types';
import type { ResidentBuffer, ResidentOptions } from './processGroup';

/** The record of a collective on a private array, its arguments checked. */
export function recordOf(
  kind: CollectiveKind,
  data: CollectiveArray,
  op: ReduceOp = 'sum',
  root = 0,
): CollectiveRecord {
  const type = typeCode(kind, 'data', data);
  checkOneOf([kind, 'op'], op, operations);
  if (op === 'mean' && !types[type]!.float) {
    throw new DTypeError(
      `${kind}: data must be float32 or float64 for the mean, got ${types[type]!.name}. Take the sum and divide.`,
    );
  }
  return { kind, type, operation: operations.indexOf(op), root, count: data.length };
}

export function checkRoot(functionName: string, root: number, size: number): void {
  checkInteger([functionName, 'root'], root, { min: 0, max: size - 1 });
}

export function checkParts(data: CollectiveArray, size: number): void {
  if (data.length % size === 0) return;
  throw new ShapeError(
    `reduceScatter: data must have a length that is a multiple of the ${size} ranks, got ${data.length}.`,
  );
}

export interface ResidentPart {
  readonly start: number;
  readonly count: number;
  readonly operation: number;
}

export function checkResident(
  functionName: string,
  buffer: ResidentBuffer,
  { op = 'sum', start = 0, count = buffer.length - start, compression }: ResidentOptions,
): ResidentPart {
  checkOneOf([functionName, 'options.op'], op, operations);
  checkInteger([functionName, 'options.start'], start, { min: 0, max: buffer.length });
  checkInteger([functionName, 'options.count'], count, { min: 0, max: buffer.length - start });
  if (start % 16 !== 0) checkOneOf([functionName, 'options.start'], start, [start - (start % 16)]);
  if (compression !== undefined) {
    checkOneOf([functionName, 'options.compression'], compression, ['fp16', 'bf16']);
    checkOneOf([functionName, 'options.op with compression'], op, ['sum', 'mean']);
  }
  return { start, count, operation: operations.indexOf(op) };
}
