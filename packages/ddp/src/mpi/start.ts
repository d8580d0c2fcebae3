/** Connects the arena of this process with those of the other processes that an MPI launcher has started. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { BackendError } from '@tfkit/core';
import { abortGroup, failureFrom } from '../arena/failure';
import { word } from '../arena/layout';
import type { SharedMemory } from '../arena/memory';
import type { RankEnvironment } from '../environment';
import { CollectiveError } from '../errors';
import { workerFile } from '../worker/file';
import type { MpiWorkerData } from '../worker/mpi';
import { linkWord } from './mailbox';

export const isMpiLauncher = ({ launcher }: RankEnvironment): boolean =>
  launcher === 'Open MPI' || launcher === 'MPICH' || launcher === 'Slurm';

/**
 * Starts the thread that owns MPI; resolves when all processes have met. At the exit of this process the others are told.
 *
 * @throws BackendError if MPI cannot be used; CollectiveError if the processes do not meet in time.
 */
export async function startLink(
  memory: SharedMemory,
  place: RankEnvironment,
  timeout: number,
): Promise<void> {
  const data: MpiWorkerData = {
    tfkitMpi: { handle: memory.handle, launcher: place.launcher, processes: place.size },
  };
  const worker = new Worker(workerFile('mpi'), { workerData: data });
  const late = AbortSignal.timeout(Math.min(timeout, 2 ** 31 - 1));
  try {
    const [{ problem }] = (await once(worker, 'message', { signal: late })) as [{ problem?: string }];
    if (problem !== undefined) throw new BackendError(problem);
  } catch (error) {
    if (!late.aborted) throw error;
    const { rank, launcher } = place;
    throw new CollectiveError(
      `initProcessGroup: the processes that ${launcher} has started did not all call MPI_Init within ${timeout / 1000} s. ` +
        'Does every one call initProcessGroup?',
      { rank, reason: 'timeout' },
    );
  }
  worker.unref();
  process.on('uncaughtExceptionMonitor', (error) => {
    const { rank, reason, text } = failureFrom(Atomics.load(memory.words, word.firstRank), error);
    abortGroup(memory, rank, reason, text);
  });
  process.on('exit', (code) => endLink(memory, code));
}

/** Ends the link while this thread exits: tells a failure, or waits until nobody needs this process. */
function endLink(memory: SharedMemory, code: number): void {
  const { words } = memory;
  const rank = Atomics.load(words, word.firstRank);
  if (code !== 0) abortGroup(memory, rank, 'failed', `rank ${rank} exited with code ${code}.`);
  Atomics.store(words, linkWord.shutdown, 1);
  Atomics.add(words, linkWord.bell, 1);
  memory.notify(linkWord.bell);
  while (Atomics.load(words, word.abort) === 0) {
    if (Atomics.load(words, linkWord.state) === 2) return;
    memory.wait(linkWord.state, 1, 100);
  }
  const deadline = performance.now() + 2500;
  while (Atomics.load(words, linkWord.told) === 0 && performance.now() < deadline) {
    memory.wait(linkWord.told, 0, 100);
  }
  // Or the launcher ends the others before they can say what they know.
  memory.wait(linkWord.told, 1, 300);
}
