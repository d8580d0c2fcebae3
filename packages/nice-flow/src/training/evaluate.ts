/** The mean log-likelihood of a data set. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, foldIn, type Key, key as keyOf, sizeOf } from '@tfkit/core';
import type { FlowParameters } from '../bijector';
import type { Flow } from '../flow';
import { bitsPerDim } from '../quantization';
import {
  batchLikelihood,
  type DataOptions,
  disposeBatch,
  type FlowData,
  type HostData,
  hostData,
} from './data';

export interface Score {
  /** Mean log-density of an example in nats, of data on the declared interval. */
  readonly logLikelihood: number;
  /** Undefined for a flow without quantization. */
  readonly bitsPerDim: number | undefined;
}

/** How data are batched while a flow is scored. */
export interface EvaluateOptions extends DataOptions {
  /** Default 256. The last batch may be smaller. */
  readonly batchSize?: number;
  /** Of the dequantization noise. Default key(0), so that two calls agree. */
  readonly key?: Key;
  readonly signal?: AbortSignal;
}

/**
 * Mean log-likelihood of all examples (in mode 'evaluation'), summed in float64, and bits per dimension. Nothing changes.
 *
 * @throws ShapeError, ValueError for data that do not fit; the signal's reason if it is aborted.
 */
export async function evaluate(flow: Flow, data: FlowData, options: EvaluateOptions = {}): Promise<Score> {
  const { batchSize = 256, key = keyOf(0), signal } = options;
  checkInteger(['evaluate', 'batchSize'], batchSize, { min: 1 });
  const host = await hostData('evaluate', flow, data, options);
  return scoreOf(flow, host, { batchSize, key, signal });
}

export async function scoreOf(
  flow: Flow,
  host: HostData,
  options: {
    readonly batchSize: number;
    readonly key: Key;
    readonly signal?: AbortSignal;
    readonly parameters?: FlowParameters;
  },
): Promise<Score> {
  const { batchSize, key, signal, parameters } = options;
  let sum = 0;
  for (let start = 0; start < host.count; start += batchSize) {
    signal?.throwIfAborted();
    const length = Math.min(batchSize, host.count - start);
    const indices = Uint32Array.from({ length }, (_, i) => start + i);
    const batch = host.batch(indices, foldIn(key, start));
    const scope = flow.scope({ context: batch.context, parameters });
    const logProb = tf.tidy(() => batchLikelihood(flow, batch, scope).logProb);
    try {
      for (const value of await logProb.data()) sum += value;
    } finally {
      logProb.dispose();
      disposeBatch(batch);
    }
    await breathe();
  }
  return withBits(flow, sum / host.count);
}

export function withBits(flow: Flow, logLikelihood: number): Score {
  const { quantization, shape } = flow;
  return {
    logLikelihood,
    bitsPerDim: quantization && bitsPerDim(logLikelihood, { dims: sizeOf(shape), ...quantization }),
  };
}

let lastBreath = 0;

/** Lets the event loop turn (timers, Ctrl-C, a page's frames) every 30 ms: reading a tensor alone does not. */
export async function breathe(): Promise<void> {
  const now = performance.now();
  if (now - lastBreath < 30) return;
  await new Promise((resolve) => setTimeout(resolve));
  lastBreath = performance.now();
}
