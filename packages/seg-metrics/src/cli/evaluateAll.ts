/** All pairs, on one thread or several, results in the order of the pairs. */
import { Worker } from 'node:worker_threads';
import { evaluateImage, type ImageResult } from './evaluateImage';
import type { ImageSettings } from './options';
import type { Pair } from './pairs';

export interface Evaluation {
  readonly results: readonly ImageResult[];
  readonly problems: readonly string[];
}

type Outcome = { readonly result: ImageResult } | { readonly error: string };

export async function evaluateAll(
  pairs: readonly Pair[],
  settings: ImageSettings & { readonly jobs: number },
  progress: (done: number) => void,
  workerFile: URL,
): Promise<Evaluation> {
  const outcomes = new Array<Outcome>(pairs.length);
  let next = 0;
  let done = 0;
  const lane = async (evaluate: (pair: Pair) => Promise<Outcome>) => {
    while (next < pairs.length) {
      const index = next++;
      outcomes[index] = await evaluate(pairs[index]!);
      progress(++done);
    }
  };
  const jobs = Math.min(settings.jobs, pairs.length);
  if (jobs > 1) {
    const workers = Array.from({ length: jobs }, () => new Worker(workerFile, { workerData: settings }));
    try {
      await Promise.all(workers.map((worker) => lane((pair) => ask(worker, pair))));
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  } else {
    await lane(async (pair) => {
      try {
        return { result: await evaluateImage(pair, settings) };
      } catch (error) {
        return { error: (error as Error).message };
      }
    });
  }
  return {
    results: outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : [])),
    problems: outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : [])),
  };
}

function ask(worker: Worker, pair: Pair): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
    };
    const onMessage = (outcome: Outcome) => {
      settle();
      resolve(outcome);
    };
    const onError = (error: Error) => {
      settle();
      reject(error);
    };
    const onExit = (code: number) => {
      settle();
      reject(new Error(`a worker ended with code ${code} at ${pair.target}`));
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(pair);
  });
}
