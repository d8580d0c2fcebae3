/** The comm worker of a rank: reduces gradient buckets while the rank's own thread goes on with the backward pass. */
import { workerData } from 'node:worker_threads';
import { abortGroup } from '../arena/failure';
import { Lane } from '../arena/lane';
import { lanes, worldRank } from '../arena/layout';
import type { MemoryHandle } from '../arena/memory';
import { openMemory } from '../arena/open';
import { serveRequests } from '../arena/requests';
import { textOf } from '../errors';
import { openLink } from '../mpi/link';

/** What the thread that reduces beside a rank gets at its start. */
export interface CommWorkerData {
  readonly tfkitComm: {
    readonly handle: MemoryHandle;
    readonly rank: number;
    readonly size: number;
    readonly timeout: number;
  };
}

const { handle, rank, size, timeout } = (workerData as CommWorkerData).tfkitComm;
const memory = openMemory(handle);
try {
  serveRequests(new Lane(memory, rank, size, lanes.comm, timeout, openLink(memory, lanes.comm, timeout)));
} catch (error) {
  // The rank's own thread throws it at its next wait; a failure of the group is recorded already.
  const world = worldRank(memory.words, rank);
  abortGroup(memory, world, 'failed', `rank ${world} failed to communicate: ${textOf(error)}`);
}
memory.close();
