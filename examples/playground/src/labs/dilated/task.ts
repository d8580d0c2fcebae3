/** What a stack of dilated convolutions reads: by formula, and measured on the backend. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Coverage,
  coverage,
  coversExactly,
  dilatedConv2d,
  type HdcVerdict,
  hdcRule,
  hitsMap,
  hitsMap2d,
  receptiveField,
  type SuggestedRates,
  suggestRates,
} from '@tfkit/dilated-conv';
import type { TaskContext } from '../../worker/protocol';

export interface DilatedInput {
  readonly rates: readonly number[];
  readonly kernelSize: number;
}

export interface DilatedResult {
  readonly receptiveField: number;
  readonly coverage: Coverage;
  readonly coversExactly: boolean;
  readonly hdc: HdcVerdict;
  /** Paths from each input position to one output, along an axis and in the plane [size, size]. */
  readonly line: Float64Array;
  readonly map: Float64Array;
  /** Largest difference of the measured map, relative to its largest count; undefined where it was too wide to measure. */
  readonly measuredError: number | undefined;
  readonly suggestion: SuggestedRates;
}

/** Wider maps take a software renderer too long. */
const widestMeasured = 160;

export async function runDilated(
  { rates, kernelSize }: DilatedInput,
  { progress }: TaskContext<never>,
): Promise<DilatedResult> {
  await progress(0.1, 'counting paths');
  const { size } = receptiveField(rates.map((dilationRate) => ({ kernelSize, dilationRate })));
  const { data: map } = hitsMap2d(rates, kernelSize);
  await progress(0.3, 'measuring on the backend');
  return {
    receptiveField: size,
    coverage: coverage(rates, kernelSize),
    coversExactly: coversExactly(rates, kernelSize),
    hdc: hdcRule(rates, kernelSize),
    line: hitsMap(rates, kernelSize),
    map,
    measuredError:
      size <= widestMeasured ? await compare(await measure(rates, kernelSize, size), map) : undefined,
    suggestion: suggestRates(size, { kernelSize }),
  };
}

/** The gradient of one output with respect to the input, all weights being 1, counts the paths. */
async function measure(
  rates: readonly number[],
  kernelSize: number,
  size: number,
): Promise<ArrayLike<number>> {
  const gradient = tf.tidy(() => {
    const filter = tf.ones([kernelSize, kernelSize, 1, 1]) as tf.Tensor4D;
    const stack = (x: tf.Tensor) =>
      rates.reduce((y, dilationRate) => dilatedConv2d(y, filter, { dilationRate }), x as tf.Tensor4D);
    return tf.grad((x) => tf.sum(stack(x)))(tf.zeros([1, size, size, 1]));
  });
  const values = await gradient.data();
  gradient.dispose();
  return values;
}

function compare(measured: ArrayLike<number>, counted: Float64Array): number {
  const most = counted.reduce((a, b) => Math.max(a, b), 0);
  return counted.reduce((worst, count, i) => Math.max(worst, Math.abs(measured[i]! - count) / most), 0);
}
