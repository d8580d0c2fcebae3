/** Starting ranks from a program. */
import { pathToFileURL } from 'node:url';
import type { WorkerOptions } from 'node:worker_threads';
import { checkInteger, checkKnownOptions, checkNumber, formatValue, OptionError } from '@tfkit/core';
import { maxRanks } from './arena/layout';
import { defaultTimeout, warnOfFewCores } from './initProcessGroup';
import type { ProcessGroup } from './processGroup';
import { type RankTask, runThreads } from './threads/run';

/** What the ranks get, and how long they may take. */
export interface SpawnOptions<Args extends readonly unknown[] = readonly unknown[]> {
  /** What each rank's function is called with, after the group: anything that structured cloning takes. */
  readonly args?: Args;
  /** Milliseconds that a collective waits for the other ranks. Default 300,000. */
  readonly timeout?: number;
  /** `import.meta.url` of the caller: where the imports of a function passed by value are looked up. Default: the working directory. */
  readonly from?: string | URL;
  /** The export of the module to call. Default 'default'. */
  readonly exportName?: string;
  /** Written before each line that a rank prints. Default: nothing. */
  readonly prefix?: (rank: number) => string;
  /** Ends all ranks when aborted. */
  readonly signal?: AbortSignal;
  /** Limits of each rank's heap, as of `node:worker_threads`. */
  readonly resourceLimits?: WorkerOptions['resourceLimits'];
}

const known = ['args', 'timeout', 'from', 'exportName', 'prefix', 'signal', 'resourceLimits'];

/**
 * What the function returns on each rank, in rank order. Ranks are worker threads with a shared memory.
 *
 * A function is sent as its source text: it sees its arguments and what it imports by `await import(...)`, not the
 * variables around it. The URL of a module serves for larger programs.
 *
 * @param task a self-contained function, or the file URL of a module that exports one.
 * @param size the number of ranks, from 1 to 256.
 * @throws RankError if a rank throws, exits, hangs in a collective or runs out of heap: it names the rank and its last
 * collective, and the other ranks have been ended. OptionError for a bad argument.
 * @example
 * const sums = await spawn(async (group, x) => group.sync.allReduce(Float32Array.of(x + group.rank)), 2, { args: [1] });
 */
export async function spawn<Result, Args extends readonly unknown[] = readonly []>(
  task: ((group: ProcessGroup, ...args: Args) => Result) | URL | string,
  size: number,
  options: SpawnOptions<Args> = {},
): Promise<Awaited<Result>[]> {
  checkInteger(['spawn', 'size'], size, { min: 1, max: maxRanks });
  checkKnownOptions('spawn', options, known);
  const { args = [], timeout = defaultTimeout, prefix, signal, resourceLimits } = options;
  checkNumber(['spawn', 'options.timeout'], timeout, { min: 0, open: 'min' });
  warnOfFewCores(size);
  const results = await runThreads({
    size,
    task: taskOf(task, options, args),
    timeout,
    prefix,
    signal,
    worker: { resourceLimits },
  });
  return results as Awaited<Result>[];
}

function taskOf(task: unknown, options: SpawnOptions, args: readonly unknown[]): RankTask {
  if (typeof task === 'function') {
    const base = String(options.from ?? pathToFileURL(`${process.cwd()}/`));
    const source = Function.prototype.toString.call(task);
    if (source.includes('[native code]')) {
      throw new OptionError('spawn: task must be a function with source text, got a bound or native one.');
    }
    return { kind: 'function', source, base, args };
  }
  const url = String(task);
  if (url.startsWith('file:')) {
    return { kind: 'module', url, exportName: options.exportName ?? 'default', args };
  }
  throw new OptionError(
    `spawn: task must be a function or a file URL, got ${formatValue(task)}. Make one with new URL('./train.mjs', import.meta.url).`,
  );
}
