/**
 * The bookkeeping between integer data, the interval a flow sees, and bits per dimension.
 *
 * A density over an interval says nothing until the interval is known: for the same model, data on [0, 1] and on [-1, 1]
 * have log-likelihoods that differ by log 2 a dimension. So levels and interval are declared once, in one object.
 */
import { checkInteger, formatValue, type Key, uniform, ValueError } from '@tfkit/core';
import { checkRange } from './bijectors/logit';

export interface Quantization {
  /** How many values an entry of the data takes: 0, 1, ..., levels - 1. 256 for 8-bit images. */
  readonly levels: number;
  /** The interval that [0, levels) becomes. Default [0, 1]. */
  readonly range?: readonly [low: number, high: number];
}

/** The interval of a quantization, checked. */
export function intervalOf(functionName: string, { levels, range = [0, 1] }: Quantization) {
  checkInteger([functionName, 'levels'], levels, { min: 2 });
  checkRange(functionName, range);
  const [low, high] = range;
  return { levels, low, high, width: (high - low) / levels };
}

/**
 * Continuous data from integers: low + (high - low) (n + u) / levels with u uniform in [0, 1), so that a density's integral
 * over a cell is the integer's probability (a lower bound of it, in the mean; Theis et al. 2016).
 *
 * @param values integers in [0, levels).
 * @returns as many elements, in [low, high): never high itself, where a logit would be infinite.
 * @throws ValueError for a value that is no integer in [0, levels).
 */
export function dequantize(values: ArrayLike<number>, quantization: Quantization, key: Key): Float32Array {
  return placeInCells('dequantize', values, quantization, uniform(key, values.length));
}

/** `dequantize` with given noise in [0, 1). */
export function placeInCells(
  functionName: string,
  values: ArrayLike<number>,
  quantization: Quantization,
  noise: ArrayLike<number>,
): Float32Array {
  const { levels, low, high, width } = intervalOf(functionName, quantization);
  const largest = floatBelow(high);
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const value = values[i]!;
    if (!(Number.isInteger(value) && value >= 0 && value < levels)) {
      throw new ValueError(
        `${functionName}: values must be integers in [0, ${levels}), got ${formatValue(value)} at ${i}.`,
      );
    }
    out[i] = Math.min(low + width * (value + noise[i]!), largest);
  }
  return out;
}

/** The largest float32 below a number. */
function floatBelow(value: number): number {
  const rounded = Math.fround(value);
  if (rounded < value) return rounded;
  const step = Math.max(2 ** -149, Math.abs(rounded) * 2 ** -24);
  return Math.fround(rounded - step) < rounded
    ? Math.fround(rounded - step)
    : Math.fround(rounded - 2 * step);
}

/**
 * Integers from continuous data: the cell that each value lies in; values outside the interval go to the nearest cell, NaN
 * to 0. As many elements; Uint8Array up to 256 levels, else Int32Array. For pictures of samples.
 */
export function quantize(values: ArrayLike<number>, quantization: Quantization): Uint8Array | Int32Array {
  const { levels, low, width } = intervalOf('quantize', quantization);
  const out = levels <= 256 ? new Uint8Array(values.length) : new Int32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.min(levels - 1, Math.max(0, Math.floor((values[i]! - low) / width)));
  }
  return out;
}

export interface BitsPerDimOptions extends Quantization {
  /** Entries of one example: 784 for MNIST, 3072 for CIFAR-10. */
  readonly dims: number;
}

/**
 * (-logLikelihood + dims * log(levels / (high - low))) / (dims * log 2): how many bits an entry of the integer data costs.
 *
 * @param logLikelihood mean log-density of an example in nats, of data on the declared interval.
 * @example
 * bitsPerDim(1980.5, { dims: 784, levels: 256 }); // 4.36: NICE on MNIST
 */
export function bitsPerDim(logLikelihood: number, { dims, ...quantization }: BitsPerDimOptions): number {
  return -integerLogLikelihood(logLikelihood, { dims, ...quantization }, 'bitsPerDim') / (dims * Math.LN2);
}

/**
 * The log-likelihood in nats of the same data left on [0, levels): what models over differently scaled data share.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function integerLogLikelihood(
  logLikelihood: number,
  { dims, ...quantization }: BitsPerDimOptions,
  functionName = 'integerLogLikelihood',
): number {
  checkInteger([functionName, 'dims'], dims, { min: 1 });
  return logLikelihood + dims * Math.log(intervalOf(functionName, quantization).width);
}
