/** The machine of tensors: one weighted sum a combine, on whatever backend is set. */
import * as tf from '@tensorflow/tfjs-core';
import { DTypeError, formatShape, ShapeError, sameShape } from '@tfkit/core';
import { linearCombination } from '@tfkit/core/tfjs';
import type { FloatArray, Machine } from '../engine/machine';
import type { Limit } from '../prediction';

export class TensorMachine implements Machine<tf.Tensor> {
  readonly shape: readonly number[];
  readonly #watches: boolean;
  #last: tf.Tensor | undefined;

  /** `watches`: reads one number back after each group of operations, to find a NaN where it arises. */
  constructor(shape: readonly number[], watches: boolean) {
    this.shape = shape;
    this.#watches = watches;
  }

  load(_register: number, values: ArrayLike<number> | tf.Tensor): tf.Tensor {
    if (values instanceof tf.Tensor) return tf.clone(values);
    return tf.tensor(Float32Array.from(values), [...this.shape], 'float32');
  }

  accept(_register: number, output: unknown, input: tf.Tensor, place: string): tf.Tensor {
    if (!(output instanceof tf.Tensor)) {
      throw new DTypeError(`sample: model must return a tensor, got ${typeof output} ${place}.`);
    }
    if (!sameShape(output.shape, this.shape)) {
      const message = `sample: model must return shape ${formatShape(this.shape)}, got ${formatShape(output.shape)} ${place}.`;
      if (output !== input) output.dispose();
      throw new ShapeError(message);
    }
    if (output === input) return tf.clone(output);
    if (output.dtype === 'float32') return output;
    const cast = tf.cast(output, 'float32');
    output.dispose();
    return cast;
  }

  combine(_register: number, coefficients: readonly number[], operands: readonly tf.Tensor[]): tf.Tensor {
    const result = operands.length
      ? linearCombination(coefficients, operands)
      : tf.zeros([...this.shape], 'float32');
    this.#last = result;
    return result;
  }

  limit(_register: number, operand: tf.Tensor, limit: Limit): tf.Tensor {
    if (limit.kind === 'clip') return tf.clipByValue(operand, -limit.range, limit.range);
    return tf.tidy(() => {
      const range = thresholds(operand, limit.ratio, limit.max);
      return tf.div(tf.maximum(tf.minimum(operand, range), tf.neg(range)), range);
    });
  }

  flush(): boolean | Promise<boolean> {
    const last = this.#last;
    this.#last = undefined;
    if (!this.#watches || !last || last.isDisposed) return true;
    const sum = tf.tidy(() => tf.sum(tf.mul(last, 0)));
    return sum.data().then((values) => {
      sum.dispose();
      return values[0] === 0;
    });
  }

  release(_register: number, value: tf.Tensor): void {
    value.dispose();
  }

  async read(value: tf.Tensor): Promise<FloatArray> {
    return Float32Array.from((await value.data()) as Float32Array);
  }

  copy(value: tf.Tensor): tf.Tensor {
    return tf.clone(value);
  }

  close(): void {}
}

/** Per item the quantile of |x|, clamped to [1, max], broadcastable to x. Only the largest values are sorted. */
function thresholds(x: tf.Tensor, ratio: number, max: number): tf.Tensor {
  const items = x.shape[0] ?? 1;
  const flat = tf.reshape(tf.abs(x), [items, -1]) as tf.Tensor2D;
  const size = flat.shape[1];
  const at = ratio * (size - 1);
  const low = Math.floor(at);
  const { values } = tf.topk(flat, size - low);
  const lower = tf.slice(values, [0, size - low - 1], [items, 1]);
  const upper = low + 1 < size ? tf.slice(values, [0, size - low - 2], [items, 1]) : lower;
  const quantile = tf.add(tf.mul(lower, 1 - (at - low)), tf.mul(upper, at - low));
  const broadcast = [items, ...x.shape.slice(1).map(() => 1)];
  return tf.reshape(tf.clipByValue(quantile, 1, max), broadcast);
}
