/**
 * One sequence of collectives of one rank: barriers, and the record by which ranks check that they call the same.
 *
 * A rank's ticket counts the barriers it has reached. Before the first barrier of a collective it writes a record of
 * what it calls; after it all records are compared, so that a mismatch is an error on every rank. Records of even and
 * odd numbers alternate: a rank is at most one collective ahead of another.
 *
 * Where other processes take part (MPI), the first rank of the arena then compares with theirs through the link.
 */
import { CollectiveError } from '../errors';
import type { Link } from '../mpi/link';
import { abortGroup, stateWord, throwFailure } from './failure';
import { type LaneNumber, laneBase, laneWord, rankBase, rankWord, worldRank } from './layout';
import type { SharedMemory } from './memory';
import {
  type CollectiveRecord,
  describe,
  functionNameOf,
  lastCallText,
  readRecord,
  sameCall,
  writeRecord,
} from './records';

/** Loads before a thread goes to sleep: some 20 microseconds. */
const spins = 2000;
/** Sleep at most this long before looking for failures: a wake-up may be missed. */
const sliceMilliseconds = 200;

export class Lane {
  private ticket = 0;
  private number = 0;

  /** This rank in the whole job. */
  readonly worldRank: number;
  /** Ranks of the whole job. */
  readonly worldSize: number;
  /** Whether other processes take part. */
  readonly hasLink: boolean;

  constructor(
    readonly memory: SharedMemory,
    /** This rank in the arena. */
    readonly rank: number,
    /** Ranks of the arena. */
    readonly size: number,
    private readonly lane: LaneNumber,
    /** Milliseconds that a rank waits for another. */
    readonly timeout: number,
    /** The way to the ranks of other processes. */
    private readonly link?: Link,
  ) {
    this.hasLink = link !== undefined;
    this.worldRank = worldRank(memory.words, rank);
    this.worldSize = link?.worldSize ?? size;
  }

  /**
   * Begins a collective: waits until every rank has called its own, and compares them.
   *
   * @returns the counts of all ranks of the job.
   * @throws CollectiveError if a rank called something else, failed, left or did not come in time.
   */
  begin(record: CollectiveRecord, timeout = this.timeout): Float64Array {
    this.number++;
    writeRecord(this.memory, this.rank, this.lane, { ...record, number: this.number });
    this.barrier(timeout);
    const counts = new Float64Array(this.size);
    const first = readRecord(this.memory, 0, this.lane, this.number)!;
    for (let rank = 0; rank < this.size; rank++) {
      const other = readRecord(this.memory, rank, this.lane, this.number)!;
      if (!sameCall(first, other)) this.mismatch(record.kind, first, other, rank);
      counts[rank] = other.count;
    }
    if (!this.link) return counts;
    this.acrossProcesses((link) => link.compare(this.number, timeout), timeout);
    return this.link.counts();
  }

  /** Between two barriers the first rank of the arena works with those of other processes; nothing where there are none. */
  acrossProcesses(work: (link: Link) => void, timeout = this.timeout): void {
    const { link } = this;
    if (!link) return;
    this.barrier(timeout);
    if (this.rank === 0) work(link);
    // It is the first rank that tells who is late.
    this.barrier(timeout + link.grace);
  }

  /** Waits until every rank has reached this barrier. */
  barrier(timeout = this.timeout): void {
    const { memory, rank, size } = this;
    throwFailure(memory, this.functionName());
    this.ticket = (this.ticket + 1) | 0;
    const own = laneBase(rank, this.lane) + laneWord.ticket;
    Atomics.store(memory.words, own, this.ticket);
    memory.notify(own);
    let deadline = 0;
    for (let step = 1; step < size; step++) {
      const other = (rank + step) % size;
      const index = laneBase(other, this.lane) + laneWord.ticket;
      if (this.spin(index)) continue;
      deadline ||= performance.now() + timeout;
      this.sleep(other, index, deadline, timeout);
    }
  }

  private spin(index: number): boolean {
    const { words } = this.memory;
    for (let turn = 0; turn < spins; turn++) {
      if (((Atomics.load(words, index) - this.ticket) | 0) >= 0) return true;
    }
    return false;
  }

  private sleep(other: number, index: number, deadline: number, timeout: number): void {
    const { memory } = this;
    for (;;) {
      const value = Atomics.load(memory.words, index);
      if (((value - this.ticket) | 0) >= 0) return;
      throwFailure(memory, this.functionName());
      this.checkPresent(other);
      const rest = deadline - performance.now();
      if (rest <= 0) this.timedOut(index, timeout);
      memory.wait(index, value, Math.max(1, Math.min(rest, sliceMilliseconds)));
    }
  }

  private checkPresent(other: number): void {
    const { memory } = this;
    const state = Atomics.load(memory.words, stateWord(other));
    if (state === 2) {
      // It may have passed this barrier and then left.
      const index = laneBase(other, this.lane) + laneWord.ticket;
      if (((Atomics.load(memory.words, index) - this.ticket) | 0) >= 0) return;
      this.fail(
        other,
        'left',
        `rank ${this.nameOf(other)} has left the group${lastCallText(memory, other)}.`,
      );
    }
    const pid = Atomics.load(memory.words, rankBase(other) + rankWord.pid);
    if (state !== 1 || pid === 0 || !memory.isAlive || memory.isAlive(pid)) return;
    this.fail(
      other,
      'failed',
      `rank ${this.nameOf(other)} (process ${pid}) has died${lastCallText(memory, other)}.`,
    );
  }

  private timedOut(index: number, timeout: number): void {
    const { memory, rank, size } = this;
    const late: number[] = [];
    for (let other = 0; other < size; other++) {
      const ticket = Atomics.load(memory.words, laneBase(other, this.lane) + laneWord.ticket);
      if (other !== rank && ((ticket - this.ticket) | 0) < 0) late.push(other);
    }
    if (late.length === 0 && ((Atomics.load(memory.words, index) - this.ticket) | 0) >= 0) return;
    const who = late
      .map((other) => `rank ${this.nameOf(other)} did not reach it${lastCallText(memory, other)}`)
      .join('; ');
    this.fail(
      late[0] ?? rank,
      'timeout',
      `timed out after ${timeout / 1000} s in ${describe(readRecord(memory, rank, this.lane, this.number))} of rank ${this.worldRank}: ${who}. ` +
        'It hangs or is slow; a larger time-out is set by {timeout} or --timeout.',
    );
  }

  private mismatch(
    functionName: string,
    first: CollectiveRecord,
    other: CollectiveRecord,
    rank: number,
  ): never {
    const text =
      `every rank must make the same call, got ${describe({ ...first, number: this.number })} on rank ${this.nameOf(0)} ` +
      `and ${describe({ ...other, number: this.number })} on rank ${this.nameOf(rank)}.`;
    return this.fail(rank, 'mismatch', text, functionName);
  }

  /** Makes the failure the group's, and throws what the group failed of first. */
  private fail(
    rank: number,
    reason: 'mismatch' | 'timeout' | 'failed' | 'left',
    text: string,
    functionName = this.functionName(),
  ): never {
    const blamed = this.nameOf(rank);
    abortGroup(this.memory, blamed, reason, text);
    throwFailure(this.memory, functionName);
    throw new CollectiveError(`${functionName}: ${text}`, { rank: blamed, reason });
  }

  /** The rank in the job of one of the arena. */
  private nameOf(rank: number): number {
    return worldRank(this.memory.words, rank);
  }

  private functionName(): string {
    return functionNameOf(this.memory, this.rank, this.lane);
  }
}
