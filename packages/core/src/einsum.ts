/**
 * Einstein summation of one or two tensors as a single matrix product, and its gradient, which tfjs lacks.
 *
 * Equations are tfjs': no ellipsis, no index twice in one operand.
 */
import * as tf from '@tensorflow/tfjs-core';

interface Equation {
  readonly operands: readonly string[];
  readonly output: string;
}

function parse(equation: string): Equation {
  const [left = '', output = ''] = equation.replace(/\s/g, '').split('->');
  return { operands: left.split(','), output };
}

const filter = (indices: string, keep: (index: string) => boolean) => [...indices].filter(keep).join('');

/** einsum by transposes and one batched product: [batch, freeA, summed] x [batch, summed, freeB]. */
export function einsumByMatMul(equation: string, tensors: readonly tf.Tensor[]): tf.Tensor {
  const { operands, output } = parse(equation);
  const sizes = sizesOf(operands, tensors);
  if (tensors.length === 1) return arrange(tensors[0]!, operands[0]!, output);
  const [a, b] = operands as [string, string];
  const batch = filter(output, (index) => a.includes(index) && b.includes(index));
  const summed = filter(a, (index) => b.includes(index) && !output.includes(index));
  const freeA = filter(output, (index) => a.includes(index) && !b.includes(index));
  const freeB = filter(output, (index) => b.includes(index) && !a.includes(index));
  const size = (indices: string) => [...indices].reduce((product, index) => product * sizes.get(index)!, 1);
  const left = tf.reshape(arrange(tensors[0]!, a, batch + freeA + summed), [
    size(batch),
    size(freeA),
    size(summed),
  ]);
  const right = tf.reshape(arrange(tensors[1]!, b, batch + summed + freeB), [
    size(batch),
    size(summed),
    size(freeB),
  ]);
  const product = tf.reshape(
    tf.matMul(left, right),
    [...(batch + freeA + freeB)].map((index) => sizes.get(index)!),
  );
  return arrange(product, batch + freeA + freeB, output);
}

/** Sums x over the indices that `to` lacks and transposes the rest into its order. */
function arrange(x: tf.Tensor, from: string, to: string): tf.Tensor {
  const lost = [...from].flatMap((index, axis) => (to.includes(index) ? [] : [axis]));
  const kept = filter(from, (index) => to.includes(index));
  const y = lost.length > 0 ? tf.sum(x, lost) : x;
  const order = [...to].map((index) => kept.indexOf(index));
  return order.every((axis, position) => axis === position) ? y : tf.transpose(y, order);
}

function sizesOf(operands: readonly string[], tensors: readonly tf.Tensor[]): Map<string, number> {
  const sizes = new Map<string, number>();
  operands.forEach((indices, operand) => {
    [...indices].forEach((index, axis) => {
      const size = tensors[operand]!.shape[axis] as number;
      if ((sizes.get(index) ?? size) !== size) {
        throw new Error(`einsum: index '${index}' must have one size, got ${sizes.get(index)} and ${size}.`);
      }
      sizes.set(index, size);
    });
  });
  return sizes;
}

/** The gradient to each operand: einsum of dy with the other, spread over the indices that only this operand has. */
export const einsumGradient: tf.GradConfig = {
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const { operands, output } = parse((attrs as unknown as { equation: string }).equation);
    const gradient = (operand: number) => () => {
      const own = operands[operand]!;
      const others = operands.filter((_, index) => index !== operand);
      const reachable = filter(
        own,
        (index) => output.includes(index) || others.some((other) => other.includes(index)),
      );
      const partial = tf.einsum(
        `${[output, ...others].join(',')}->${reachable}`,
        dy as tf.Tensor,
        ...saved.filter((_, index) => index !== operand),
      );
      const shape = saved[operand]!.shape;
      const spread = [...own].map((index, axis) => (reachable.includes(index) ? shape[axis]! : 1));
      return tf.broadcastTo(tf.reshape(partial, spread), shape);
    };
    return Object.fromEntries(operands.map((_, operand) => [operand, gradient(operand)]));
  },
};
