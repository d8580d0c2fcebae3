/** A process group over a shared memory, whose ranks are threads or processes of one host, and over the link to others. */
import { deserialize, serialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { type CollectiveArray, checkInteger, checkNumber, type ReduceOp } from '@tfkit/core';
import { checkParts, checkResident, checkRoot, recordOf } from '../arguments';
import { openLink } from '../mpi/link';
import type {
  BackendName,
  BarrierOptions,
  Pending,
  ProcessGroup,
  ResidentBuffer,
  ResidentOptions,
  SyncProcessGroup,
} from '../processGroup';
import type { CommWorkerData } from '../worker/comm';
import { workerFile } from '../worker/file';
import {
  allGather,
  allocate,
  allReduce,
  type BucketPlace,
  broadcast,
  reduceBucket,
  reduceScatter,
} from './collectives';
import { setState } from './failure';
import { Lane } from './lane';
import { lanes, word } from './layout';
import type { SharedMemory } from './memory';
import { endRequests, postBucket, waitForRequest } from './requests';

export interface ArenaGroupOptions {
  readonly backend: BackendName;
  /** This rank in the arena. */
  readonly arenaRank: number;
  readonly localRank: number;
  readonly restarts: number;
  readonly timeout: number;
}

interface Resident extends ResidentBuffer {
  readonly offset: number;
  readonly stride: number;
}

const alignment = 64;

/** Joins the group of a memory. Blocks until all ranks are there. */
export function joinArena(memory: SharedMemory, options: ArenaGroupOptions): ProcessGroup {
  const { backend, localRank, restarts, arenaRank: rank, timeout } = options;
  const size = Atomics.load(memory.words, word.size);
  const lane = new Lane(memory, rank, size, lanes.main, timeout, openLink(memory, lanes.main, timeout));
  const sync = createSync(lane);
  lane.begin({ kind: 'join', type: 0, operation: 0, root: 0, count: lane.worldSize });
  let isCommunicating = false;
  let destroyed = false;

  const placeOf = (functionName: string, buffer: ResidentBuffer, part: ResidentOptions): BucketPlace => {
    const { start, count, operation } = checkResident(functionName, buffer, part);
    const { offset, stride } = buffer as Resident;
    const slots = offset + start * 4;
    const out = slots + size * stride;
    return { id: start / 16, slots, out, stride, count, operation, compression: part.compression };
  };

  return {
    backend,
    rank: lane.worldRank,
    size: lane.worldSize,
    localRank,
    restarts,
    timeout,
    sync,
    ...promisesOf(sync),
    allocate(length) {
      checkInteger(['allocate', 'length'], length, { min: 0 });
      const stride = Math.ceil((length * 4) / alignment) * alignment;
      const bytes = (size + 1) * stride;
      const record = { kind: 'allocate', type: 0, operation: 0, root: 0, count: bytes } as const;
      const offset = allocate(lane, bytes, record);
      const local = memory.view(Float32Array, offset + rank * stride, length);
      const result = memory.view(Float32Array, offset + size * stride, length);
      return { length, local, result, offset, stride } as Resident;
    },
    allReduceResident: (buffer, part = {}) => reduceBucket(lane, placeOf('allReduceResident', buffer, part)),
    start(buffer, part = {}): Pending {
      if (!isCommunicating) startCommWorker(lane);
      isCommunicating = true;
      return { number: postBucket(memory, rank, placeOf('start', buffer, part)) };
    },
    wait: ({ number }) => waitForRequest(lane, number),
    destroy() {
      if (destroyed) return;
      destroyed = true;
      endRequests(memory, rank);
      setState(memory, rank, 2);
    },
  };
}

/** It needs no event loop of this thread to start, so a rank may block at once. */
function startCommWorker({ memory, rank, size, timeout }: Lane): void {
  const data: CommWorkerData = { tfkitComm: { handle: memory.handle, rank, size, timeout } };
  const worker = new Worker(workerFile('comm'), { workerData: data });
  worker.unref();
}

function createSync(lane: Lane): SyncProcessGroup {
  const { worldRank: rank, worldSize: size } = lane;
  const gatherBytes = (value: unknown) => {
    const bytes = new Uint8Array(serialize(value));
    return allGather(lane, bytes, recordOf('allGather', bytes));
  };
  return {
    allReduce(data, op) {
      const record = recordOf('allReduce', data, op);
      const out = new (data.constructor as new (length: number) => typeof data)(data.length);
      allReduce(lane, data, out, record);
      return out;
    },
    allReduceInPlace: (data, op) => allReduce(lane, data, data, recordOf('allReduce', data, op)),
    reduceScatter(data, op) {
      const record = recordOf('reduceScatter', data, op);
      checkParts(data, size);
      return reduceScatter(lane, data, record);
    },
    allGather: (data) => allGather(lane, data, recordOf('allGather', data)),
    broadcast<T extends CollectiveArray>(data: T, root = 0): T {
      checkRoot('broadcast', root, size);
      const out = data.slice() as T;
      broadcast(lane, data, out, recordOf('broadcast', data, 'sum', root));
      return out;
    },
    barrier({ timeout }: BarrierOptions = {}) {
      if (timeout !== undefined)
        checkNumber(['barrier', 'options.timeout'], timeout, { min: 0, open: 'min' });
      lane.begin({ kind: 'barrier', type: 0, operation: 0, root: 0, count: 0 }, timeout);
    },
    gatherObject<T>(value: T, root = 0) {
      checkRoot('gatherObject', root, size);
      const parts = gatherBytes(value);
      return rank === root ? parts.map((bytes) => deserialize(bytes) as T) : undefined;
    },
    allGatherObject: <T>(value: T) => gatherBytes(value).map((bytes) => deserialize(bytes) as T),
    broadcastObject<T>(value: T, root = 0): T {
      checkRoot('broadcastObject', root, size);
      const bytes = gatherBytes(rank === root ? value : undefined)[root]!;
      return deserialize(bytes) as T;
    },
  };
}

/** The same calls as promises: they block this thread too, since a rank has nothing better to do. */
export function promisesOf(
  sync: SyncProcessGroup,
): Pick<
  ProcessGroup,
  | 'allReduce'
  | 'reduceScatter'
  | 'allGather'
  | 'broadcast'
  | 'barrier'
  | 'gatherObject'
  | 'allGatherObject'
  | 'broadcastObject'
> {
  return {
    allReduce: async (data, op) => sync.allReduce(data, op),
    reduceScatter: async (data, op?: ReduceOp) => sync.reduceScatter(data, op),
    allGather: async (data) => sync.allGather(data),
    broadcast: async (data, root) => sync.broadcast(data, root),
    barrier: async (options) => sync.barrier(options),
    gatherObject: async (value, root) => sync.gatherObject(value, root),
    allGatherObject: async (value) => sync.allGatherObject(value),
    broadcastObject: async (value, root) => sync.broadcastObject(value, root),
  };
}
