/** cos(theta + m) through the sine and cosine of theta, and what happens beyond theta + m = pi. */
import * as tf from '@tensorflow/tfjs-core';
import type { Angle, TargetValue } from './margin';
import { cosine, sine } from './trigonometry';

/**
 * The adjusted cosine where theta + m passes pi, from where cos(theta + m) would rise again:
 * - 'none': it does rise (insightface's PyTorch code, the paper's formula as it stands).
 * - 'fallback': cos(theta) - m sin(m) (the original MXNet code, pytorch-metric-learning); jumps at theta = pi - m.
 * - 'easy': the margin holds only for cos(theta) > 0, elsewhere plain cos(theta); jumps there.
 * - 'reflect': -2 - cos(theta + m): continuous and falling (Keras_insightface).
 */
export type PastPi = 'none' | 'fallback' | 'easy' | 'reflect';

export const pastPiRules: readonly PastPi[] = ['none', 'fallback', 'easy', 'reflect'];

/** cos(theta + m), by a rule past pi. `margin` is one number, or [batch]. */
export function additiveAngle(
  angle: Angle,
  margin: number | tf.Tensor1D,
  pastPi: PastPi,
): Required<TargetValue> {
  const { cos, sin } = angle;
  const cosM = typeof margin === 'number' ? tf.scalar(Math.cos(margin)) : cosine(margin);
  const sinM = typeof margin === 'number' ? tf.scalar(Math.sin(margin)) : sine(margin);
  const value = tf.sub(tf.mul(cos, cosM), tf.mul(sin, sinM)) as tf.Tensor1D;
  const slope = tf.neg(tf.add(tf.mul(sin, cosM), tf.mul(cos, sinM))) as tf.Tensor1D;
  if (pastPi === 'none') return { value, slope, marginSlope: slope };
  if (pastPi === 'easy') {
    const holds = tf.greater(cos, 0);
    return choose(holds, { value, slope, marginSlope: slope }, plain(angle));
  }
  // theta + m <= pi, without an arccos; always so for m <= 0.
  const holds = tf.logicalOr(tf.greaterEqual(cos, tf.neg(cosM)), tf.lessEqual(sinM, 0));
  const inside = { value, slope, marginSlope: slope };
  if (pastPi === 'reflect') {
    const rising = tf.neg(slope) as tf.Tensor1D;
    return choose(holds, inside, {
      value: tf.sub(-2, value) as tf.Tensor1D,
      slope: rising,
      marginSlope: rising,
    });
  }
  const m = typeof margin === 'number' ? tf.scalar(margin) : margin;
  return choose(holds, inside, {
    value: tf.sub(cos, tf.mul(m, sinM)) as tf.Tensor1D,
    slope: tf.neg(sin) as tf.Tensor1D,
    marginSlope: tf.neg(tf.add(sinM, tf.mul(m, cosM))) as tf.Tensor1D,
  });
}

/** The cosine as it is. */
export function plain({ cos, sin }: Angle): Required<TargetValue> {
  return { value: cos, slope: tf.neg(sin) as tf.Tensor1D, marginSlope: tf.zerosLike(cos) };
}

function choose(
  condition: tf.Tensor,
  a: Required<TargetValue>,
  b: Required<TargetValue>,
): Required<TargetValue> {
  const where = (x: tf.Tensor1D, y: tf.Tensor) =>
    tf.where(condition, x, tf.broadcastTo(y, x.shape)) as tf.Tensor1D;
  return {
    value: where(a.value, b.value),
    slope: where(a.slope, b.slope),
    marginSlope: where(a.marginSlope, b.marginSlope),
  };
}
