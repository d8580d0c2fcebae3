/** An adaptive solver of ordinary differential equations on tensors, and a fixed-step one. */
import * as tf from '@tensorflow/tfjs-core';
import { linearCombination } from '@tfkit/core/tfjs';

/** The derivatives of the state's tensors at a time. */
export type Field = (time: number, state: readonly tf.Tensor[]) => tf.Tensor[];

export interface Tolerance {
  /** Error allowed a step, relative to the state. */
  readonly rtol: number;
  /** Error allowed beside that. */
  readonly atol: number;
  readonly maxSteps: number;
}

/** Nodes, stages, and the difference of the two orders. Source: Dormand, Prince, J. Comp. Appl. Math. 6, 1980, table 2, RK5(4)7M. */
const nodes = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const stages = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const errorWeights = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

/** As a share of the whole way; the first error corrects it. */
const firstStep = 0.05;

/** state + step * (sum of weights * derivatives); weights that are 0 cost nothing. */
function advance(
  state: readonly tf.Tensor[],
  derivatives: readonly tf.Tensor[][],
  weights: readonly number[],
  step: number,
): tf.Tensor[] {
  const used = weights.flatMap((weight, i) => (weight === 0 ? [] : [{ weight, slope: derivatives[i]! }]));
  return state.map((tensor, part) =>
    linearCombination(
      [1, ...used.map(({ weight }) => step * weight)],
      [tensor, ...used.map(({ slope }) => slope[part]!)],
    ),
  );
}

/**
 * The state at `to` from that at `from` by Dormand and Prince's method of order 5(4), its step chosen so that the error of each is
 * within the tolerance. Differentiable: the gradient is that of the steps taken. Reads one number a step, synchronously.
 *
 * @throws Error if `maxSteps` do not reach `to`, or the derivative is not finite.
 */
export function dormandPrince(
  field: Field,
  initial: readonly tf.Tensor[],
  from: number,
  to: number,
  tolerance: Tolerance,
): tf.Tensor[] {
  const direction = Math.sign(to - from);
  let time = from;
  let state = [...initial];
  let first = field(time, state);
  let step = firstStep * (to - from);
  for (let count = 0; count < tolerance.maxSteps; count++) {
    const isLast = direction * (time + step - to) >= -1e-12 * Math.abs(to - from);
    if (isLast) step = to - time;
    const slopes = [first];
    let next = state;
    for (let stage = 1; stage < nodes.length; stage++) {
      next = advance(state, slopes, stages[stage]!, step);
      slopes.push(field(time + nodes[stage]! * step, next));
    }
    const error = errorNorm(state, next, slopes, step, tolerance);
    if (!Number.isFinite(error)) throw new Error('dormandPrince: the derivative is not finite.');
    if (error <= 1) {
      if (isLast) return next;
      time += step;
      state = next;
      first = slopes[slopes.length - 1]!;
    }
    step *= Math.min(5, Math.max(0.2, 0.9 * error ** -0.2));
  }
  throw new Error(
    `dormandPrince: ${tolerance.maxSteps} steps reached only time ${time} of ${to}. The field is stiff, or rtol and atol are too small for float32.`,
  );
}

/** The root mean square of what lies beyond the tolerance: at most 1 is within. */
function errorNorm(
  state: readonly tf.Tensor[],
  next: readonly tf.Tensor[],
  slopes: readonly tf.Tensor[][],
  step: number,
  { rtol, atol }: Tolerance,
): number {
  return untaped([...state, ...next, ...slopes.flat()], () => {
    const zero = state.map((tensor) => tf.zerosLike(tensor));
    const errors = advance(zero, slopes, errorWeights, step);
    const squares = errors.map((error, i) => {
      const size = tf.maximum(tf.abs(state[i]!), tf.abs(next[i]!));
      return tf.sum(tf.square(tf.div(error, tf.add(tf.mul(size, rtol), atol))));
    });
    const count = state.reduce((sum, { size }) => sum + size, 0);
    return tf.div(
      squares.reduce((sum, square) => tf.add(sum, square)),
      count,
    );
  });
}

/** The root of a scalar that is computed off the gradient's tape, read back. */
function untaped(inputs: readonly tf.Tensor[], compute: () => tf.Tensor): number {
  return tf.tidy(() => {
    const value = tf.customGrad(() => ({
      value: compute(),
      gradFunc: () => inputs.map((x) => tf.zerosLike(x)),
    }))(...inputs);
    return Math.sqrt(value.dataSync()[0]!);
  });
}

/** The classical method of order 4 with steps of equal length. */
export function rungeKutta4(
  field: Field,
  initial: readonly tf.Tensor[],
  from: number,
  to: number,
  steps: number,
): tf.Tensor[] {
  const step = (to - from) / steps;
  let state = [...initial];
  for (let i = 0; i < steps; i++) {
    const time = from + i * step;
    const k1 = field(time, state);
    const k2 = field(time + step / 2, advance(state, [k1], [1 / 2], step));
    const k3 = field(time + step / 2, advance(state, [k2], [1 / 2], step));
    const k4 = field(time + step, advance(state, [k3], [1], step));
    state = advance(state, [k1, k2, k3, k4], [1 / 6, 1 / 3, 1 / 3, 1 / 6], step);
  }
  return state;
}
