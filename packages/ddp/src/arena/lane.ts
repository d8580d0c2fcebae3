/**
 * One sequence of collectives of one rank: barriers, and the record by which ranks check that they call the same.
 *
 * A rank's ticket counts the barriers it has reached. Before the first barrier of a collective it writes a record of
 * what it calls; after it all records are compared, so that a mismatch is an error on every rank. Records of even and
 * odd numbers alternate: a rank is at most one collective ahead of another.
 */
import { CollectiveError } from '../errors';
import { abortGroup, stateWord, throwFailure } from './failure';
import { type LaneNumber, laneBase, lanes, laneWord, rankBase, rankWord, wordsPerRecord } from './layout';
import type { SharedMemory } from './memory';
import { type CollectiveKind, collectives, operations, types } from './types';

/** What a rank calls. All but the count of `allGather` must be the same everywhere. */
export interface CollectiveRecord {
  readonly kind: CollectiveKind;
  readonly type: number;
  readonly operation: number;
  readonly root: number;
  readonly count: number;
}

/** Loads before a thread goes to sleep: some 20 microseconds. */
const spins = 2000;
/** Sleep at most this long before looking for failures: a wake-up may be missed. */
const sliceMilliseconds = 200;

export class Lane {
  private ticket = 0;
  private number = 0;

  constructor(
    readonly memory: SharedMemory,
    readonly rank: number,
    readonly size: number,
    private readonly lane: LaneNumber,
    /** Milliseconds that a rank waits for another. */
    readonly timeout: number,
  ) {}

  /**
   * Begins a collective: waits until every rank has called its own, and compares them.
   *
   * @returns the counts of all ranks.
   * @throws CollectiveError if a rank called something else, failed, left or did not come in time.
   */
  begin(record: CollectiveRecord, timeout = this.timeout): Float64Array {
    this.number++;
    this.write(record);
    this.barrier(timeout);
    const counts = new Float64Array(this.size);
    const first = readRecord(this.memory, 0, this.lane, this.number)!;
    for (let rank = 0; rank < this.size; rank++) {
      const other = readRecord(this.memory, rank, this.lane, this.number)!;
      if (!sameCall(first, other)) this.mismatch(record.kind, first, other, rank);
      counts[rank] = other.count;
    }
    return counts;
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
      this.fail(other, 'left', `rank ${other} has left the group${lastCallText(memory, other)}.`);
    }
    const pid = Atomics.load(memory.words, rankBase(other) + rankWord.pid);
    if (state !== 1 || pid === 0 || !memory.isAlive || memory.isAlive(pid)) return;
    this.fail(other, 'failed', `rank ${other} (process ${pid}) has died${lastCallText(memory, other)}.`);
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
      .map((other) => `rank ${other} did not reach it${lastCallText(memory, other)}`)
      .join('; ');
    this.fail(
      late[0] ?? rank,
      'timeout',
      `timed out after ${timeout / 1000} s in ${describe(readRecord(memory, rank, this.lane, this.number))} of rank ${rank}: ${who}. ` +
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
      `every rank must make the same call, got ${describe({ ...first, number: this.number })} on rank 0 ` +
      `and ${describe({ ...other, number: this.number })} on rank ${rank}.`;
    return this.fail(rank, 'mismatch', text, functionName);
  }

  /** Makes the failure the group's, and throws what the group failed of first. */
  private fail(
    rank: number,
    reason: 'mismatch' | 'timeout' | 'failed' | 'left',
    text: string,
    functionName = this.functionName(),
  ): never {
    abortGroup(this.memory, rank, reason, text);
    throwFailure(this.memory, functionName);
    throw new CollectiveError(`${functionName}: ${text}`, { rank, reason });
  }

  private functionName(): string {
    const kind = readRecord(this.memory, this.rank, this.lane, this.number)?.kind;
    return kind === undefined || kind === 'join' ? 'initProcessGroup' : kind;
  }

  private write({ kind, type, operation, root, count }: CollectiveRecord): void {
    const { words } = this.memory;
    const base = recordBase(this.rank, this.lane, this.number);
    Atomics.store(words, base + 1, type);
    Atomics.store(words, base + 2, operation);
    Atomics.store(words, base + 3, root);
    Atomics.store(words, base + 4, count | 0);
    Atomics.store(words, base + 5, Math.floor(count / 2 ** 32));
    Atomics.store(words, base + 6, collectives.indexOf(kind));
    Atomics.store(words, base, this.number);
  }
}

const recordBase = (rank: number, lane: LaneNumber, number: number) =>
  laneBase(rank, lane) + laneWord.records + (number & 1) * wordsPerRecord;

type NumberedRecord = CollectiveRecord & { readonly number: number };

function readRecord(
  { words }: SharedMemory,
  rank: number,
  lane: LaneNumber,
  number: number,
): NumberedRecord | undefined {
  const base = recordBase(rank, lane, number);
  const kind = collectives[Atomics.load(words, base + 6)];
  const written = Atomics.load(words, base);
  if (written === 0 || !kind) return undefined;
  return {
    number: written,
    kind,
    type: Atomics.load(words, base + 1),
    operation: Atomics.load(words, base + 2),
    root: Atomics.load(words, base + 3),
    count: (Atomics.load(words, base + 4) >>> 0) + Atomics.load(words, base + 5) * 2 ** 32,
  };
}

/** The latest collective that a rank has called, on either lane: `no. 17: allReduce sum of float32 [1000]`. */
export function lastCall(memory: SharedMemory, rank: number): string | undefined {
  const records = [lanes.main, lanes.comm].map((lane) => {
    const pair = [0, 1].map((number) => readRecord(memory, rank, lane, number));
    return pair.reduce((last, next) => ((next?.number ?? 0) > (last?.number ?? 0) ? next : last));
  });
  const texts = records.filter((record) => record !== undefined).map(describe);
  return texts.length > 0 ? texts.join(' and ') : undefined;
}

function lastCallText(memory: SharedMemory, rank: number): string {
  const call = lastCall(memory, rank);
  return call ? `; its last collective was ${call}` : '; it has called no collective yet';
}

function describe(record: NumberedRecord | undefined): string {
  if (!record) return 'no collective';
  const { kind, number, count } = record;
  const array = `${types[record.type]?.name} [${count}]`;
  const operation = operations[record.operation];
  const what: Record<CollectiveKind, string> = {
    allReduce: `allReduce ${operation} of ${array}`,
    reduceScatter: `reduceScatter ${operation} of ${array}`,
    allGather: `allGather of ${array}`,
    broadcast: `broadcast of ${array} from rank ${record.root}`,
    barrier: 'barrier',
    allocate: `allocate of ${count} bytes`,
    'bucket allReduce': `bucket ${record.root} allReduce ${operation} of ${array}`,
    join: 'joining the group',
  };
  return `no. ${number}: ${what[kind]}`;
}

function sameCall(a: CollectiveRecord, b: CollectiveRecord): boolean {
  const same = a.kind === b.kind && a.type === b.type && a.operation === b.operation && a.root === b.root;
  return same && (a.count === b.count || a.kind === 'allGather');
}
