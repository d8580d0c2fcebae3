/** All items of a run, on one thread or several, results in the order of the items. */
import { Worker } from 'node:worker_threads';
import { type ItemOf, type ResultOf, type SettingsOf, type TaskName, tasks } from './tasks';

export interface Evaluation<Result> {
  readonly results: readonly Result[];
  readonly problems: readonly string[];
}

type Outcome<Result> = { readonly result: Result } | { readonly error: string };

/** What a worker thread gets. */
export interface WorkerData {
  readonly task: TaskName;
  readonly settings: SettingsOf<TaskName>;
}

export async function evaluateAll<Name extends TaskName>(
  task: Name,
  items: readonly ItemOf<Name>[],
  settings: SettingsOf<Name>,
  { jobs, progress, workerFile }: { jobs: number; progress: (done: number) => void; workerFile: URL },
): Promise<Evaluation<ResultOf<Name>>> {
  const outcomes = new Array<Outcome<ResultOf<Name>>>(items.length);
  let next = 0;
  let done = 0;
  const lane = async (evaluate: (item: ItemOf<Name>) => Promise<Outcome<ResultOf<Name>>>) => {
    while (next < items.length) {
      const index = next++;
      outcomes[index] = await evaluate(items[index]!);
      progress(++done);
    }
  };
  const lanes = Math.min(jobs, items.length);
  if (lanes > 1) {
    const workerData: WorkerData = { task, settings };
    const workers = Array.from({ length: lanes }, () => new Worker(workerFile, { workerData }));
    try {
      await Promise.all(workers.map((worker) => lane((item) => ask(worker, item))));
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  } else {
    await lane((item) => attempt(task, item, settings));
  }
  return {
    results: outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : [])),
    problems: outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : [])),
  };
}

/** One item's result, or what is wrong with it. */
export async function attempt<Name extends TaskName>(
  task: Name,
  item: ItemOf<Name>,
  settings: SettingsOf<Name>,
): Promise<Outcome<ResultOf<Name>>> {
  try {
    const evaluate = tasks[task] as (
      item: ItemOf<Name>,
      settings: SettingsOf<Name>,
    ) => Promise<ResultOf<Name>>;
    return { result: await evaluate(item, settings) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function ask<Result>(worker: Worker, item: object): Promise<Outcome<Result>> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      worker.off('message', onMessage);
      worker.off('error', reject);
      worker.off('exit', onExit);
    };
    const onMessage = (outcome: Outcome<Result>) => {
      settle();
      resolve(outcome);
    };
    const onExit = (code: number) => {
      settle();
      reject(new Error(`a worker ended with code ${code}`));
    };
    worker.on('message', onMessage);
    worker.on('error', reject);
    worker.on('exit', onExit);
    worker.postMessage(item);
  });
}
