/**
 * Blocking collectives over a lane. Private arrays pass through staging slots, in steps of at most `slotBytes`; a rank
 * reduces its own share of the elements over the slots of all, and all copy the result.
 */
import type { CollectiveArray } from '@tfkit/core';
import type { CollectiveRecord, Lane } from './lane';
import { pageBytes, pages, slotBytes, stagingOffset, word } from './layout';
import type { Halves } from './memory';
import { arrayOf, types } from './types';

/** Shares begin at multiples of 64 bytes, or two ranks would write one cache line. */
const alignment = 64;

export const meanOperation = 3;

/** Where the share of a rank begins: shares are equal, but for alignment. */
function shareStart(rank: number, size: number, count: number, elementBytes: number): number {
  const unit = alignment / elementBytes;
  return Math.min(count, Math.ceil(((rank / size) * count) / unit) * unit);
}

/** Reduces this rank's share of `count` elements over the slots of all ranks. */
function reduceShare(
  lane: Lane,
  { type, operation }: CollectiveRecord,
  place: { out: number; slots: number; stride: number },
  count: number,
): void {
  const bytes = types[type]!.array.BYTES_PER_ELEMENT;
  const { rank, size, memory } = lane;
  const start = shareStart(rank, size, count, bytes);
  const length = shareStart(rank + 1, size, count, bytes) - start;
  if (length <= 0) return;
  const isMean = operation === meanOperation;
  memory.reducer.reduce(
    type,
    isMean ? 0 : operation,
    place.out + start * bytes,
    place.slots + start * bytes,
    place.stride,
    size,
    length,
    isMean ? 1 / size : 1,
  );
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
    lane.barrier();
    out.set(lane.memory.view(arrayOf(record.type), place.out, count) as never, start);
  });
}

/** The reduction of this rank's part of `data`, which has size equal parts. */
export function reduceScatter<T extends CollectiveArray>(lane: Lane, data: T, record: CollectiveRecord): T {
  const { rank, size, memory } = lane;
  const part = data.length / size;
  const out = new (arrayOf(record.type))(part) as T;
  const place = stagingPlace(lane);
  const bytes = data.BYTES_PER_ELEMENT;
  const isMean = record.operation === meanOperation;
  forChunks(data.length, slotBytes / bytes, (start, count, isFirst) => {
    stage(lane, record.type, data, start, count);
    if (isFirst) lane.begin(record);
    else lane.barrier();
    const from = Math.max(start, rank * part);
    const length = Math.min(start + count, (rank + 1) * part) - from;
    if (length > 0) {
      const at = (from - start) * bytes;
      const [scale, operation] = isMean ? [1 / size, 0] : [1, record.operation];
      memory.reducer.reduce(
        record.type,
        operation,
        place.out + at,
        place.slots + at,
        place.stride,
        size,
        length,
        scale,
      );
      out.set(memory.view(arrayOf(record.type), place.out + at, length) as never, from - rank * part);
    }
    lane.barrier();
  });
  return out;
}

export function allGather<T extends CollectiveArray>(lane: Lane, data: T, record: CollectiveRecord): T[] {
  const { size, memory } = lane;
  const chunk = slotBytes / data.BYTES_PER_ELEMENT;
  const array = arrayOf(record.type);
  stage(lane, record.type, data, 0, Math.min(chunk, data.length));
  const counts = lane.begin(record);
  const out = Array.from(counts, (count) => new array(count) as T);
  const longest = Math.max(...counts);
  for (let start = 0; ; ) {
    for (let rank = 0; rank < size; rank++) {
      const count = Math.min(chunk, counts[rank]! - start);
      if (count > 0) out[rank]!.set(memory.view(array, stagingOffset(size, rank), count) as never, start);
    }
    lane.barrier();
    start += chunk;
    if (start >= longest) return out;
    stage(lane, record.type, data, start, Math.max(0, Math.min(chunk, data.length - start)));
    lane.barrier();
  }
}

/** Puts the array of the rank `record.root` into `out`. */
export function broadcast<T extends CollectiveArray>(
  lane: Lane,
  data: T,
  out: T,
  record: CollectiveRecord,
): void {
  const { rank, size, memory } = lane;
  forChunks(data.length, slotBytes / data.BYTES_PER_ELEMENT, (start, count, isFirst) => {
    if (rank === record.root) stage(lane, record.type, data, start, count);
    if (isFirst) lane.begin(record);
    else lane.barrier();
    const from = memory.view(arrayOf(record.type), stagingOffset(size, record.root), count);
    if (rank !== record.root || out !== data) out.set(from as never, start);
    lane.barrier();
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
    const scale = operation === meanOperation ? 1 / size : 1;
    const [out, from] = [bucket.out + start * 4, slots + start * 2];
    if (length > 0) memory.reducer.reduceHalves(compression, out, from, stride, size, length, scale);
  } else reduceShare(lane, record, bucket, count);
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
