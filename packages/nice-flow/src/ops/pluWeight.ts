/** The matrix of a 1x1 convolution from its factors: W = P (L + I) (U + diag(sign * exp(logScale))). */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from '@tfkit/core/tfjs';
import { strictTriangle } from '../linearAlgebra';
import { hostKernels, isDifferentiatedAgain, numbersOf } from './hostKernels';

export type PluFactors = {
  permutation: tf.Tensor;
  sign: tf.Tensor;
  lower: tf.Tensor;
  upper: tf.Tensor;
  logScale: tf.Tensor;
};

/** L + I and U + diag(sign * exp(logScale)). */
export function triangles({ sign, lower, upper, logScale }: Omit<PluFactors, 'permutation'>) {
  const identity = tf.eye(logScale.shape[0]!);
  return {
    lower: tf.add(strictTriangle(lower, 'lower'), identity),
    upper: tf.add(strictTriangle(upper, 'upper'), tf.mul(identity, tf.mul(sign, tf.exp(logScale)))),
  };
}

/** Channels up to which plain loops are faster than TensorFlow's products and what goes with them. */
const smallMatrix = 48 ** 2;

const gradientOp = /* @__PURE__ */ defineOp<PluFactors & { dy: tf.Tensor }>({
  name: 'NiceFlowPluWeightGradient',
  forward: (inputs) => composedGradient(inputs),
  kernels: /* @__PURE__ */ hostKernels(hostGradient, smallMatrix),
  gradient: () => ({}),
});

/** W [c, c] of factors [c, c] and [c]. Gradients to `lower`, `upper` and `logScale`, differentiable twice. */
export const pluWeight = /* @__PURE__ */ defineOp<PluFactors>({
  name: 'NiceFlowPluWeight',
  forward(factors) {
    const { lower, upper } = triangles(factors);
    return tf.matMul(factors.permutation, tf.matMul(lower, upper));
  },
  kernels: /* @__PURE__ */ hostKernels(host, smallMatrix),
  gradient(dy, { inputs }) {
    const all = { ...inputs, dy };
    const [lower, upper, logScale] = isDifferentiatedAgain()
      ? composedGradient(all)
      : gradientOp.all(all, {});
    return {
      lower: () => tf.clone(lower),
      upper: () => tf.clone(upper!),
      logScale: () => tf.clone(logScale!),
      permutation: () => tf.zerosLike(inputs.permutation),
      sign: () => tf.zerosLike(inputs.sign),
    };
  },
});

/** With G = P' dW: dL is the strictly lower triangle of G U', and dU, ds are those of L' G. */
function composedGradient({
  dy,
  permutation,
  ...factors
}: PluFactors & { dy: tf.Tensor }): [tf.Tensor, ...tf.Tensor[]] {
  const { lower, upper } = triangles(factors);
  const inner = tf.matMul(permutation, dy, true, false);
  const onUpper = tf.matMul(lower, inner, true, false);
  const diagonal = tf.sum(tf.mul(onUpper, tf.eye(factors.logScale.shape[0]!)), 1);
  return [
    strictTriangle(tf.matMul(inner, upper, false, true), 'lower'),
    strictTriangle(onUpper, 'upper'),
    tf.mul(diagonal, tf.mul(factors.sign, tf.exp(factors.logScale))),
  ];
}

/** A permutation matrix as indices, row i of P M being row rows[i] of M; undefined if it is none. */
function rowsOf(permutation: Float32Array, size: number): number[] | undefined {
  const rows = Array.from({ length: size }, (_, row) => {
    const own = permutation.subarray(row * size, (row + 1) * size);
    return own.every((value, i) => value === 0 || (value === 1 && i === own.indexOf(1)))
      ? own.indexOf(1)
      : -1;
  });
  return rows.includes(-1) ? undefined : rows;
}

function host({ permutation, sign, lower, upper, logScale }: PluFactors): tf.Tensor | undefined {
  const [l, u, signs, scales] = [lower, upper, sign, logScale].map(numbersOf) as Float32Array[] as [
    ...[Float32Array, Float32Array, Float32Array, Float32Array],
  ];
  const size = signs.length;
  const rows = rowsOf(numbersOf(permutation), size);
  if (!rows) return undefined;
  const weight = new Float32Array(size * size);
  const sums = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const row = rows[i]! * size;
    sums.fill(0);
    for (let k = 0; k * size <= row; k++) {
      const factor = k * size === row ? 1 : l[row + k]!;
      sums[k]! += factor * signs[k]! * Math.exp(scales[k]!);
      for (let j = k + 1; j < size; j++) sums[j]! += factor * u[k * size + j]!;
    }
    weight.set(sums, i * size);
  }
  return tf.tensor2d(weight, [size, size]);
}

function hostGradient({
  permutation,
  sign,
  lower,
  upper,
  logScale,
  dy,
}: PluFactors & { dy: tf.Tensor }): tf.Tensor[] | undefined {
  const [l, u, signs, scales, upstream] = [lower, upper, sign, logScale, dy].map(
    numbersOf,
  ) as Float32Array[] as [...[Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]];
  const size = signs.length;
  const rows = rowsOf(numbersOf(permutation), size);
  if (!rows) return undefined;
  const diagonal = Float64Array.from(scales, (scale, k) => signs[k]! * Math.exp(scale));
  const [toLower, toUpper] = [new Float32Array(size * size), new Float64Array(size * size)];
  const toDiagonal = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const row = rows[i]!;
    const g = upstream.subarray(i * size, (i + 1) * size);
    for (let k = 0; k <= row; k++) {
      const factor = k === row ? 1 : l[row * size + k]!;
      let sum = g[k]! * diagonal[k]!;
      for (let j = k + 1; j < size; j++) {
        sum += g[j]! * u[k * size + j]!;
        toUpper[k * size + j]! += factor * g[j]!;
      }
      toDiagonal[k]! += factor * g[k]!;
      if (k < row) toLower[row * size + k] = sum;
    }
  }
  return [
    tf.tensor2d(toLower, [size, size]),
    tf.tensor2d(Float32Array.from(toUpper), [size, size]),
    tf.tensor1d(Float32Array.from(toDiagonal, (value, k) => value * diagonal[k]!)),
  ];
}
