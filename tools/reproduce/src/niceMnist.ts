/** NICE on all of MNIST, with the paper's settings. */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { key, split } from '@tfkit/core';
import { adam } from '@tfkit/core/tfjs';
import { writeFileAtomic } from '@tfkit/core/weights/node';
import { evaluate, type FitProgress, type Flow, fit, nice, nicePresets } from '@tfkit/nice-flow';
import { loadMnist } from '../../../tour/src/data/mnist';

export interface NiceOptions {
  readonly epochs: number;
  readonly minutes?: number;
  readonly seed: number;
  readonly backend: string;
  /** Folder of checkpoint.safetensors, log.jsonl and result.json. */
  readonly out: string;
  readonly signal: AbortSignal;
  log(line: string): void;
}

const paper = 1980.5;
const { batchSize, learningRate, beta1, beta2, epsilon } = nicePresets.mnist.training;

/** Trains, or goes on training, until the epochs or the minutes are over; then scores the test set. */
export async function reproduceNice(options: NiceOptions): Promise<void> {
  const { epochs, minutes, seed, backend, out, log } = options;
  await mkdir(out, { recursive: true });
  const file = join(out, 'checkpoint.safetensors');
  const resume = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  const [modelKey, trainKey, testKey] = split(key(seed), 3);
  const flow = nice({ preset: 'mnist', key: modelKey });
  const { images } = await loadMnist('train');
  const size = 784;
  const train = images.subarray(0, 50_000 * size);
  const stepsPerEpoch = Math.floor(50_000 / batchSize);
  log(`NICE on MNIST, ${flow.parameterCount} parameters, backend ${backend}${resume ? ', resumed' : ''}`);
  const timeout = minutes ? AbortSignal.timeout(minutes * 60_000) : undefined;
  const signal = AbortSignal.any([options.signal, ...(timeout ? [timeout] : [])]);
  const watch = stopwatch(stepsPerEpoch, out, log);
  const fitting = fit(flow, train, {
    ...{ key: trainKey, steps: Math.round(epochs * stepsPerEpoch), batchSize, signal, initialize: 'none' },
    optimizer: adam({ learningRate, beta1, beta2, epsilon }),
    // Patience that never runs out keeps the best parameters, as the paper selects them.
    validation: {
      data: images.subarray(50_000 * size),
      every: stepsPerEpoch,
      patience: Math.ceil(epochs) + 1,
    },
    onProgress: watch.onProgress,
    checkpoint: { resume, every: stepsPerEpoch, save: (bytes) => writeFileAtomic(file, bytes) },
  });
  const isFinished = await fitting.then(
    () => true,
    (error) => {
      if (!signal.aborted) throw error;
      return false;
    },
  );
  await report(flow, options, { isFinished, steps: watch.steps(), stepsPerEpoch, testKey });
}

/** Writes a line an epoch to the terminal and to log.jsonl. */
function stopwatch(stepsPerEpoch: number, out: string, log: (line: string) => void) {
  let steps = 0;
  let sum = 0;
  let count = 0;
  let begun = performance.now();
  return {
    steps: () => steps,
    async onProgress({ step, logLikelihood, validation }: FitProgress) {
      steps = step;
      sum += logLikelihood;
      count++;
      if (step % stepsPerEpoch !== 0 && step % 50 !== 0) return;
      const msPerStep = (performance.now() - begun) / count;
      const line = { step, epoch: step / stepsPerEpoch, train: sum / count, validation, msPerStep };
      await appendFile(join(out, 'log.jsonl'), `${JSON.stringify(line)}\n`);
      const score = validation ? `, validation ${validation.logLikelihood.toFixed(1)}` : '';
      log(
        `epoch ${line.epoch.toFixed(2)}: train ${line.train.toFixed(1)} nats${score}, ${msPerStep.toFixed(0)} ms a step`,
      );
      [sum, count, begun] = [0, 0, performance.now()];
    },
  };
}

async function report(
  flow: Flow,
  { backend, out, log }: NiceOptions,
  run: { isFinished: boolean; steps: number; stepsPerEpoch: number; testKey: ReturnType<typeof key> },
): Promise<void> {
  const test = await loadMnist('test');
  const score = await evaluate(flow, test.images, { key: run.testKey });
  const result = {
    ...{ backend, steps: run.steps, epochs: run.steps / run.stepsPerEpoch, finished: run.isFinished },
    test: score,
    paper: { logLikelihood: paper, epochs: 1500 },
  };
  await writeFile(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  const { logLikelihood, bitsPerDim } = score;
  log(
    `test log-likelihood ${logLikelihood.toFixed(2)} nats (${bitsPerDim!.toFixed(3)} bits/dim) after ${result.epochs.toFixed(2)} epochs; the paper: ${paper} after 1500`,
  );
}
