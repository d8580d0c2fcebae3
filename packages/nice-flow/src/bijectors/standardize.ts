/** Data of any location and scale, brought to mean 0 and deviation 1. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, formatValue, ShapeError, sizeOf } from '@tfkit/core';
import { type Bijector, defineBijector, parameterOf } from '../bijector';

export interface Standardization {
  /** One number, or one for each entry of an example. */
  readonly mean: number | ArrayLike<number>;
  /** Positive, alike. */
  readonly deviation: number | ArrayLike<number>;
}

/** Added to a deviation that is measured: a constant entry then gives a finite scale. */
const deviationFloor = 1e-6;

/**
 * z = (x - mean) / deviation for each entry, not trained. Without numbers of yours they are those of the batch that the flow is
 * initialized with (`fit` does, with its first batch; `flow.initialize(x)` with any number of examples).
 *
 * Parameters: 'mean', 'logDeviation', of the shape of an example.
 * @throws OptionError for a deviation that is not positive; ShapeError, when used, if the numbers do not fit the shape.
 */
export function standardize(given?: Standardization): Bijector {
  const name = 'standardize';
  if (given)
    for (const value of listOf(given.deviation))
      checkNumber([name, 'deviation'], value, { min: 0, open: 'min' });
  const spread = (value: number | ArrayLike<number>, shape: readonly number[]): Float32Array => {
    const size = sizeOf(shape);
    if (typeof value === 'number') return new Float32Array(size).fill(value);
    if (value.length === size) return Float32Array.from(value);
    throw new ShapeError(
      `${name}: mean and deviation must be numbers or ${size} each, got ${formatValue(value.length)}.`,
    );
  };
  return defineBijector({
    name,
    init: (_, { shape }) => ({
      mean: { shape, data: spread(given?.mean ?? 0, shape), trainable: false },
      logDeviation: { shape, data: spread(given?.deviation ?? 1, shape).map(Math.log), trainable: false },
    }),
    forward(x, scope) {
      const updates = scope.mode === 'initialization' && !given ? statistics(x) : undefined;
      const mean = updates?.mean ?? parameterOf(name, scope, 'mean');
      const logDeviation = updates?.logDeviation ?? parameterOf(name, scope, 'logDeviation');
      return {
        z: tf.mul(tf.sub(x, mean), tf.exp(tf.neg(logDeviation))),
        logDet: tf.neg(tf.sum(logDeviation)),
        ...(updates && { updates }),
      };
    },
    inverse(z, scope) {
      const logDeviation = parameterOf(name, scope, 'logDeviation');
      return {
        x: tf.add(tf.mul(z, tf.exp(logDeviation)), parameterOf(name, scope, 'mean')),
        logDet: tf.sum(logDeviation),
      };
    },
  });
}

function statistics(x: tf.Tensor): { mean: tf.Tensor; logDeviation: tf.Tensor } {
  const { mean, variance } = tf.moments(x, 0);
  return { mean, logDeviation: tf.log(tf.add(tf.sqrt(variance), deviationFloor)) };
}

const listOf = (value: number | ArrayLike<number>): number[] =>
  typeof value === 'number' ? [value] : Array.from(value);
