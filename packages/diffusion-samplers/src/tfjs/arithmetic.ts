/** Arithmetic on tensors, for the loops of `./sde`, `./guidance` and `./training`. */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError } from '@tfkit/core';
import { linearCombination } from '@tfkit/core/tfjs';
import type { Arithmetic, Coefficient } from '../sde/arithmetic';

/**
 * Pass it as `on`: states, models and results are then float32 tensors of the current backend. Nothing is read back within a
 * step but the errors of an adaptive step, [batch].
 */
export const tensors: Arithmetic<tf.Tensor> = {
  from: (values, shape) => tf.tensor(Float32Array.from(values), [...shape], 'float32'),

  combine(coefficients, operands) {
    if (coefficients.every((c) => typeof c === 'number')) return linearCombination(coefficients, operands);
    return tf.tidy(() => {
      const terms = operands.map((x, k) => scaled(x, coefficients[k]!));
      return terms.length === 1 ? terms[0]! : tf.addN(terms);
    });
  },

  step(base, steps, weights, slopes) {
    const first = steps[0]!;
    if (Array.prototype.every.call(steps, (h) => h === first)) {
      return linearCombination([1, ...weights.map((weight) => first * weight)], [base, ...slopes]);
    }
    return tf.tidy(() => tf.add(base, scaled(linearCombination(weights, slopes), steps)));
  },

  async errors(steps, weights, slopes, { before, after, tolerance }) {
    const norms = tf.tidy(() => {
      const used = weights.flatMap((weight, k) => (weight === 0 ? [] : [k]));
      const delta = linearCombination(
        used.map((k) => weights[k]!),
        used.map((k) => slopes[k]!),
      );
      const largest = tf.maximum(tf.abs(before), tf.abs(after));
      const ratio = tf.div(delta, tf.add(tf.mul(largest, tolerance.rtol), tolerance.atol));
      return tf.sqrt(tf.mean(tf.square(tf.reshape(ratio, [steps.length, -1])), 1));
    });
    const values = await norms.data();
    norms.dispose();
    return Float64Array.from(values, (norm, item) => Math.abs(steps[item]!) * norm);
  },

  choose(flags, yes, no) {
    return tf.tidy(() => tf.where(tf.cast(perItem(flags, no), 'bool'), yes, no));
  },

  blend(mask, yes, no) {
    return tf.tidy(() => tf.add(no, tf.mul(mask, tf.sub(yes, no))));
  },

  matchDeviation(value, like, items, share) {
    return tf.tidy(() => {
      const ratio = tf.div(deviation(like, items), deviation(value, items));
      return tf.mul(value, tf.add(tf.mul(ratio, share), 1 - share));
    });
  },

  langevin(x, score, noise, { items, snr, norms }) {
    return tf.tidy(() => {
      const norm = (value: tf.Tensor) => {
        const each = tf.sqrt(tf.sum(tf.square(tf.reshape(value, [items, -1])), 1));
        const used = norms === 'batch' ? tf.mul(tf.onesLike(each), tf.mean(each)) : each;
        return tf.reshape(used, [items, ...x.shape.slice(1).map(() => 1)]);
      };
      const e = tf.mul(tf.square(tf.div(norm(noise), norm(score))), 2 * snr * snr);
      return tf.addN([x, tf.mul(e, score), tf.mul(tf.sqrt(tf.mul(e, 2)), noise)]);
    });
  },

  async quadratic(f, x, v, items) {
    let output: tf.Tensor | undefined;
    const value = tf.tidy(() => {
      const { value, grad } = tf.valueAndGrad((input: tf.Tensor) => {
        const result = f(input);
        if (!(result instanceof tf.Tensor)) {
          throw new OptionError('logLikelihood: model must return a tensor at once, got a promise.');
        }
        output = tf.keep(tf.clone(result));
        return tf.sum(tf.mul(result, v)) as tf.Scalar;
      })(x);
      value.dispose();
      return tf.sum(tf.reshape(tf.mul(grad, v), [items, -1]), 1);
    });
    return { output: output!, value };
  },

  read: async (value) => Float64Array.from(await value.data()),
  free: (...values) => tf.dispose(values as tf.Tensor[]),
};

/** [batch, 1, ...], to broadcast over x. */
const perItem = (values: ArrayLike<number>, x: tf.Tensor): tf.Tensor =>
  tf.tensor(Float32Array.from(values), [values.length, ...x.shape.slice(1).map(() => 1)], 'float32');

const scaled = (x: tf.Tensor, factor: Coefficient): tf.Tensor =>
  typeof factor === 'number' ? tf.mul(x, factor) : tf.mul(x, perItem(factor, x));

function deviation(x: tf.Tensor, items: number): tf.Tensor {
  const { variance } = tf.moments(tf.reshape(x, [items, -1]), 1);
  return tf.reshape(tf.sqrt(variance), [items, ...x.shape.slice(1).map(() => 1)]);
}
