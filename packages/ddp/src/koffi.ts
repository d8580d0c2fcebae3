/** Calls into C libraries, through koffi, an optional peer. */
import { createRequire } from 'node:module';
import { BackendError } from '@tfkit/core';

export type NativeFunction = (...values: unknown[]) => unknown;

export interface Library {
  func(signature: string): NativeFunction;
  /** The address of a variable. */
  symbol(name: string, type: string): unknown;
}

export interface Koffi {
  load(path: string, options?: { global?: boolean }): Library;
  view(pointer: unknown, length: number): ArrayBuffer;
}

/** @throws BackendError if koffi is absent; it names the backend that needs it. */
export function loadKoffi(
  backend: 'processes' | 'mpi',
  require: NodeJS.Require = createRequire(import.meta.url),
): Koffi {
  try {
    return require('koffi') as Koffi;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'MODULE_NOT_FOUND' ? 'it is not installed' : message.split('\n')[0];
    throw new BackendError(
      `initProcessGroup: the backend '${backend}' must have the npm package koffi, got none: ${reason}. ` +
        'Run `npm install koffi`, or use the backend threads, which needs nothing.',
    );
  }
}
