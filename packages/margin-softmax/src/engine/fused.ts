/** The fused op: both halves of the loss with one hand-written gradient, for the tape. */
import * as tf from '@tensorflow/tfjs-core';
import type { Margin, RowParameters } from '../margins/margin';
import type { OthersInputs, OthersPlan } from './chunk';
import { type ClassRows, rowBuffer, rowsOfTensor } from './classRows';
import { backwardOthers, forwardOthers, type OthersResult } from './others';
import { ProductStore, productStore } from './productStore';
import { backwardTarget, forwardTarget, type TargetInputs } from './target';

export interface FusedInputs {
  /** [batch, features]: what products take, and x / |x|; one tensor where the method normalises embeddings. */
  readonly x: tf.Tensor2D;
  readonly unit: tf.Tensor2D;
  readonly weights: tf.Tensor2D;
  readonly scale: tf.Tensor;
  /** int32 [batch]. */
  readonly labels: tf.Tensor1D;
  /** int32 [batch], in [0, rows): the row of each sample's class. */
  readonly targetRows: tf.Tensor1D;
  readonly bias?: tf.Tensor;
  readonly margins?: tf.Tensor1D;
  /** [2, batch]. */
  readonly parameters?: tf.Tensor;
}

/**
 * [3, batch]: the other classes' log-sum-exp (or sum of softplus), the sum of their logits (0 unless wanted), the true
 * class's adjusted cosine. Differentiable once by x, unit, weights, scale, bias and margins.
 */
export function fusedLogits(inputs: FusedInputs, margin: Margin, plan: OthersPlan): tf.Tensor2D {
  const names = (Object.keys(inputs) as (keyof FusedInputs)[]).filter((name) => inputs[name]);
  const isTaped = tf.engine().isTapeOn();
  // Nested tapes may ask for the gradient twice, but the first has taken the products' memory.
  let isSpent = false;
  const op = tf.customGrad((...args) => {
    const save = args[names.length] as unknown as tf.GradSaveFunc;
    const classes = rowsOfTensor(inputs.weights);
    const store = isTaped ? productStore(inputs.x.shape[0], inputs.weights.shape) : undefined;
    const { value, sum, inverseNorms } = forwardOthers(othersInputs(inputs, classes), plan, store);
    const target = forwardTarget(targetInputs(inputs, classes), margin);
    const output = tf.stack([value, sum ?? tf.zerosLike(value), target]) as tf.Tensor2D;
    const forBackward = [inverseNorms, store?.matrix].filter((tensor) => tensor !== undefined);
    save([...names.map((name) => inputs[name]!), output, ...forBackward]);
    return {
      value: output,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const kept = Object.fromEntries(names.map((name, i) => [name, saved[i]!])) as unknown as FusedInputs;
        const [value, sum] = tf.unstack(saved[names.length]!) as [tf.Tensor1D, tf.Tensor1D];
        const rest = saved.slice(names.length + 1);
        const inverseNorms = plan.normalizeWeights ? (rest.shift() as tf.Tensor2D) : undefined;
        const matrix = isSpent ? undefined : (rest[0] as tf.Tensor2D | undefined);
        isSpent = true;
        const result = { value, sum, inverseNorms };
        const gradients = fusedGradient(kept, margin, plan, result, dy as tf.Tensor2D, matrix);
        return names.map((name) => gradients[name] ?? tf.zerosLike(kept[name]!));
      },
    };
  });
  return op(...names.map((name) => inputs[name]!)) as tf.Tensor2D;
}

function fusedGradient(
  inputs: FusedInputs,
  margin: Margin,
  plan: OthersPlan,
  result: OthersResult,
  dy: tf.Tensor2D,
  /** The memory for the centres' gradient, where the products wait. */
  matrix: tf.Tensor2D | undefined,
): { [K in keyof FusedInputs]?: tf.Tensor } {
  const { weights, targetRows } = inputs;
  const buffer = rowBuffer(weights.shape, matrix);
  const classes = rowsOfTensor(weights);
  const store = matrix && new ProductStore(matrix);
  try {
    const [dValue, dSum, dTarget] = tf.unstack(dy) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    const upstream = { value: dValue, sum: plan.withSum ? dSum : undefined };
    const others = backwardOthers(othersInputs(inputs, classes), plan, result, upstream, buffer.write, store);
    const target = backwardTarget(targetInputs(inputs, classes), margin, dTarget);
    return {
      x: tf.add(others.x, target.x),
      unit: target.unit,
      weights: buffer.finish(targetRows, target.rows),
      scale: others.scale,
      bias: others.bias,
      margins: target.margins,
    };
  } catch (error) {
    buffer.dispose();
    throw error;
  }
}

export const rowParameters = (parameters: tf.Tensor | undefined): RowParameters | undefined =>
  parameters && (tf.unstack(tf.reshape(parameters, [2, -1, 1])) as [tf.Tensor2D, tf.Tensor2D]);

export function othersInputs(
  { x, labels, scale, bias, parameters }: Omit<FusedInputs, 'weights'>,
  classes: ClassRows,
): OthersInputs {
  return { x, classes, labels, scale, bias, parameters: rowParameters(parameters) };
}

export function targetInputs(
  { x, unit, targetRows, margins }: Omit<FusedInputs, 'weights'>,
  classes: ClassRows,
): TargetInputs {
  return { x, unit, rows: classes.gather(targetRows), margins };
}
