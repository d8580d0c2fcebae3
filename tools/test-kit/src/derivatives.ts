/**
 * Gradients and Jacobians against finite differences. The reference is a plain float64 function, so that the step can
 * be small and the differences exact to about 1e-9; the op under test runs in float32 on the current backend.
 */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { compareAllclose } from './matchers';
import { seededUniform } from './values';

export interface ArrayInput {
  readonly shape: number[];
  readonly data: ArrayLike<number>;
}

/** The op's mathematics in float64: flat row-major inputs to the flat output. */
export type Reference = (...inputs: Float64Array[]) => ArrayLike<number>;

export interface GradientCheck {
  /** The op under test. */
  readonly op: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly reference: Reference;
  readonly inputs: readonly ArrayInput[];
  /** Relative to each gradient's largest magnitude. Default 1e-4. */
  readonly tolerance?: number;
  /** Which inputs to differentiate by. Default all. */
  readonly by?: readonly number[];
  /** Finite-difference step relative to max(1, |x|). Default 1e-5. */
  readonly step?: number;
}

/** Asserts that the op equals its reference, and its vector-Jacobian product the central differences of it. */
export async function expectGradient(check: GradientCheck): Promise<void> {
  const { op, reference, inputs, tolerance = 1e-4, step = 1e-5 } = check;
  const by = check.by ?? inputs.map((_, index) => index);
  const tensors = inputs.map(({ shape, data }) => tf.tensor(Float32Array.from(data), shape, 'float32'));
  // The reference starts from the float32 values that the op sees.
  const arrays = inputs.map(({ data }) => Float64Array.from(Float32Array.from(data)));
  const y = op(...tensors);
  const expected = reference(...arrays);
  expectRelativeToMax(await y.data(), expected, tolerance, 'value');

  const dyValues = Float32Array.from(seededUniform(4711, y.size));
  const dy = tf.tensor(dyValues, y.shape, 'float32');
  const gradients = tf.grads((...xs: tf.Tensor[]) => op(...xs))(tensors, dy);
  for (const index of by) {
    const numeric = numericalVjp(reference, arrays, Float64Array.from(dyValues), index, step);
    expect(gradients[index]?.shape).toEqual(inputs[index]?.shape);
    expectRelativeToMax(await gradients[index]!.data(), numeric, tolerance, `gradient of input ${index}`);
  }
  tf.dispose([tensors, y, dy, gradients]);
}

/** sum_j dy_j d y_j / d x_i for every element i of one input, by central differences in float64. */
export function numericalVjp(
  reference: Reference,
  inputs: readonly Float64Array[],
  dy: ArrayLike<number>,
  index: number,
  step = 1e-5,
): Float64Array {
  const project = (): number => {
    const y = reference(...inputs);
    let sum = 0;
    for (let j = 0; j < y.length; j++) sum += (y[j] as number) * (dy[j] as number);
    return sum;
  };
  const x = inputs[index] as Float64Array;
  return x.map((value, i) => {
    const h = step * Math.max(1, Math.abs(value));
    x[i] = value + h;
    const above = project();
    x[i] = value - h;
    const below = project();
    x[i] = value;
    return (above - below) / (2 * h);
  });
}

/** dy_j / dx_i as rows j, columns i, from reverse-mode gradients of the op on the current backend. */
export async function autodiffJacobian(
  op: (x: tf.Tensor) => tf.Tensor,
  x: tf.Tensor,
): Promise<Float64Array[]> {
  const y = op(x);
  const rows: Float64Array[] = [];
  for (let j = 0; j < y.size; j++) {
    const row = tf.tidy(() => {
      const seed = tf.tensor(
        Float32Array.from({ length: y.size }, (_, k) => (k === j ? 1 : 0)),
        y.shape,
      );
      return tf.grad(op)(x, seed);
    });
    rows.push(Float64Array.from(await row.data()));
    row.dispose();
  }
  y.dispose();
  return rows;
}

/** Asserts that the reverse-mode Jacobian equals the central differences of a float64 reference. */
export async function expectJacobian(
  op: (x: tf.Tensor) => tf.Tensor,
  reference: Reference,
  input: ArrayInput,
  tolerance = 1e-4,
): Promise<void> {
  const x = tf.tensor(Float32Array.from(input.data), input.shape, 'float32');
  const rows = await autodiffJacobian(op, x);
  const array = Float64Array.from(Float32Array.from(input.data));
  for (const [j, row] of rows.entries()) {
    const unit = Float64Array.from({ length: rows.length }, (_, k) => (k === j ? 1 : 0));
    expectRelativeToMax(
      row,
      numericalVjp(reference, [array], unit, 0),
      tolerance,
      `row ${j} of the Jacobian`,
    );
  }
  x.dispose();
}

function expectRelativeToMax(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  what: string,
) {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i] as number));
  const difference = compareAllclose(Float64Array.from(actual), Float64Array.from(expected), {
    rtol: 0,
    atol: relative * Math.max(largest, 1e-6),
  });
  expect(difference, what).toBeUndefined();
}
