/** The interface of a group of ranks: core's `Collective`, and what training needs besides. */
import type { Collective, CollectiveArray, ReduceOp, SyncCollective } from '@tfkit/core';

/**
 * How ranks are connected: worker threads of one process, processes on one host, processes over MPI (of one rank each or
 * of several threads), or a group of one.
 */
export type BackendName = 'threads' | 'processes' | 'mpi' | 'single';

/** float32 numbers that lie where the reduction works on them, so that nothing is copied. */
export interface ResidentBuffer {
  readonly length: number;
  /** This rank's numbers: written before `start` or `allReduceResident`. With compression their bits are used up. */
  readonly local: Float32Array;
  /** The reduction, the same memory on all ranks. Valid until the buffer's next reduction; copy what you keep. */
  readonly result: Float32Array;
}

/** How a resident buffer is reduced, and which part of it. */
export interface ResidentOptions {
  /** Default 'sum'. */
  readonly op?: 'sum' | 'mean' | 'max' | 'min';
  /** The part of the buffer, in elements; `start` is a multiple of 16. Default: all of it. */
  readonly start?: number;
  readonly count?: number;
  /** Numbers of 16 bits between the ranks ('sum' and 'mean' only); sums are taken in float32. */
  readonly compression?: 'fp16' | 'bf16';
}

/** A reduction that was started. */
export interface Pending {
  readonly number: number;
}

/** The blocking forms. All ranks must make the same calls in the same order. */
export interface SyncProcessGroup extends SyncCollective {
  /** As `allReduce`, but the result replaces `data`. */
  allReduceInPlace(data: CollectiveArray, op?: ReduceOp): void;
  /** The reduction of this rank's part; `data` has `size` parts of equal length. */
  reduceScatter<T extends CollectiveArray>(data: T, op?: ReduceOp): T;
  barrier(options?: BarrierOptions): void;
  /** The values of all ranks in rank order on rank `root`, undefined on the others. Structured cloning. */
  gatherObject<T>(value: T, root?: number): T[] | undefined;
  /** The values of all ranks in rank order, on every rank. */
  allGatherObject<T>(value: T): T[];
  /** The value of rank `root` on every rank. */
  broadcastObject<T>(value: T, root?: number): T;
}

export interface BarrierOptions {
  /** Milliseconds to wait for the others here. Default: the group's. */
  readonly timeout?: number;
}

/**
 * A group of ranks as one of them sees it.
 *
 * Every call is checked against those of the other ranks before data moves: a different function, reduction, type or
 * length is a `CollectiveError` on all of them. After such an error the group is over.
 */
export interface ProcessGroup extends Collective {
  readonly backend: BackendName;
  /** The rank among those of this host. */
  readonly localRank: number;
  /** How often the launcher has restarted the job: 0 in the first run. */
  readonly restarts: number;
  /** Milliseconds that a call waits for other ranks. */
  readonly timeout: number;
  readonly sync: SyncProcessGroup;
  reduceScatter<T extends CollectiveArray>(data: T, op?: ReduceOp): Promise<T>;
  barrier(options?: BarrierOptions): Promise<void>;
  gatherObject<T>(value: T, root?: number): Promise<T[] | undefined>;
  allGatherObject<T>(value: T): Promise<T[]>;
  broadcastObject<T>(value: T, root?: number): Promise<T>;
  /** A buffer of `length` float32 in the shared memory. A collective call; it lives as long as the group. */
  allocate(length: number): ResidentBuffer;
  /** Reduces a buffer where it lies, blocking. */
  allReduceResident(buffer: ResidentBuffer, options?: ResidentOptions): void;
  /** Starts the same on this rank's communication thread. Ranks must start the same reductions in the same order. */
  start(buffer: ResidentBuffer, options?: ResidentOptions): Pending;
  /** Waits until a started reduction is done. */
  wait(pending: Pending): void;
  /** Leaves the group and ends its communication thread. Not a collective call. */
  destroy(): void;
}
