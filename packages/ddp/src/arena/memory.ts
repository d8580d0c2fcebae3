/** What the collectives need of a memory that all ranks share. Two kinds: one WebAssembly.Memory of threads, one mapped file of processes. */
import type { CollectiveArray } from '@tfkit/core';

export type ArrayConstructor<T extends CollectiveArray = CollectiveArray> = {
  new (length: number): T;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

export type Halves = 'fp16' | 'bf16';

export interface SharedMemory {
  /** The header. */
  readonly words: Int32Array;
  /** Elements at a byte offset, as they are: writes are seen by all ranks. */
  view<T extends CollectiveArray>(type: ArrayConstructor<T>, offset: number, length: number): T;
  /** Makes the first `bytes` bytes exist. One rank calls it. */
  grow(bytes: number): void;
  /** Sleeps while the word has the value, at most `milliseconds`. */
  wait(index: number, value: number, milliseconds: number): void;
  /** Wakes all that sleep on the word. */
  notify(index: number): void;
  /** Whether the process of a rank is there; undefined where ranks are threads, which end together. */
  isAlive?(pid: number): boolean;
  readonly reducer: Reducer;
  /** What another thread of this rank needs to open the same memory (structured cloning). */
  readonly handle: MemoryHandle;
  close(): void;
}

export type MemoryHandle =
  | { readonly kind: 'threads'; readonly memory: WebAssembly.Memory }
  | { readonly kind: 'processes'; readonly path: string };

/** Reductions over slots that lie `stride` bytes apart. `code` as in `arena/types.ts`. */
export interface Reducer {
  reduce(
    type: number,
    operation: number,
    out: number,
    slots: number,
    stride: number,
    ranks: number,
    count: number,
    scale: number,
  ): void;
  encode(format: Halves, to: number, from: number, count: number): void;
  reduceHalves(
    format: Halves,
    out: number,
    slots: number,
    stride: number,
    ranks: number,
    count: number,
    scale: number,
  ): void;
}
