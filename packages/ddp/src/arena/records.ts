/** What ranks call, written into the arena so that they can compare it, and tell it when one fails. */
import { type LaneNumber, laneBase, lanes, laneWord, wordsPerRecord } from './layout';
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

const recordBase = (rank: number, lane: LaneNumber, number: number) =>
  laneBase(rank, lane) + laneWord.records + (number & 1) * wordsPerRecord;

export type NumberedRecord = CollectiveRecord & { readonly number: number };

export function writeRecord(
  { words }: SharedMemory,
  rank: number,
  lane: LaneNumber,
  { kind, type, operation, root, count, number }: NumberedRecord,
): void {
  const base = recordBase(rank, lane, number);
  Atomics.store(words, base + 1, type);
  Atomics.store(words, base + 2, operation);
  Atomics.store(words, base + 3, root);
  Atomics.store(words, base + 4, count | 0);
  Atomics.store(words, base + 5, Math.floor(count / 2 ** 32));
  Atomics.store(words, base + 6, collectives.indexOf(kind));
  Atomics.store(words, base, number);
}

export function readRecord(
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

/** The latest collective that a rank has called on a lane. */
export function latestRecord(
  memory: SharedMemory,
  rank: number,
  lane: LaneNumber,
): NumberedRecord | undefined {
  const pair = [0, 1].map((number) => readRecord(memory, rank, lane, number));
  return pair.reduce((last, next) => ((next?.number ?? 0) > (last?.number ?? 0) ? next : last));
}

/** What a rank is calling, as its errors name it. */
export function functionNameOf(memory: SharedMemory, rank: number, lane: LaneNumber): string {
  const kind = latestRecord(memory, rank, lane)?.kind;
  return kind === undefined || kind === 'join' ? 'initProcessGroup' : kind;
}

/** The latest collective that a rank has called, on either lane: `no. 17: allReduce sum of float32 [1000]`. */
export function lastCall(memory: SharedMemory, rank: number): string | undefined {
  const records = [lanes.main, lanes.comm].map((lane) => latestRecord(memory, rank, lane));
  const texts = records.filter((record) => record !== undefined).map(describe);
  return texts.length > 0 ? texts.join(' and ') : undefined;
}

export function lastCallText(memory: SharedMemory, rank: number): string {
  const call = lastCall(memory, rank);
  return call ? `; its last collective was ${call}` : '; it has called no collective yet';
}

export function describe(record: NumberedRecord | undefined): string {
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

export function sameCall(a: CollectiveRecord, b: CollectiveRecord): boolean {
  const same = a.kind === b.kind && a.type === b.type && a.operation === b.operation && a.root === b.root;
  return same && (a.count === b.count || a.kind === 'allGather');
}
