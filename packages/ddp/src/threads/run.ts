/** Ranks as worker threads of this process: starts them, notices the first that fails, and ends the others. */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { abortGroup, failureFrom, failureOf, type GroupFailure, setState, stateWord } from '../arena/failure';
import { word, worldRank } from '../arena/layout';
import type { SharedMemory } from '../arena/memory';
import { lastCall } from '../arena/records';
import { createThreadMemory, openThreadMemory } from '../arena/threadMemory';
import { RankError, textOf } from '../errors';
import { workerFile } from '../worker/file';
import { guardTfjsNode } from './tfjsNode';

/** What a rank runs: a module (its default or named export, with arguments, or for its effects alone), or a function's source. */
export type RankTask =
  | { readonly kind: 'script'; readonly url: string }
  | {
      readonly kind: 'module';
      readonly url: string;
      readonly exportName: string;
      readonly args: readonly unknown[];
    }
  | {
      readonly kind: 'function';
      readonly source: string;
      readonly base: string;
      readonly args: readonly unknown[];
    };

export interface RankWorkerData {
  readonly tfkitRank: {
    readonly memory: WebAssembly.Memory;
    readonly rank: number;
    readonly size: number;
    readonly restarts: number;
    readonly timeout: number;
    readonly task: RankTask;
    /** Written before each line of output. */
    readonly prefix: string;
  };
}

export interface RunThreadsOptions {
  readonly size: number;
  readonly task: RankTask;
  readonly timeout: number;
  readonly restarts?: number;
  readonly prefix?: (rank: number) => string;
  readonly worker?: Pick<WorkerOptions, 'argv' | 'env' | 'execArgv' | 'resourceLimits'>;
  readonly signal?: AbortSignal;
  /** Called with the memory before the ranks start: connects it with those of other processes. */
  readonly connect?: (memory: SharedMemory) => Promise<void>;
  /** For tests: called with each worker. */
  readonly onWorker?: (worker: Worker, rank: number) => void;
}

/** How long ranks may take to end by themselves after one has failed, in ms; then they are terminated. */
const graceMilliseconds = 3000;

interface Outcome {
  readonly result?: unknown;
  readonly failure?: GroupFailure & { readonly cause?: unknown };
}

/**
 * The results of all ranks, in rank order.
 *
 * @throws RankError for the first rank that failed; the reason of `signal` if it was aborted.
 */
export async function runThreads(options: RunThreadsOptions): Promise<unknown[]> {
  const { size, signal } = options;
  signal?.throwIfAborted();
  const wasm = createThreadMemory(size);
  const memory = openThreadMemory(wasm);
  await options.connect?.(memory);
  const unguard = guardTfjsNode(memory.words);
  const workers: Worker[] = [];
  const endAll = () => Promise.all(workers.map((worker) => worker.terminate()));
  let grace: NodeJS.Timeout | undefined;
  const failed = ({ rank, reason, text }: GroupFailure) => {
    abortGroup(memory, rank, reason, text);
    grace ??= setTimeout(endAll, graceMilliseconds);
  };
  const onAbort = () => void endAll();
  signal?.addEventListener('abort', onAbort, { once: true });
  const causes = new Map<number, unknown>();
  try {
    const outcomes = await Promise.all(
      Array.from({ length: size }, async (_, rank) => {
        const worker = startRank(wasm, rank, worldRank(memory.words, rank), options);
        workers.push(worker);
        options.onWorker?.(worker, rank);
        const outcome = await outcomeOf(worker, worldRank(memory.words, rank));
        if (outcome.failure) {
          causes.set(rank, outcome.failure.cause);
          failed(outcome.failure);
        } else if (Atomics.load(memory.words, stateWord(rank)) !== 2) setState(memory, rank, 2);
        return outcome;
      }),
    );
    signal?.throwIfAborted();
    throwFirstFailure(memory, causes);
    return outcomes.map(({ result }) => result);
  } finally {
    clearTimeout(grace);
    unguard();
    signal?.removeEventListener('abort', onAbort);
    await endAll();
  }
}

function startRank(
  memory: WebAssembly.Memory,
  rank: number,
  worldRank: number,
  options: RunThreadsOptions,
): Worker {
  const { size, task, timeout, restarts = 0, prefix, worker = {} } = options;
  const data: RankWorkerData = {
    tfkitRank: { memory, rank, size, restarts, timeout, task, prefix: prefix?.(worldRank) ?? '' },
  };
  return new Worker(workerFile('rank'), { ...worker, workerData: data, name: `rank ${worldRank}` });
}

/** `rank` as the job counts. */
function outcomeOf(worker: Worker, rank: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let result: unknown;
    let failure: Outcome['failure'];
    worker.on('message', (message: { tfkitResult?: unknown } | null) => {
      if (message && typeof message === 'object' && 'tfkitResult' in message) result = message.tfkitResult;
    });
    const fail = (text: string, cause?: unknown) => {
      failure ??= { rank, reason: 'failed', text: `rank ${rank} ${text}`, cause };
    };
    worker.on('messageerror', (cause) =>
      fail(`failed: its result cannot be cloned: ${textOf(cause)}`, cause),
    );
    worker.on('error', (cause) => {
      const code = (cause as NodeJS.ErrnoException)?.code;
      if (code === 'ERR_WORKER_OUT_OF_MEMORY') fail('ran out of heap', cause);
      else failure ??= { ...failureFrom(rank, cause), cause };
    });
    worker.on('exit', (code) => {
      if (code !== 0) fail(`exited with code ${code}.`);
      resolve({ result, failure });
    });
  });
}

/** The first failure is in the arena, where also a rank that hangs is named, which ends with no error of its own. */
function throwFirstFailure(memory: SharedMemory, causes: ReadonlyMap<number, unknown>): void {
  const failure = failureOf(memory);
  if (!failure) return;
  const { rank, text } = failure;
  const local = rank - worldRank(memory.words, 0);
  const size = Atomics.load(memory.words, word.size);
  const collective = local >= 0 && local < size ? lastCall(memory, local) : undefined;
  const already = text.includes('last collective') || text.includes('same call');
  const where = collective && !already ? ` (its last collective was ${collective})` : '';
  const message = `spawn: ${text.replace(/\.$/, '')}${where}.`;
  throw new RankError(message, { rank, collective, cause: causes.get(rank) });
}
