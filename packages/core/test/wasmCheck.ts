/** A check of the wasm kernels that needs no test runner: pages, workers and bundles run it. */
import * as tf from '@tensorflow/tfjs-core';
import { moduleFor, type WasmBackend } from '../src/kernels/wasm/instance';
import { linearCombination } from '../src/tfjs';
import { type ConvCase, conv2d, convGradients } from './references';

/** Whether the module runs, and the largest difference of its results from float64. */
export async function checkKernels(): Promise<{ ours: boolean; worst: number }> {
  const c: ConvCase = { x: [1, 7, 6, 3], filter: [3, 3, 3, 10], stride: 1, dilation: 2, pad: 'same' };
  const wave = (length: number, step: number) => Float64Array.from({ length }, (_, i) => Math.sin(i * step));
  const [x, filter, dy] = [wave(126, 0.7), wave(270, 1.3), wave(420, 0.9)];
  const exact = convGradients(x, filter, dy, c);
  const input = tf.tensor4d(Float32Array.from(x), c.x);
  const weights = tf.tensor4d(Float32Array.from(filter), c.filter);
  const upstream = tf.tensor4d(Float32Array.from(dy), [1, 7, 6, 10]);
  const run = (a: tf.Tensor, b: tf.Tensor) =>
    tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same', 'NHWC', 2) as tf.Tensor;
  const [dx, dFilter] = tf.grads(run)([input, weights], upstream);
  const sum = linearCombination([2, -1], [input, input]);
  const pairs = [
    [await run(input, weights).data(), conv2d(x, filter, c)],
    [await dx!.data(), exact.x],
    [await dFilter!.data(), exact.filter],
    [await sum.data(), x],
  ] as const;
  let worst = 0;
  for (const [actual, expected] of pairs) {
    expected.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - actual[i]!));
    });
  }
  const module = moduleFor(tf.backend() as unknown as WasmBackend);
  return { ours: module !== undefined, worst };
}
