/** Weighted sums of tensors in one pass. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType } from '../checks';
import { OptionError, ShapeError } from '../errors';
import { defineOp } from '../op';
import { formatShape, sameShape } from '../shape';

type Attributes = { readonly coefficients: readonly number[] };
type Inputs = Record<string, tf.Tensor>;

/** As a composition: one `addN` of products, which is TensorFlow's fastest form too. */
export function composedLinearCombination(inputs: Inputs, { coefficients }: Attributes): tf.Tensor {
  const terms = Object.values(inputs).map((tensor, i) =>
    coefficients[i] === 1 ? tensor : tf.mul(tensor, coefficients[i]!),
  );
  return terms.length === 1 ? tf.clone(terms[0]!) : tf.addN(terms);
}

const combine = defineOp<Inputs, Attributes>({
  name: 'TfkitLinearCombination',
  forward: composedLinearCombination,
  gradient: (dy, { inputs }, { coefficients }) =>
    Object.fromEntries(Object.keys(inputs).map((key, i) => [key, () => tf.mul(dy, coefficients[i]!)])),
});

/**
 * coefficients[0] * tensors[0] + coefficients[1] * tensors[1] + ... in float32, in one pass over memory where the
 * backend has a kernel for it (wasm, cpu, webgpu), else as sums of products.
 *
 * @param coefficients one finite number each tensor; not differentiated.
 * @param tensors float32, all of one shape; at least one.
 * @returns float32 of that shape. The caller disposes it. A NaN or an infinity of an input passes through, also where
 * its coefficient is 0 (0 * NaN is NaN).
 * @throws OptionError if the numbers of coefficients and tensors differ, or there are none; ShapeError if shapes differ;
 * DTypeError if a tensor holds no numbers.
 *
 * @example
 * // One step of an Euler solver.
 * const next = linearCombination([1, sigmaNext - sigma], [x, derivative]);
 */
export function linearCombination<T extends tf.Tensor>(
  coefficients: readonly number[],
  tensors: readonly T[],
): T {
  const [first] = tensors;
  if (!first || coefficients.length !== tensors.length) {
    throw new OptionError(
      `linearCombination: coefficients must be as many as the tensors, at least one, got ${coefficients.length} for ${tensors.length}.`,
    );
  }
  for (const [i, tensor] of tensors.entries()) {
    checkDType(['linearCombination', `tensors[${i}]`], tensor, ['float32', 'int32', 'bool']);
    if (!sameShape(tensor.shape, first.shape)) {
      throw new ShapeError(
        `linearCombination: tensors[${i}] must have the shape of the first ${formatShape(first.shape)}, got ${formatShape(tensor.shape)}.`,
      );
    }
  }
  if (tensors.every(({ dtype }) => dtype === 'float32')) return combineAll(coefficients, tensors) as T;
  return tf.tidy(() =>
    combineAll(
      coefficients,
      tensors.map((tensor) => tf.cast(tensor, 'float32')),
    ),
  ) as T;
}

/** Keys in an order that no engine rearranges, as it would plain integers. */
function combineAll(coefficients: readonly number[], tensors: readonly tf.Tensor[]): tf.Tensor {
  const inputs = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
  return combine(inputs, { coefficients: [...coefficients] });
}
