/**
 * Blocking collectives over a lane. Private arrays pass through staging slots, in steps of at most `slotBytes`; a rank
 * reduces its own share of the elements over the slots of all, and all copy the result.
 */
import type { CollectiveArray } from '@tfkit/core';
import type { Lane } from './lane';
import { pageBytes, pages, slotBytes, stagingOffset, word } from './layout';
import type { Halves } from './memory';
import type { CollectiveRecord } from './records';
import { arrayOf, types } from './types';

/** Shares begin at multiples of 64 bytes, or two ranks would write one cache line. */
const alignment = 64;

export const meanOperation = 3;

/** Where the share of a rank begins: shares are equal, but for alignment. */
function shareStart(rank: number, size: number, count: number, elementBytes: number): number {
  const unit = alignment / elementBytes;
  return Math.min(count, Math.ceil(((rank / size) * count) / unit) * unit);
}

/** What a mean multiplies by; the reduction is then a sum. */
const arithmetic = (
  { worldSize }: Lane,
  { operation }: CollectiveRecord,
): [operation: number, scale: number] => (operation === meanOperation ? [0, 1 / worldSize] : [operation, 1]);

/** Reduces this rank's share of `count` elements over the slots of the arena's ranks. */
function reduceShare(
  lane: Lane,
  record: CollectiveRecord,
  place: { out: number; slots: number; stride: number },
  count: number,
): void {
  const bytes = types[record.type]!.array.BYTES_PER_ELEMENT;
  const { rank, size } = lane;
  const start = shareStart(rank, size, count, bytes);
  const length = shareStart(rank + 1, size, count, bytes) - start;
  if (length > 0) reducePart(lane, record, place, start * bytes, length);
}

/** Reduces `length` elements from the byte `at` of the slots on. */
function reducePart(
  lane: Lane,
  record: CollectiveRecord,
  { out, slots, stride }: { out: number; slots: number; stride: number },
  at: number,
  length: number,
): void {
  const [operation, scale] = arithmetic(lane, record);
  lane.memory.reducer.reduce(record.type, operation, out + at, slots + at, stride, lane.size, length, scale);
}

/** The reduction over the arena's ranks becomes that of all ranks. */
function reduceAcross(
  lane: Lane,
  record: CollectiveRecord,
  out: number,
  count: number,
  compression?: Halves,
): void {
  const [operation] = arithmetic(lane, record);
  lane.acrossProcesses((link) => link.allReduce(out, count, { type: record.type, operation, compression }));
}

/** Elementwise reduction of `data` into `out`, which may be `data` itself. */
export function allReduce<T extends CollectiveArray>(
  lane: Lane,
  data: T,
  out: T,
  record: CollectiveRecord,
): void {
  const place = stagingPlace(lane);
  const chunk = slotBytes / data.BYTES_PER_ELEMENT;
  forChunks(data.length, chunk, (start, count, isFirst) => {
    stage(lane, record.type, data, start, count);
    if (isFirst) lane.begin(record);
    else lane.barrier();
    reduceShare(lane, record, place, count);
    reduceAcross(lane, record, place.out, count);
    lane.barrier();
    out.set(lane.memory.view(arrayOf(record.type), place.out, count) as never, start);
  });
}

/** The reduction of this rank's part of `data`, which has worldSize equal parts. */
export function reduceScatter<T extends CollectiveArray>(lane: Lane, data: T, record: CollectiveRecord): T {
  const { rank, worldRank, worldSize, memory } = lane;
  const part = data.length / worldSize;
  const out = new (arrayOf(record.type))(part) as T;
  const place = stagingPlace(lane);
  const { type } = record;
  const slot = memory.view(
    arrayOf(type),
    place.slots + rank * place.stride,
    slotBytes / data.BYTES_PER_ELEMENT,
  );
  // The same piece of each rank's part, one after the other.
  forChunks(part, Math.floor(slot.length / worldSize), (start, count, isFirst) => {
    for (let other = 0; other < worldSize; other++) {
      const from = other * part + start;
      slot.set(data.subarray(from, from + count) as never, other * count);
    }
    if (isFirst) lane.begin(record);
    else lane.barrier();
    let own = worldRank * count;
    if (lane.hasLink) {
      reduceShare(lane, record, place, worldSize * count);
      const [operation] = arithmetic(lane, record);
      lane.acrossProcesses((link) => link.reduceScatter(place.out, count, { type, operation }));
      own = rank * count;
    } else reducePart(lane, record, place, own * data.BYTES_PER_ELEMENT, count);
    const result = memory.view(arrayOf(type), place.out, own + count).subarray(own);
    out.set(result as never, start);
    lane.barrier();
  });
  return out;
}

/** The arrays of all ranks. Pieces of them come to lie one after the other where results do. */
export function allGather<T extends CollectiveArray>(lane: Lane, data: T, record: CollectiveRecord): T[] {
  const { worldRank, worldSize, memory } = lane;
  const array = arrayOf(record.type);
  const counts = lane.begin(record);
  const out = Array.from(counts, (count) => new array(count) as T);
  const place = stagingPlace(lane).out;
  const chunk = Math.floor(slotBytes / data.BYTES_PER_ELEMENT / worldSize);
  forChunks(Math.max(...counts), chunk, (start, count, isFirst) => {
    if (!isFirst) lane.barrier();
    const pieces = memory.view(array, place, worldSize * count);
    pieces.set(data.subarray(start, start + count) as never, worldRank * count);
    lane.barrier();
    lane.acrossProcesses((link) => link.allGather(place, count, record.type));
    for (let rank = 0; rank < worldSize; rank++) {
      const length = Math.min(count, counts[rank]! - start);
      if (length > 0) out[rank]!.set(pieces.subarray(rank * count, rank * count + length) as never, start);
    }
  });
  return out;
}

/** Puts the array of the rank `record.root` into `out`. */
export function broadcast<T extends CollectiveArray>(
  lane: Lane,
  data: T,
  out: T,
  record: CollectiveRecord,
): void {
  const { worldRank, memory } = lane;
  const { root, type } = record;
  const place = stagingPlace(lane).out;
  forChunks(data.length, slotBytes / data.BYTES_PER_ELEMENT, (start, count, isFirst) => {
    if (isFirst) lane.begin(record);
    else lane.barrier();
    const sent = memory.view(arrayOf(type), place, count);
    if (worldRank === root) sent.set(data.subarray(start, start + count) as never);
    lane.barrier();
    lane.acrossProcesses((link) => link.broadcast(place, count, { type, rank: root }));
    if (worldRank !== root || out !== data) out.set(sent as never, start);
  });
}

/** A region of `bytes` bytes, zero; the same offset on all ranks. */
export function allocate(lane: Lane, bytes: number, record: CollectiveRecord): number {
  const { memory, rank } = lane;
  lane.begin(record);
  const start = Atomics.load(memory.words, word.end) * pageBytes;
  const end = start + pages(bytes) * pageBytes;
  // No rank may see the new end as the start.
  lane.barrier();
  if (rank === 0) {
    memory.grow(end);
    Atomics.store(memory.words, word.end, end / pageBytes);
  }
  lane.barrier();
  return start;
}

/** A bucket as the lanes see it: a slot for each rank, `stride` bytes apart, then the result. */
export interface BucketPlace {
  readonly id: number;
  readonly slots: number;
  readonly out: number;
  readonly stride: number;
  readonly count: number;
  readonly operation: number;
  readonly compression: Halves | undefined;
}

/** Reduces a bucket where it lies: nothing is copied. */
export function reduceBucket(lane: Lane, bucket: BucketPlace): void {
  const { id, count, operation, compression, slots, stride } = bucket;
  const { memory, rank, size } = lane;
  // Encoded in place: what the other ranks read is half as long.
  if (compression) memory.reducer.encode(compression, slots + rank * stride, slots + rank * stride, count);
  const record = { kind: 'bucket allReduce', type: 0, operation, root: id, count } as const;
  lane.begin(record);
  if (compression) {
    const start = shareStart(rank, size, count, 2);
    const length = shareStart(rank + 1, size, count, 2) - start;
    const [, scale] = arithmetic(lane, record);
    const [out, from] = [bucket.out + start * 4, slots + start * 2];
    if (length > 0) memory.reducer.reduceHalves(compression, out, from, stride, size, length, scale);
  } else reduceShare(lane, record, bucket, count);
  reduceAcross(lane, record, bucket.out, count, compression);
  lane.barrier();
}

const stagingPlace = ({ size }: Lane) => ({
  out: stagingOffset(size, size),
  slots: stagingOffset(size, 0),
  stride: slotBytes,
});

function stage(
  { memory, size, rank }: Lane,
  type: number,
  data: CollectiveArray,
  start: number,
  count: number,
): void {
  if (count === 0) return;
  const slot = memory.view(arrayOf(type), stagingOffset(size, rank), count);
  slot.set(data.subarray(start, start + count) as never);
}

/** Calls `body` for each chunk, once for no elements. */
function forChunks(
  length: number,
  chunk: number,
  body: (start: number, count: number, isFirst: boolean) => void,
): void {
  let start = 0;
  do {
    body(start, Math.min(chunk, length - start), start === 0);
    start += chunk;
  } while (start < length);
}
