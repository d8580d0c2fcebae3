/**
 * The interface of a group of processes that compute together. `@tfkit/ddp` implements it over threads, processes and
 * MPI; `@tfkit/margin-softmax` (classes split over ranks) and `@tfkit/seg-metrics` (merged counts) accept it, so that
 * packages compose without importing each other. The vocabulary is MPI's.
 */
import { checkInteger } from './checks';

/** What collectives carry. Counts beyond 2^24 belong in Float64Array or Int32Array, not in Float32Array. */
export type CollectiveArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** How the ranks' values become one, element by element. */
export type ReduceOp = 'sum' | 'mean' | 'max' | 'min';

/** The blocking forms, present where a rank may block its thread (workers and processes, never a page's main thread). */
export interface SyncCollective {
  allReduce<T extends CollectiveArray>(data: T, op?: ReduceOp): T;
  allGather<T extends CollectiveArray>(data: T): T[];
  broadcast<T extends CollectiveArray>(data: T, root?: number): T;
  barrier(): void;
}

/**
 * A process group as one of its ranks sees it. Every rank must make the same calls in the same order. Arrays passed in
 * are never changed; results are new arrays that the caller owns.
 */
export interface Collective {
  /** This process's number, 0 .. size - 1. */
  readonly rank: number;
  /** The number of ranks. */
  readonly size: number;
  /** Elementwise reduction over all ranks, the same bits on every rank. `data` has one length on all. Default 'sum'. */
  allReduce<T extends CollectiveArray>(data: T, op?: ReduceOp): Promise<T>;
  /** The arrays of all ranks, in rank order. Lengths may differ between ranks. */
  allGather<T extends CollectiveArray>(data: T): Promise<T[]>;
  /** The array of rank `root` (default 0) on every rank. `data` has one length on all. */
  broadcast<T extends CollectiveArray>(data: T, root?: number): Promise<T>;
  /** Resolves when every rank has called it. */
  barrier(): Promise<void>;
  /** Blocking forms of the same calls; undefined where this thread must not block. */
  readonly sync?: SyncCollective;
}

/** The group of one: every reduction is the identity. The default wherever a `Collective` is accepted. */
export const soloCollective: Collective & { readonly sync: SyncCollective } = /* @__PURE__ */ Object.freeze({
  rank: 0,
  size: 1,
  allReduce: async <T extends CollectiveArray>(data: T) => copy(data),
  allGather: async <T extends CollectiveArray>(data: T) => [copy(data)],
  broadcast: async <T extends CollectiveArray>(data: T, root = 0) => broadcastAlone(data, root),
  barrier: async () => {},
  sync: /* @__PURE__ */ Object.freeze({
    allReduce: <T extends CollectiveArray>(data: T) => copy(data),
    allGather: <T extends CollectiveArray>(data: T) => [copy(data)],
    broadcast: <T extends CollectiveArray>(data: T, root = 0) => broadcastAlone(data, root),
    barrier: () => {},
  }),
});

const copy = <T extends CollectiveArray>(data: T): T => data.slice() as T;

function broadcastAlone<T extends CollectiveArray>(data: T, root: number): T {
  checkInteger(['broadcast', 'root'], root, { min: 0, max: 0 });
  return copy(data);
}
