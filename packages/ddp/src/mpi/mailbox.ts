/**
 * Requests to the thread that owns MPI, through the arena: one mailbox for each lane, with one request under way at most.
 * Beside them lie the state of the link and a table of the processes.
 */
import { type LaneNumber, pageBytes, word } from '../arena/layout';
import type { Halves, SharedMemory } from '../arena/memory';

export const linkWord = {
  /** 0 no link, 1 running, 2 ended. */
  state: word.link,
  /** 1 to end it. */
  shutdown: word.link + 1,
  /** Rings when a request, a shutdown or a failure is there. */
  bell: word.link + 2,
  /** 1 once the other processes were told of this one's failure. */
  told: word.link + 3,
  process: word.link + 4,
  processes: word.link + 5,
  /** Where the table lies, in pages. */
  table: word.link + 6,
} as const;

export const requestKinds = [
  'compare',
  'allReduce',
  'allReduce fp16',
  'allReduce bf16',
  'reduceScatter',
  'allGather',
  'broadcast',
] as const;
export type RequestKind = (typeof requestKinds)[number];

export const compressed = (format: Halves | undefined): RequestKind =>
  format === undefined ? 'allReduce' : `allReduce ${format}`;

export interface LinkRequest {
  readonly kind: RequestKind;
  readonly type: number;
  readonly operation: number;
  /** Bytes from the arena's beginning; a multiple of 64. */
  readonly offset: number;
  /** Elements; of each rank for `reduceScatter` and `allGather`. For `compare` the collective's number. */
  readonly count: number;
  /** The process that sends in `broadcast`. */
  readonly root: number;
  readonly timeout: number;
}

const fields = {
  posted: 0,
  completed: 1,
  kind: 2,
  type: 3,
  operation: 4,
  offset: 5,
  count: 6,
  root: 7,
  timeout: 8,
};
const wordsPerMailbox = 16;
const unit = 64;

const mailbox = (lane: LaneNumber) => word.mail + lane * wordsPerMailbox;
export const completedWord = (lane: LaneNumber): number => mailbox(lane) + fields.completed;

/** Posts a request; returns its number. */
export function postMail({ words, notify }: SharedMemory, lane: LaneNumber, request: LinkRequest): number {
  const base = mailbox(lane);
  const { kind, type, operation, offset, count, root, timeout } = request;
  Atomics.store(words, base + fields.kind, requestKinds.indexOf(kind));
  Atomics.store(words, base + fields.type, type);
  Atomics.store(words, base + fields.operation, operation);
  Atomics.store(words, base + fields.offset, offset / unit);
  Atomics.store(words, base + fields.count, count);
  Atomics.store(words, base + fields.root, root);
  Atomics.store(words, base + fields.timeout, Math.min(timeout, 2 ** 31 - 1));
  const number = Atomics.add(words, base + fields.posted, 1) + 1;
  Atomics.add(words, linkWord.bell, 1);
  notify(linkWord.bell);
  return number;
}

/** The request that waits, if one does. */
export function takeMail({ words }: SharedMemory, lane: LaneNumber): LinkRequest | undefined {
  const base = mailbox(lane);
  const read = (field: number) => Atomics.load(words, base + field);
  if (read(fields.posted) === read(fields.completed)) return undefined;
  return {
    kind: requestKinds[read(fields.kind)]!,
    type: read(fields.type),
    operation: read(fields.operation),
    offset: read(fields.offset) * unit,
    count: read(fields.count),
    root: read(fields.root),
    timeout: read(fields.timeout),
  };
}

export function completeMail({ words, notify }: SharedMemory, lane: LaneNumber): void {
  Atomics.add(words, completedWord(lane), 1);
  notify(completedWord(lane));
}

/** Who takes part: written once, before a rank joins. */
export interface ProcessTable {
  /** The first rank of each process, and the number of all ranks. */
  readonly firstRanks: Int32Array;
  /** What the last comparison on a lane has found: the counts of all ranks. */
  counts(lane: LaneNumber): Float64Array;
  /** Bytes beside the table, for what is under way between processes: two regions. */
  readonly wire: readonly [number, number];
}

export const wireBytes = 4 * 2 ** 20;

const countsOffset = (processes: number) => Math.ceil(((processes + 1) * 4) / 64) * 64;
const tableEnd = (processes: number, worldSize: number) =>
  Math.ceil((countsOffset(processes) + 2 * 8 * worldSize) / pageBytes) * pageBytes;

export const tableBytes = (processes: number, worldSize: number): number =>
  tableEnd(processes, worldSize) + 2 * wireBytes;

export function openTable({ words, view }: SharedMemory): ProcessTable {
  const processes = Atomics.load(words, linkWord.processes);
  const worldSize = Atomics.load(words, word.worldSize);
  const start = Atomics.load(words, linkWord.table) * pageBytes;
  const counts = start + countsOffset(processes);
  const wire = start + tableEnd(processes, worldSize);
  return {
    firstRanks: view(Int32Array, start, processes + 1),
    counts: (lane) => view(Float64Array, counts + lane * 8 * worldSize, worldSize),
    wire: [wire, wire + wireBytes],
  };
}
