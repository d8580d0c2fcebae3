/**
 * The spline and its gradient as loops in float64, for backends whose memory is the host's. One pass over the numbers of
 * an element replaces some forty tensor ops forward and as many backward.
 */
import * as tf from '@tensorflow/tfjs-core';
import { numbersOf } from '../ops/hostKernels';
import { type RawNumbers, SplineRow } from './hostSplineRow';
import { type SplineSpec, splineOutputs } from './spec';

interface Call {
  readonly x: tf.Tensor;
  readonly raw: tf.Tensor;
}

/** (x [rows, n], raw [rows, outputs * n]) to [2, rows, n]: the value, and log|dz/dx|. */
export function hostSpline({ x, raw }: Call, spec: SplineSpec): tf.Tensor {
  const [rows, n] = x.shape as [number, number];
  const [points, numbers] = [numbersOf(x), rawNumbers(raw)];
  const out = new Float32Array(2 * rows * n);
  const row = new SplineRow(spec, n);
  const width = splineOutputs(spec) * n;
  for (let at = 0; at < rows; at++) {
    row.evaluate(points, at * n, numbers, at * width);
    out.set(row.value, at * n);
    out.set(row.logSlope, (rows + at) * n);
  }
  return tf.tensor(out, [2, rows, n]);
}

/** The vector-Jacobian product of `hostSpline` for dy [2, rows, n]: those to x [rows, n] and to raw [rows, outputs * n]. */
export function hostSplineGradient(
  { x, raw, dy }: Call & { readonly dy: tf.Tensor },
  spec: SplineSpec,
): tf.Tensor[] {
  const [rows, n] = x.shape as [number, number];
  const [points, numbers, upstream] = [numbersOf(x), rawNumbers(raw), numbersOf(dy)];
  const width = splineOutputs(spec) * n;
  const [toX, toRaw] = [new Float32Array(rows * n), new Float32Array(rows * width)];
  const row = new SplineRow(spec, n);
  for (let at = 0; at < rows; at++) {
    row.evaluate(points, at * n, numbers, at * width);
    for (let i = 0; i < n; i++) {
      const from = at * n + i;
      toX[from] = row.gradient(i, upstream[from]!, upstream[rows * n + from]!, toRaw, at * width + i);
    }
  }
  return [tf.tensor(toX, [rows, n]), tf.tensor(toRaw, [rows, width])];
}

function rawNumbers(raw: tf.Tensor): RawNumbers {
  let numbers: Float32Array | undefined;
  return {
    powers: tf.getBackend() === 'tensorflow' ? exponentials(raw) : undefined,
    raw: () => (numbers ??= numbersOf(raw)),
  };
}

/** By TensorFlow, which computes several at once on several threads. (A tidy that gave the array would look into each number.) */
function exponentials(raw: tf.Tensor): Float32Array {
  const powers = tf.exp(raw);
  const numbers = numbersOf(powers);
  powers.dispose();
  return numbers;
}
