/** Data on the host, and the batches that training and evaluation take from it. */
import * as tf from '@tensorflow/tfjs-core';
import {
  foldIn,
  formatShape,
  formatValue,
  type Key,
  normal,
  OptionError,
  permutation,
  ShapeError,
  sameShape,
  sizeOf,
  ValueError,
} from '@tfkit/core';
import { childScope, type Scope } from '../bijector';
import type { Flow } from '../flow';
import { dequantize, intervalOf } from '../quantization';

/** Examples one after the other: a tensor [count, ...shape], or a flat array of as many numbers. */
export type FlowData = tf.Tensor | Uint8Array | Uint16Array | Int32Array | Float32Array | Float64Array;

/**
 * 'uniform': the data are integers, and get fresh uniform noise whenever they are used. 'variational': noise from the flow's dequantizer.
 * 'none': they are continuous, within the declared interval if there is one.
 */
export type Dequantization = 'uniform' | 'variational' | 'none';

export interface DataOptions {
  /** Contexts of the examples [count, contextSize], if the flow has any. */
  readonly context?: tf.Tensor | Float32Array;
  /** Default 'variational' if the flow has a dequantizer, 'uniform' if it has a quantization, else 'none'. */
  readonly dequantization?: Dequantization;
}

export interface HostBatch {
  readonly x: tf.Tensor;
  readonly context: tf.Tensor | undefined;
  /** Standard normal [batch, entries] for a dequantizer: x then holds integers. */
  readonly noise: tf.Tensor | undefined;
}

/** What x of a batch is to the flow, and what its log-likelihood loses to the noise; in a tidy. */
export function dequantizedBatch(
  flow: Flow,
  { x, noise }: HostBatch,
  scope: Scope,
): { x: tf.Tensor; logDensity: tf.Tensor | undefined } {
  if (!noise) return { x, logDensity: undefined };
  return flow.dequantizer!.apply(x, noise, flow.quantization!, childScope(scope, 'dequantizer'));
}

/** The log-likelihood of a batch, a lower bound of it where the noise is learnt; in a tidy. */
export function batchLikelihood(
  flow: Flow,
  batch: HostBatch,
  scope: Scope,
): ReturnType<Flow['logLikelihood']> {
  const { x, logDensity } = dequantizedBatch(flow, batch, scope);
  const result = flow.logLikelihood(x, scope);
  if (!logDensity) return result;
  return { ...result, logProb: tf.sub(result.logProb, logDensity) as tf.Tensor1D };
}

export function disposeBatch({ x, context, noise }: HostBatch): void {
  tf.dispose([x, context, noise].filter((tensor) => tensor !== undefined));
}

export interface HostData {
  readonly count: number;
  /** The examples of these indices, with noise from the key. The caller disposes them by `disposeBatch`. */
  batch(indices: Uint32Array, key: Key): HostBatch;
}

/**
 * Checks all values once and keeps them on the host.
 *
 * @throws ShapeError for sizes that do not fit; ValueError for NaN, infinities and values outside the declared interval.
 */
export async function hostData(
  functionName: string,
  flow: Flow,
  data: FlowData,
  options: DataOptions,
): Promise<HostData> {
  const byDefault = flow.dequantizer ? 'variational' : flow.quantization ? 'uniform' : 'none';
  const { dequantization = byDefault } = options;
  const values = await valuesOf([functionName, 'data'], data, flow.shape);
  const size = sizeOf(flow.shape);
  const count = values.length / size;
  checkValues(functionName, values, flow, dequantization);
  const contexts = await contextsOf(functionName, flow, options.context, count);
  return {
    count,
    batch(indices, key) {
      const rows = new Float32Array(indices.length * size);
      for (const [row, index] of indices.entries()) {
        rows.set(values.subarray(index * size, (index + 1) * size), row * size);
      }
      const x = dequantization === 'uniform' ? dequantize(rows, flow.quantization!, key) : rows;
      const width = flow.contextSize;
      return {
        x: tf.tensor(x, [indices.length, ...flow.shape], 'float32'),
        context: contexts && tf.tensor2d(gatherRows(contexts, indices, width), [indices.length, width]),
        noise:
          dequantization === 'variational'
            ? tf.tensor2d(normal(key, [indices.length, size]), [indices.length, size])
            : undefined,
      };
    },
  };
}

function gatherRows(values: Float32Array, indices: Uint32Array, width: number): Float32Array {
  const rows = new Float32Array(indices.length * width);
  for (const [row, index] of indices.entries()) {
    rows.set(values.subarray(index * width, (index + 1) * width), row * width);
  }
  return rows;
}

type HostArray = Uint8Array | Uint16Array | Int32Array | Float32Array | Float64Array;

async function valuesOf(
  place: [string, string],
  data: FlowData,
  shape: readonly number[],
): Promise<HostArray> {
  const [functionName, argument] = place;
  const isTensor = data instanceof tf.Tensor;
  const fits = isTensor
    ? data.rank === shape.length + 1 && sameShape(data.shape.slice(1), shape) && data.size > 0
    : ArrayBuffer.isView(data) && data.length > 0 && data.length % sizeOf(shape) === 0;
  if (fits) return isTensor ? ((await data.data()) as HostArray) : data;
  const got = isTensor
    ? formatShape(data.shape)
    : ArrayBuffer.isView(data)
      ? `${data.length} numbers`
      : formatValue(data);
  throw new ShapeError(
    `${functionName}: ${argument} must be a tensor [count, ${shape.join(', ')}] or an array of a multiple of ${sizeOf(shape)} numbers, got ${got}.`,
  );
}

function checkValues(
  functionName: string,
  values: HostArray,
  flow: Flow,
  dequantization: Dequantization,
): void {
  if (dequantization === 'variational' && !flow.dequantizer) {
    throw new OptionError(
      `${functionName}: dequantization must be 'uniform' or 'none' for a flow without dequantizer, got 'variational'.`,
    );
  }
  if (dequantization !== 'none') {
    if (!flow.quantization) {
      throw new OptionError(
        `${functionName}: dequantization must be 'none' for a flow without quantization, got 'uniform'.`,
      );
    }
    const { levels } = flow.quantization;
    const wrong = values.findIndex(
      (value: number) => !(Number.isInteger(value) && value >= 0 && value < levels),
    );
    if (wrong < 0) return;
    throw new ValueError(
      `${functionName}: data must be integers in [0, ${levels}) as the flow's quantization says, got ${values[wrong]} at ${wrong}. Continuous data need dequantization 'none'.`,
    );
  }
  const interval = flow.quantization && intervalOf(functionName, flow.quantization);
  const [low, high] = interval ? [interval.low, interval.high] : [-Number.MAX_VALUE, Number.MAX_VALUE];
  const wrong = values.findIndex((value: number) => !(value >= low && value <= high));
  if (wrong < 0) return;
  throw new ValueError(
    `${functionName}: data must be ${interval ? `in the declared interval [${low}, ${high}]` : 'finite'}, got ${values[wrong]} at ${wrong}.`,
  );
}

async function contextsOf(
  functionName: string,
  flow: Flow,
  context: tf.Tensor | Float32Array | undefined,
  count: number,
): Promise<Float32Array | undefined> {
  if (!context && flow.contextSize === 0) return undefined;
  if (!context || flow.contextSize === 0) {
    const rule = context
      ? 'be left out, as the flow has contextSize 0'
      : `be given, [${count}, ${flow.contextSize}]`;
    throw new OptionError(`${functionName}: context must ${rule}, got ${context ? 'one' : 'none'}.`);
  }
  const values = (await valuesOf([functionName, 'context'], context, [flow.contextSize])) as Float32Array;
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new ValueError(`${functionName}: context must be finite, got ${values[wrong]} at ${wrong}.`);
  }
  if (values.length === count * flow.contextSize) return values;
  throw new ShapeError(
    `${functionName}: context must have a row for each of ${count} examples, got ${values.length / flow.contextSize}.`,
  );
}

/** The order of examples in an epoch, and the noise of a step, from one key: any step can be had without those before. */
export interface BatchPlan {
  readonly batchesPerEpoch: number;
  indices(step: number): Uint32Array;
  noiseKey(step: number): Key;
}

/** Whole batches of a new order each epoch; what is left of an epoch is passed over. */
export function batchPlan(key: Key, count: number, batchSize: number): BatchPlan {
  const batchesPerEpoch = Math.floor(count / batchSize);
  const orderKey = foldIn(key, 0);
  const noise = foldIn(key, 1);
  let known = { epoch: -1, order: new Uint32Array() };
  return {
    batchesPerEpoch,
    indices(step) {
      const epoch = Math.floor(step / batchesPerEpoch);
      if (known.epoch !== epoch)
        known = { epoch, order: permutation(foldIn(orderKey, epoch), count) as Uint32Array<ArrayBuffer> };
      const start = (step % batchesPerEpoch) * batchSize;
      return known.order.subarray(start, start + batchSize);
    },
    noiseKey: (step) => foldIn(noise, step),
  };
}
