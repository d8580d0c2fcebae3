/** A rank as a worker thread: runs its task, and hands its result to the parent. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { BackendError, OptionError } from '@tfkit/core';
import { word, worldRank } from '../arena/layout';
import { currentGroup, initProcessGroup } from '../initProcessGroup';
import type { ProcessGroup } from '../processGroup';
import { writeDirectly } from '../threads/output';
import type { RankTask, RankWorkerData } from '../threads/run';
import { guardTfjsNode } from '../threads/tfjsNode';

type RankFunction = (group: ProcessGroup, ...args: unknown[]) => unknown;

const { memory, task, prefix, rank, size, restarts } = (workerData as RankWorkerData).tfkitRank;

const words = new Int32Array(memory.buffer);
writeDirectly(prefix);
guardTfjsNode(words);
// What programs written for torchrun read.
Object.assign(process.env, {
  RANK: String(worldRank(words, rank)),
  WORLD_SIZE: String(Atomics.load(words, word.worldSize) || size),
  LOCAL_RANK: String(rank),
  LOCAL_WORLD_SIZE: String(size),
  TORCHELASTIC_RESTART_COUNT: String(restarts),
});

if (task.kind === 'script') {
  process.argv[1] = fileURLToPath(task.url);
  await import(task.url);
} else {
  const run = await functionOf(task);
  const group = await initProcessGroup();
  const result = await run(group, ...task.args);
  parentPort?.postMessage({ tfkitResult: result });
  currentGroup()?.destroy();
}

async function functionOf(task: Exclude<RankTask, { kind: 'script' }>): Promise<RankFunction> {
  if (task.kind === 'module') {
    const found = ((await import(task.url)) as Record<string, unknown>)[task.exportName];
    if (typeof found === 'function') return found as RankFunction;
    throw new OptionError(
      `spawn: ${task.url} must export a function '${task.exportName}', got ${typeof found}.`,
    );
  }
  const loader = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  if (loader === undefined) {
    throw new BackendError(
      `spawn: a function must run on Node >= 20.12, got ${process.version}. Pass the URL of a module.`,
    );
  }
  quietly('USE_MAIN_CONTEXT_DEFAULT_LOADER');
  // The file's name makes `import('./x.js')` inside the function mean what it does where it was written.
  return vm.runInThisContext(`(${task.source})`, {
    filename: join(dirname(fileURLToPath(task.base)), 'spawned-function.mjs'),
    importModuleDynamically: loader as never,
  }) as RankFunction;
}

/** Drops Node's warning that a feature is experimental: the program that calls `spawn` did not choose it. */
function quietly(feature: string): void {
  const emitWarning = process.emitWarning.bind(process) as (...details: unknown[]) => void;
  process.emitWarning = ((...details: unknown[]) => {
    if (!String(details[0]).includes(feature)) emitWarning(...details);
  }) as typeof process.emitWarning;
}
