/** The way of an arena to the ranks of other processes: its first rank asks the thread that owns MPI, and waits. */
import { abortGroup, throwFailure } from '../arena/failure';
import { type LaneNumber, word } from '../arena/layout';
import type { Halves, SharedMemory } from '../arena/memory';
import { functionNameOf } from '../arena/records';
import { CollectiveError } from '../errors';
import { completedWord, compressed, type LinkRequest, linkWord, openTable, postMail } from './mailbox';

const spins = 2000;

/** How much longer than the time-out it may take to learn who is late, in ms. */
export const graceMilliseconds = 10_000;

export interface Link {
  readonly worldSize: number;
  readonly processes: number;
  /** Milliseconds that ranks of the arena wait beyond the time-out. */
  readonly grace: number;
  /** The process of a rank. */
  processOf(rank: number): number;
  /** Waits until every process has begun its collective of this number, and compares them. */
  compare(number: number, timeout: number): void;
  /** The counts that the last comparison has found, of all ranks. */
  counts(): Float64Array;
  /** Reduces `count` elements at a byte offset over the processes, in place. */
  allReduce(
    offset: number,
    count: number,
    options: { type: number; operation: number; compression?: Halves | undefined },
  ): void;
  /** As `allReduce`, of `count` elements for each rank; this process' part comes to the front. */
  reduceScatter(offset: number, count: number, options: { type: number; operation: number }): void;
  /** Each rank's `count` elements lie one after the other from `offset` on; every process brings its own. */
  allGather(offset: number, count: number, type: number): void;
  broadcast(offset: number, count: number, options: { type: number; rank: number }): void;
}

/** The link of a memory; undefined where no other process takes part. */
export function openLink(memory: SharedMemory, lane: LaneNumber, timeout: number): Link | undefined {
  const { words } = memory;
  if (Atomics.load(words, linkWord.state) === 0) return undefined;
  const { firstRanks, counts } = openTable(memory);
  const processes = Atomics.load(words, linkWord.processes);
  const ask = (request: Partial<LinkRequest> & Pick<LinkRequest, 'kind' | 'count'>) => {
    const full = { type: 0, operation: 0, offset: 0, root: 0, timeout, ...request };
    waitForMail(memory, lane, postMail(memory, lane, full), full.timeout);
  };
  const processOf = (rank: number) => firstRanks.findLastIndex((first) => first <= rank);
  return {
    worldSize: Atomics.load(words, word.worldSize),
    processes,
    grace: graceMilliseconds,
    processOf,
    compare: (number, milliseconds) => ask({ kind: 'compare', count: number, timeout: milliseconds }),
    counts: () => counts(lane).slice(),
    allReduce: (offset, count, { type, operation, compression }) =>
      ask({ kind: compressed(compression), type, operation, offset, count }),
    reduceScatter: (offset, count, { type, operation }) =>
      ask({ kind: 'reduceScatter', type, operation, offset, count }),
    allGather: (offset, count, type) => ask({ kind: 'allGather', type, offset, count }),
    broadcast: (offset, count, { type, rank }) =>
      ask({ kind: 'broadcast', type, offset, count, root: processOf(rank) }),
  };
}

function waitForMail(memory: SharedMemory, lane: LaneNumber, number: number, timeout: number): void {
  const index = completedWord(lane);
  const isDone = () => ((Atomics.load(memory.words, index) - number) | 0) >= 0;
  for (let spin = 0; spin < spins; spin++) if (isDone()) return;
  // The thread that owns MPI reports who is late; this is for a thread that is gone.
  const deadline = performance.now() + timeout + graceMilliseconds;
  while (!isDone()) {
    throwFailure(memory, functionNameOf(memory, 0, lane));
    if (performance.now() > deadline) {
      const rank = Atomics.load(memory.words, word.firstRank);
      const text = `the thread of rank ${rank} that owns MPI does not answer.`;
      abortGroup(memory, rank, 'timeout', text);
      throw new CollectiveError(`${functionNameOf(memory, 0, lane)}: ${text}`, { rank, reason: 'timeout' });
    }
    memory.wait(index, number - 1, 200);
  }
}
