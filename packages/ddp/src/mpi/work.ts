/** What the thread that owns MPI does for a request: a generator that yields while other processes are awaited. */
import type { LaneNumber } from '../arena/layout';
import type { Halves, SharedMemory } from '../arena/memory';
import { describe, latestRecord, type NumberedRecord, sameCall } from '../arena/records';
import { collectives, types } from '../arena/types';
import type { Communicator, Done, Mpi } from './library';
import { type LinkRequest, type ProcessTable, wireBytes } from './mailbox';

export type Work = Generator<void, void, void>;

export interface WorkContext {
  readonly memory: SharedMemory;
  readonly mpi: Mpi;
  readonly comm: Communicator;
  readonly process: number;
  readonly processes: number;
  readonly table: ProcessTable;
  readonly lane: LaneNumber;
  /** Ends the job with a mismatch that names a rank. */
  mismatch(rank: number, text: string): void;
}

export function workFor(context: WorkContext, request: LinkRequest): Work {
  switch (request.kind) {
    case 'compare':
      return compare(context);
    case 'allReduce':
      return allReduce(context, request);
    case 'allReduce fp16':
      return compressedAllReduce(context, request, 'fp16');
    case 'allReduce bf16':
      return compressedAllReduce(context, request, 'bf16');
    case 'reduceScatter':
      return reduceScatter(context, request);
    case 'allGather':
      return allGather(context, request);
    case 'broadcast':
      return broadcast(context, request);
  }
}

function* until(done: Done): Work {
  while (!done()) yield;
}

/** Elements that one call of MPI takes at most: counts are ints, and rings allocate buffers of this size. */
const maxElements = 2 ** 22;

const elementBytes = (type: number) => types[type]!.array.BYTES_PER_ELEMENT;

function* allReduce({ memory, mpi, comm }: WorkContext, request: LinkRequest): Work {
  const { type, operation, offset, count } = request;
  const bytes = elementBytes(type);
  for (let start = 0; start < count; start += maxElements) {
    const length = Math.min(maxElements, count - start);
    const data = memory.view(Uint8Array, offset + start * bytes, length * bytes);
    yield* until(mpi.allReduce(comm, data, type, operation, length));
  }
}

function* reduceScatter(context: WorkContext, { type, operation, offset, count }: LinkRequest): Work {
  const { memory, mpi, comm } = context;
  const counts = ranksOf(context).map((ranks) => ranks * count);
  const bytes = counts.reduce((sum, part) => sum + part, 0) * elementBytes(type);
  const data = memory.view(Uint8Array, offset, bytes);
  yield* until(mpi.reduceScatter(comm, data, type, operation, counts));
}

function* allGather(context: WorkContext, { type, offset, count }: LinkRequest): Work {
  const { memory, mpi, comm, table, processes } = context;
  const bytes = count * elementBytes(type);
  const counts = ranksOf(context).map((ranks) => ranks * bytes);
  const offsets = table.firstRanks.slice(0, processes).map((first) => first * bytes);
  const data = memory.view(Uint8Array, offset, table.firstRanks[processes]! * bytes);
  yield* until(mpi.allGather(comm, data, counts, offsets));
}

function* broadcast({ memory, mpi, comm }: WorkContext, { type, offset, count, root }: LinkRequest): Work {
  const data = memory.view(Uint8Array, offset, count * elementBytes(type));
  if (count > 0) yield* until(mpi.broadcast(comm, data, root));
}

/**
 * The sum of float32 numbers that travel as 16 bits: each process sums one slice of what all send, and sends it to all.
 * MPI has no such type.
 */
function* compressedAllReduce(
  { memory, mpi, comm, process, processes, table }: WorkContext,
  { offset, count }: LinkRequest,
  format: Halves,
): Work {
  const { reducer } = memory;
  const [own, all] = table.wire;
  const slice = Math.floor(wireBytes / 2 / processes / 16) * 16;
  const sliceBytes = slice * 2;
  const bytesAt = (at: number) => memory.view(Uint8Array, at, processes * sliceBytes);
  const counts = new Int32Array(processes).fill(sliceBytes);
  const offsets = counts.map((_, index) => index * sliceBytes);
  for (let start = 0; start < count; start += slice * processes) {
    const length = Math.min(slice * processes, count - start);
    const at = offset + start * 4;
    reducer.encode(format, own, at, length);
    yield* until(mpi.allToAll(comm, bytesAt(own), bytesAt(all), sliceBytes));
    // Twice the bytes of a slice, and there are two slices at least.
    reducer.reduceHalves(format, own, all, sliceBytes, processes, slice, 1);
    reducer.encode(format, all + process * sliceBytes, own, slice);
    yield* until(mpi.allGather(comm, bytesAt(all), counts, offsets));
    reducer.reduceHalves(format, at, all, 0, 1, length, 1);
  }
}

const ranksOf = ({ table: { firstRanks }, processes }: WorkContext) =>
  Int32Array.from({ length: processes }, (_, index) => firstRanks[index + 1]! - firstRanks[index]!);

const wordsOfRecord = 8;

/** Every process' record and counts, compared by all alike. */
function* compare(context: WorkContext): Work {
  const { memory, mpi, comm, process, processes, table, lane, mismatch } = context;
  const { firstRanks } = table;
  // Of each process 8 numbers of its record, then the counts of its ranks: float64 holds them all.
  const place = (index: number) => index * wordsOfRecord + firstRanks[index]!;
  const data = new Float64Array(new SharedArrayBuffer(place(processes) * 8));
  const own = latestRecord(memory, 0, lane)!;
  const { kind, ...numbers } = own;
  const first = firstRanks[process]!;
  data.set(
    [collectives.indexOf(kind), numbers.number, numbers.type, numbers.operation, numbers.root],
    place(process),
  );
  for (let rank = first; rank < firstRanks[process + 1]!; rank++) {
    const { count } = latestRecord(memory, rank - first, lane)!;
    data[place(process) + wordsOfRecord + rank - first] = count;
  }
  const places = Int32Array.from({ length: processes + 1 }, (_, index) => place(index) * 8);
  const counts = Int32Array.from({ length: processes }, (_, index) => places[index + 1]! - places[index]!);
  yield* until(mpi.allGather(comm, new Uint8Array(data.buffer), counts, places.subarray(0, processes)));
  const record = (index: number): NumberedRecord => {
    const [code, number, type, operation, root, , , , count] = data.subarray(place(index));
    return {
      kind: collectives[code!]!,
      number: number!,
      type: type!,
      operation: operation!,
      root: root!,
      count: count!,
    };
  };
  const one = record(0);
  for (let index = 1; index < processes; index++) {
    const other = record(index);
    if (sameCall(one, other) && one.number === other.number) continue;
    const rank = firstRanks[index]!;
    const text = `every rank must make the same call, got ${describe(one)} on rank 0 and ${describe(other)} on rank ${rank}.`;
    return mismatch(rank, text);
  }
  const found = table.counts(lane);
  for (let index = 0; index < processes; index++) {
    const from = place(index) + wordsOfRecord;
    found.set(data.subarray(from, place(index + 1)), firstRanks[index]!);
  }
}
