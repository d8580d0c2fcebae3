/** The few functions of MPI that a group needs. One thread makes all calls. None but `init` and `finalize` waits. */
import { BackendError } from '@tfkit/core';
import { type Koffi, type Library, loadKoffi, type NativeFunction } from '../koffi';
import { type Handles, handlesOf } from './tables';

/** A communicator of all processes: collectives on one do not meet those on another. */
export type Communicator = { readonly handle: unknown };

/** An operation under way: true once it is done. Its arrays are kept until then. */
export type Done = () => boolean;

export interface Mpi {
  readonly implementation: Handles['implementation'];
  /** The first line of the library's version, and its path. */
  readonly description: string;
  /** Starts MPI; waits for the other processes. */
  init(): { readonly process: number; readonly processes: number; readonly host: string };
  duplicate(): Communicator;
  /** In place. `type` as in `arena/types.ts`, `operation` 0 sum, 1 max, 2 min. */
  allReduce(comm: Communicator, data: Uint8Array, type: number, operation: number, count: number): Done;
  /** In place: the part of this process, of `counts[process]` elements, comes to the front. */
  reduceScatter(
    comm: Communicator,
    data: Uint8Array,
    type: number,
    operation: number,
    counts: Int32Array,
  ): Done;
  /** In place: process p's `counts[p]` bytes lie at `offsets[p]`. */
  allGather(comm: Communicator, data: Uint8Array, counts: Int32Array, offsets: Int32Array): Done;
  /** Piece p of `from`, of `bytes` bytes, becomes piece `process` of process p's `to`. */
  allToAll(comm: Communicator, from: Uint8Array, to: Uint8Array, bytes: number): Done;
  broadcast(comm: Communicator, data: Uint8Array, root: number): Done;
  send(comm: Communicator, data: Uint8Array, to: number): Done;
  /** From any process. */
  receive(comm: Communicator, data: Uint8Array): Done;
  /** Ends all processes of the job. */
  abort(code: number): void;
  finalize(): void;
}

/** The user's choice of the library's file. */
export const libraryVariable = 'TFKIT_DDP_MPI_LIB';

const openMpiNames = ['libmpi.so.40', 'libmpi.40.dylib'];
const mpichNames = ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib', 'libpmpi.12.dylib'];

/**
 * Loads the MPI library of the launcher, as far as names tell.
 *
 * @throws BackendError if koffi or a library is absent, or the library is of an unknown kind.
 */
export function loadMpi(
  launcher: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
  koffi: Koffi = loadKoffi('mpi'),
): Mpi {
  const chosen = env[libraryVariable];
  const byLauncher =
    launcher === 'MPICH' ? [...mpichNames, ...openMpiNames] : [...openMpiNames, ...mpichNames];
  const names = chosen ? [chosen] : [...byLauncher, 'libmpi.so', 'libmpi.dylib'];
  const { library, name } = firstThatLoads(koffi, names);
  const text = Buffer.alloc(8192);
  library.func('int MPI_Get_library_version(void *version, void *length)')(text, Buffer.alloc(4));
  const version = text.toString('utf8', 0, text.indexOf(0)).split(/[,\n]/)[0]!.trim();
  const handles = handlesOf(text.toString('utf8', 0, text.indexOf(0)), library);
  if (!handles) {
    throw new BackendError(
      `initProcessGroup: the MPI library must be Open MPI or of MPICH's kind, got '${version}' (${name}). ` +
        `Set ${libraryVariable} to another.`,
    );
  }
  return bind(library, handles, `${version.replace(/\s+/g, ' ')} (${name})`);
}

function firstThatLoads(koffi: Koffi, names: readonly string[]): { library: Library; name: string } {
  for (const name of names) {
    try {
      // Open MPI's plugins need its symbols.
      return { library: koffi.load(name, { global: true }), name };
    } catch {}
  }
  throw new BackendError(
    `initProcessGroup: the backend 'mpi' must find an MPI library, got none of ${names.join(', ')}. ` +
      `Install Open MPI (apt-get install openmpi-bin) or MPICH, or set ${libraryVariable} to the library's file.`,
  );
}

function bind(library: Library, handles: Handles, description: string): Mpi {
  const { implementation, handleType: h, world, types, operations, byte, inPlace, anySource } = handles;
  const call = (name: string, parameters: string): NativeFunction => {
    const native = library.func(`int ${name}(${parameters})`);
    return (...values) => {
      const code = native(...values) as number;
      if (code !== 0) throw new Error(`${name} failed with code ${code}.`);
      return code;
    };
  };
  const initThread = call('MPI_Init_thread', 'void *argc, void *argv, int required, void *provided');
  const rankOf = call('MPI_Comm_rank', `${h} comm, void *rank`);
  const sizeOf = call('MPI_Comm_size', `${h} comm, void *size`);
  const nameOf = call('MPI_Get_processor_name', 'void *name, void *length');
  const dup = call('MPI_Comm_dup', `${h} comm, void *created`);
  const iallreduce = call(
    'MPI_Iallreduce',
    `intptr_t from, void *to, int count, ${h} type, ${h} op, ${h} comm, void *request`,
  );
  const ireduceScatter = call(
    'MPI_Ireduce_scatter',
    `intptr_t from, void *to, void *counts, ${h} type, ${h} op, ${h} comm, void *request`,
  );
  const iallgatherv = call(
    'MPI_Iallgatherv',
    `intptr_t from, int count, ${h} type, void *to, void *counts, void *offsets, ${h} toType, ${h} comm, void *request`,
  );
  const ialltoall = call(
    'MPI_Ialltoall',
    `void *from, int count, ${h} type, void *to, int toCount, ${h} toType, ${h} comm, void *request`,
  );
  const ibcast = call('MPI_Ibcast', `void *data, int count, ${h} type, int root, ${h} comm, void *request`);
  const isend = call(
    'MPI_Isend',
    `void *data, int count, ${h} type, int to, int tag, ${h} comm, void *request`,
  );
  const irecv = call(
    'MPI_Irecv',
    `void *data, int count, ${h} type, int from, int tag, ${h} comm, void *request`,
  );
  const test = call('MPI_Test', 'void *request, void *flag, void *status');
  const abort = call('MPI_Abort', `${h} comm, int code`);
  const finalize = call('MPI_Finalize', 'void');

  const flag = new Int32Array(1);
  const status = Buffer.alloc(256);
  /** Starts an operation; `kept` are the arrays that it uses. */
  const start = (begin: (request: Buffer) => void, kept: readonly unknown[]): Done => {
    const request = Buffer.alloc(16);
    begin(request);
    let arrays: readonly unknown[] = kept;
    return () => {
      if (arrays.length > 0) {
        test(request, flag, status);
        if (flag[0] !== 0) arrays = [];
      }
      return arrays.length === 0;
    };
  };
  const intOf = (read: NativeFunction) => {
    const out = new Int32Array(1);
    read(world, out);
    return out[0]!;
  };
  return {
    implementation,
    description,
    init() {
      const funneled = 1;
      initThread(null, null, funneled, new Int32Array(1));
      const name = Buffer.alloc(1024);
      nameOf(name, new Int32Array(1));
      const host = name.toString('utf8', 0, name.indexOf(0));
      return { process: intOf(rankOf), processes: intOf(sizeOf), host };
    },
    duplicate() {
      const created = new BigInt64Array(1);
      dup(world, created);
      return { handle: h === 'int' ? new Int32Array(created.buffer)[0]! : created[0]! };
    },
    allReduce: ({ handle }, data, type, operation, count) =>
      start(
        (request) => iallreduce(inPlace, data, count, types[type], operations[operation], handle, request),
        [data],
      ),
    reduceScatter: ({ handle }, data, type, operation, counts) =>
      start(
        (request) =>
          ireduceScatter(inPlace, data, counts, types[type], operations[operation], handle, request),
        [data, counts],
      ),
    allGather: ({ handle }, data, counts, offsets) =>
      start(
        (request) => iallgatherv(inPlace, 0, byte, data, counts, offsets, byte, handle, request),
        [data, counts, offsets],
      ),
    allToAll: ({ handle }, from, to, bytes) =>
      start((request) => ialltoall(from, bytes, byte, to, bytes, byte, handle, request), [from, to]),
    broadcast: ({ handle }, data, root) =>
      start((request) => ibcast(data, data.length, byte, root, handle, request), [data]),
    send: ({ handle }, data, to) =>
      start((request) => isend(data, data.length, byte, to, 0, handle, request), [data]),
    receive: ({ handle }, data) =>
      start((request) => irecv(data, data.length, byte, anySource, 0, handle, request), [data]),
    abort: (code) => void abort(world, code),
    finalize: () => void finalize(),
  };
}
