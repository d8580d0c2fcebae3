/** The few functions of libc that shared memory between processes needs, through koffi, an optional peer. */
import { BackendError } from '@tfkit/core';
import { type Koffi, loadKoffi } from '../koffi';

export interface Native {
  /** Maps `length` bytes of an open file from `offset` on, shared. */
  map(fd: number, length: number, offset: number): ArrayBuffer;
  /** Sleeps while the word has the value; absent where there is no futex (macOS). */
  futexWait?(word: Int32Array, value: number, milliseconds: number): void;
  futexWake?(word: Int32Array): void;
}

const libraries: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'],
  darwin: ['libSystem.B.dylib'],
};

const futexNumbers: Partial<Record<NodeJS.Architecture, number>> = { x64: 202, arm64: 98 };

const protRead = 1;
const protWrite = 2;
const mapShared = 1;
const futexWaitOperation = 0;
const futexWakeOperation = 1;

let native: Native | undefined;

/** @throws BackendError if koffi is absent or the platform has no shared memory that it can open. */
export function loadNative(require?: NodeJS.Require): Native {
  native ??= bind(loadKoffi('processes', require));
  return native;
}

function bind(koffi: Koffi): Native {
  const names = libraries[process.platform];
  if (!names) {
    throw new BackendError(
      `initProcessGroup: the backend 'processes' must run on Linux or macOS, got ${process.platform}. Use the backend threads.`,
    );
  }
  const library = firstOf(names, (name) => koffi.load(name));
  const mmap = library.func(
    'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  );
  const map = (fd: number, length: number, offset: number) => {
    const pointer = mmap(null, length, protRead | protWrite, mapShared, fd, offset);
    // MAP_FAILED is -1.
    if (pointer === null || BigInt.asUintN(64, BigInt(pointer as bigint)) === 2n ** 64n - 1n) {
      throw new RangeError(`mmap of ${length} bytes of shared memory failed.`);
    }
    return koffi.view(pointer, length);
  };
  const number = process.platform === 'linux' ? futexNumbers[process.arch] : undefined;
  if (number === undefined) return { map };
  const syscall = library.func(
    'long syscall(long number, void *word, long operation, long value, void *timeout, void *word2, long value3)',
  );
  const time = new BigInt64Array(2);
  return {
    map,
    futexWait: (word, value, milliseconds) => {
      time[0] = BigInt(Math.floor(milliseconds / 1000));
      time[1] = BigInt(Math.floor((milliseconds % 1000) * 1e6));
      syscall(number, word, futexWaitOperation, value, time, null, 0);
    },
    futexWake: (word) => void syscall(number, word, futexWakeOperation, 2 ** 31 - 1, null, null, 0),
  };
}

function firstOf<T>(names: readonly string[], load: (name: string) => T): T {
  let failure: unknown;
  for (const name of names) {
    try {
      return load(name);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
