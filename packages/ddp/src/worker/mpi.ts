/** The thread of a process that owns MPI. */
import { parentPort, workerData } from 'node:worker_threads';
import { BackendError, isTfkitError } from '@tfkit/core';
import { abortGroup } from '../arena/failure';
import { pageBytes, pages, word } from '../arena/layout';
import type { MemoryHandle } from '../arena/memory';
import { openMemory } from '../arena/open';
import { textOf } from '../errors';
import { type Communicator, libraryVariable, loadMpi, type Mpi } from '../mpi/library';
import { linkWord, openTable, tableBytes } from '../mpi/mailbox';
import { LinkServer, type Place } from '../mpi/server';

/** The `workerData` of the thread that owns MPI: the memory of the group on this process, and what the environment says of the launch. */
export interface MpiWorkerData {
  readonly tfkitMpi: {
    readonly handle: MemoryHandle;
    /** What the environment says started this process, and how many of them. */
    readonly launcher: string;
    readonly processes: number;
  };
}

const { handle, launcher, processes } = (workerData as MpiWorkerData).tfkitMpi;
const memory = openMemory(handle);
let server: LinkServer | undefined;
try {
  const mpi = loadMpi(launcher);
  server = new LinkServer(memory, mpi, meet(mpi));
  Atomics.store(memory.words, linkWord.state, 1);
  parentPort!.postMessage({});
} catch (error) {
  // A class does not survive the way to the parent.
  parentPort!.postMessage({ problem: isTfkitError(error) ? error.message : textOf(error) });
}
try {
  server?.serve();
} catch (error) {
  const rank = Atomics.load(memory.words, word.firstRank);
  const text = `rank ${rank} lost its connection to the others, of which one may have died: ${textOf(error)}`;
  abortGroup(memory, rank, 'failed', text);
  // There is no way to tell anybody.
  Atomics.store(memory.words, linkWord.told, 1);
}

/** Meets the other processes: writes the arena's place among theirs, and the table of all. */
function meet(mpi: Mpi): Place {
  const { words } = memory;
  const found = mpi.init();
  if (found.processes !== processes) {
    throw new BackendError(
      `initProcessGroup: the MPI library must be that of the launcher, got ${mpi.description} with a world of ` +
        `${found.processes} where ${launcher} has started ${processes}. Set ${libraryVariable} to the launcher's library` +
        `${launcher === 'Slurm' ? ', or start the program by srun --mpi=pmix or mpirun' : ''}.`,
    );
  }
  const all = exchange(mpi, found, { size: Atomics.load(words, word.size), host: found.host });
  const firstRanks = [0];
  for (const { size } of all) firstRanks.push(firstRanks.at(-1)! + size);
  const worldSize = firstRanks.at(-1)!;
  const start = Atomics.load(words, word.end);
  const end = start + pages(tableBytes(found.processes, worldSize));
  memory.grow(end * pageBytes);
  Atomics.store(words, word.end, end);
  Atomics.store(words, word.firstRank, firstRanks[found.process]!);
  Atomics.store(words, word.worldSize, worldSize);
  Atomics.store(words, linkWord.process, found.process);
  Atomics.store(words, linkWord.processes, found.processes);
  Atomics.store(words, linkWord.table, start);
  openTable(memory).firstRanks.set(firstRanks);
  return { ...found, hosts: all.map(({ host }) => host) };
}

interface Card {
  readonly size: number;
  readonly host: string;
}

/** The cards of all processes. */
function exchange(
  mpi: Mpi,
  { process, processes: count }: { process: number; processes: number },
  own: Card,
): Card[] {
  const bytes = 256;
  const comm: Communicator = mpi.duplicate();
  const data = new Uint8Array(new SharedArrayBuffer(count * bytes));
  data.set(new TextEncoder().encode(JSON.stringify(own)).subarray(0, bytes), process * bytes);
  const counts = new Int32Array(count).fill(bytes);
  const offsets = counts.map((_, index) => index * bytes);
  const done = mpi.allGather(comm, data, counts, offsets);
  while (!done());
  const decoder = new TextDecoder();
  return Array.from(offsets, (offset) => {
    const text = data.slice(offset, offset + bytes);
    return JSON.parse(decoder.decode(text.subarray(0, text.indexOf(0)))) as Card;
  });
}
