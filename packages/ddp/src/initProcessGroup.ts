/** How a program finds its group. */
import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, workerData } from 'node:worker_threads';
import {
  BackendError,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkOneOf,
  OptionError,
} from '@tfkit/core';
import { abortGroup, failureFrom, setState } from './arena/failure';
import { joinArena } from './arena/group';
import { initialBytes, magic, rankBase, rankWord, word } from './arena/layout';
import type { SharedMemory } from './arena/memory';
import { createThreadMemory, openThreadMemory } from './arena/threadMemory';
import { type RankEnvironment, rankEnvironment, sharedFileVariable } from './environment';
import { CollectiveError } from './errors';
import { isMpiLauncher, startLink } from './mpi/start';
import { createShared, openShared, sharedPath } from './processes/memory';
import type { BackendName, ProcessGroup } from './processGroup';
import { soloGroup } from './solo';
import type { RankWorkerData } from './threads/run';

export interface ProcessGroupOptions {
  /** The backend that the program expects: an error if it was started in another way. Default: what the launcher chose. */
  readonly backend?: BackendName;
  /** The number of ranks that the program expects: an error if there are others. */
  readonly size?: number;
  /** Milliseconds that a collective waits for the other ranks. Default: the launcher's `--timeout`, else 300,000. */
  readonly timeout?: number;
}

export const defaultTimeout = 300_000;

/** On the global object: the ESM and the CJS build must not join twice. */
const slot = globalThis as { [key: symbol]: ProcessGroup | undefined };
const groupKey = Symbol.for('@tfkit/ddp/group');

/**
 * The group of this rank, once all ranks have joined; in a program that was started alone, the group of one.
 *
 * It is found by what started the program: `tfkit-ddp run`, `spawn`, or torchrun on one host (`RANK`, `WORLD_SIZE`,
 * `LOCAL_RANK`, `LOCAL_WORLD_SIZE`, `MASTER_PORT`), or mpirun, mpiexec or srun on one host or several. Called again it
 * returns the same group.
 *
 * @throws OptionError if size or backend are not those asked for; BackendError if koffi or MPI is absent, or the MPI
 * library is not the launcher's; CollectiveError if a rank does not join in time.
 * @example
 * const group = await initProcessGroup();
 * console.log(group.rank, group.size, group.sync.allReduce(Float32Array.of(group.rank)));
 */
export async function initProcessGroup(options: ProcessGroupOptions = {}): Promise<ProcessGroup> {
  checkKnownOptions('initProcessGroup', options, ['backend', 'size', 'timeout']);
  const { backend, size, timeout } = options;
  if (backend !== undefined)
    checkOneOf(['initProcessGroup', 'options.backend'], backend, ['threads', 'processes', 'mpi', 'single']);
  if (size !== undefined) checkInteger(['initProcessGroup', 'options.size'], size, { min: 1 });
  if (timeout !== undefined)
    checkNumber(['initProcessGroup', 'options.timeout'], timeout, { min: 0, open: 'min' });
  slot[groupKey] ??= checkExpected(await join(timeout, options), options);
  return checkExpected(slot[groupKey], options);
}

/** The group of this rank if it has joined one. */
export const currentGroup = (): ProcessGroup | undefined => slot[groupKey];

function checkExpected(group: ProcessGroup, { size, backend }: ProcessGroupOptions): ProcessGroup {
  if (size !== undefined && group.size !== size) {
    throw new OptionError(
      `initProcessGroup: options.size must be the number of ranks, ${group.size}, got ${size}. Start it with: tfkit-ddp run -n ${size}`,
    );
  }
  if (backend !== undefined && group.backend !== backend) {
    throw new OptionError(
      `initProcessGroup: options.backend must be how the program was started, '${group.backend}', got '${backend}'. ` +
        `Start it with: ${backend === 'mpi' ? 'mpirun -n 2 node train.mjs, or tfkit-ddp run --hosts a,b' : `tfkit-ddp run --backend ${backend}`}`,
    );
  }
  return group;
}

async function join(
  timeout: number | undefined,
  { size, backend }: ProcessGroupOptions,
): Promise<ProcessGroup> {
  const inThread = isMainThread ? undefined : (workerData as Partial<RankWorkerData> | null)?.tfkitRank;
  if (inThread) {
    const memory = openThreadMemory(inThread.memory);
    const worldSize = Atomics.load(memory.words, word.worldSize);
    const kind = worldSize > 0 ? 'mpi' : 'threads';
    checkExpected({ size: worldSize || inThread.size, backend: kind } as ProcessGroup, { size, backend });
    setState(memory, inThread.rank, 1);
    const { rank, restarts } = inThread;
    return joinArena(memory, {
      backend: kind,
      arenaRank: rank,
      localRank: rank,
      restarts,
      timeout: timeout ?? inThread.timeout,
    });
  }
  const place = rankEnvironment();
  const environmentTimeout = Number(process.env.TFKIT_DDP_TIMEOUT) || defaultTimeout;
  if (!place || place.size === 1) return soloGroup(timeout ?? environmentTimeout, place?.restarts);
  const kind = isMpiLauncher(place) ? 'mpi' : 'processes';
  checkExpected({ size: place.size, backend: kind } as ProcessGroup, { size, backend });
  if (kind === 'mpi') return joinMpi(place, timeout ?? environmentTimeout);
  checkOneHost(place);
  return joinProcesses(place, timeout ?? environmentTimeout);
}

/** One process a rank: an arena of one, linked to the others. */
async function joinMpi(place: RankEnvironment, timeout: number): Promise<ProcessGroup> {
  const memory = openThreadMemory(createThreadMemory(1));
  await startLink(memory, place, timeout);
  setState(memory, 0, 1);
  const { localRank, restarts } = place;
  return joinArena(memory, { backend: 'mpi', arenaRank: 0, localRank, restarts, timeout });
}

function checkOneHost({ size, localSize }: RankEnvironment): void {
  if (localSize === size) return;
  throw new BackendError(
    `initProcessGroup: ranks that torchrun starts must be on one host, got ${localSize} of ${size} ranks on this one. ` +
      'Several hosts need MPI: mpirun -n 2 node train.mjs, or tfkit-ddp run --hosts a,b train.mjs',
  );
}

async function joinProcesses(place: RankEnvironment, timeout: number): Promise<ProcessGroup> {
  const { rank, size, localRank, restarts } = place;
  const path = process.env[sharedFileVariable] ?? torchrunPath(size);
  if (place.launcher === 'torchrun' && rank === 0) createShared(path, size);
  const memory = await openWhenReady(path, place, timeout);
  const found = Atomics.load(memory.words, word.size);
  if (found !== size) {
    throw new OptionError(
      `initProcessGroup: WORLD_SIZE must be the same on all ranks, got ${size} on rank ${rank} and ${found} in the shared memory.`,
    );
  }
  Atomics.store(memory.words, rankBase(rank) + rankWord.pid, process.pid);
  setState(memory, rank, 1);
  reportExit(memory, rank);
  const group = joinArena(memory, { backend: 'processes', arenaRank: rank, localRank, restarts, timeout });
  const remove = () => rmSync(path, { force: true });
  // All have opened it: on Linux, where comm workers open the descriptor, nothing is left behind however the ranks end.
  if (rank === 0 && process.platform === 'linux') remove();
  else if (rank === 0) process.on('exit', remove);
  return group;
}

/** Ranks of torchrun find one another by its rendezvous. */
function torchrunPath(size: number): string {
  const { MASTER_ADDR, MASTER_PORT, TORCHELASTIC_RUN_ID, TORCHELASTIC_RESTART_COUNT, USER } = process.env;
  if (!MASTER_PORT && !TORCHELASTIC_RUN_ID) {
    throw new OptionError(
      'initProcessGroup: the environment must have MASTER_PORT beside RANK and WORLD_SIZE, got none. ' +
        'Start the program with tfkit-ddp run or torchrun.',
    );
  }
  const parts = [MASTER_ADDR, MASTER_PORT, TORCHELASTIC_RUN_ID, TORCHELASTIC_RESTART_COUNT, USER, size];
  const id = createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
  return sharedPath(id, initialBytes(size));
}

/** Opens the shared file once it is there and its maker (for torchrun: rank 0, alive) has finished it. */
async function openWhenReady(path: string, place: RankEnvironment, timeout: number): Promise<SharedMemory> {
  const deadline = performance.now() + timeout;
  for (;;) {
    if (existsSync(path)) {
      const memory = openShared(path);
      const makerPid = Atomics.load(memory.words, rankBase(0) + rankWord.pid);
      const isOurs =
        place.launcher === 'tfkit-ddp' || place.rank === 0 || (makerPid > 0 && memory.isAlive!(makerPid));
      if (Atomics.load(memory.words, word.magic) === magic && isOurs) return memory;
      memory.close();
    }
    if (performance.now() > deadline) {
      throw new CollectiveError(
        `initProcessGroup: rank 0 did not open the group within ${timeout / 1000} s. Is it running?`,
        { rank: 0, reason: 'timeout' },
      );
    }
    await sleep(20);
  }
}

/** Tells the other ranks how this process ends, if it can; what it cannot tell (SIGKILL) they see by its pid. */
function reportExit(memory: SharedMemory, rank: number): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    const failure = failureFrom(rank, error);
    abortGroup(memory, failure.rank, failure.reason, failure.text);
  });
  process.on('exit', (code) => {
    if (code !== 0) abortGroup(memory, rank, 'failed', `rank ${rank} exited with code ${code}.`);
    setState(memory, rank, 2);
  });
}

/** More ranks than cores take turns: it works, for tests, but is not faster. */
export function warnOfFewCores(size: number): void {
  const cores = availableParallelism();
  if (size <= cores) return;
  process.emitWarning(
    `${size} ranks on ${cores === 1 ? 'one core' : `${cores} cores`} take turns and train no faster than ${cores}. Use -n ${cores}.`,
    'tfkit-ddp',
  );
}
