/** From an interval to the whole line. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf, formatValue, OptionError, sizeOf } from '@tfkit/core';
import { logSigmoid } from '@tfkit/core/tfjs';
import { type Bijector, defineBijector } from '../bijector';
import { sumEvent } from '../shapes';

export interface LogitOptions {
  /** Distance that is kept from the ends, in (0, 0.5). Default 0.05. */
  readonly alpha?: number;
  /**
   * 'symmetric': v = alpha + (1 - 2 alpha) y, finite on the closed interval (Papamakarios et al. 2017). 'one-sided':
   * v = alpha + (1 - alpha) y, RealNVP's, infinite at the upper end. Default 'symmetric'.
   */
  readonly form?: 'symmetric' | 'one-sided';
  /** The interval of the data. Default [0, 1]. */
  readonly range?: readonly [low: number, high: number];
}

/**
 * z = log(v / (1 - v)), v a little inside (0, 1), y = (x - low) / (high - low); log-determinant sum(log(dv/dx) - log v -
 * log(1 - v)). x outside the interval by more than the margin gives NaN, which `fit` refuses beforehand.
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * Source: Dinh, Sohl-Dickstein, Bengio, RealNVP, 2017, section 4.1 (arXiv:1605.08803).
 */
export function logit({ alpha = 0.05, form = 'symmetric', range = [0, 1] }: LogitOptions = {}): Bijector {
  const name = 'logit';
  checkNumber([name, 'alpha'], alpha, { min: 0, max: 0.5, open: 'both' });
  checkOneOf([name, 'form'], form, ['symmetric', 'one-sided']);
  checkRange(name, range);
  const [low, high] = range;
  const slope = (form === 'symmetric' ? 1 - 2 * alpha : 1 - alpha) / (high - low);
  const constant = (shape: readonly number[]) => sizeOf(shape.slice(1)) * Math.log(slope);
  return defineBijector({
    name,
    forward(x) {
      const v = tf.add(tf.mul(tf.sub(x, low), slope), alpha);
      const [logV, logRest] = [tf.log(v), tf.log(tf.sub(1, v))];
      return {
        z: tf.sub(logV, logRest),
        logDet: tf.sub(constant(x.shape), sumEvent(tf.add(logV, logRest))),
      };
    },
    inverse(z) {
      const logs = tf.add(logSigmoid(z), logSigmoid(tf.neg(z)));
      return {
        x: tf.add(tf.div(tf.sub(tf.sigmoid(z), alpha), slope), low),
        logDet: tf.sub(sumEvent(logs), constant(z.shape)),
      };
    },
  });
}

export function checkRange(functionName: string, range: readonly [number, number]): void {
  const valid =
    Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[0]! < range[1]!;
  if (valid) return;
  throw new OptionError(
    `${functionName}: range must be two numbers [low, high] with low < high, got ${formatValue(range)}.`,
  );
}
