/**
 * The true class: its adjusted cosine, and a gradient that is finite at every angle. With u the unit tangent at x^ towards
 * w^, d theta / d x^ = -u: no arccos, whose slope is infinite at 0 and pi, is differentiated. Where x^ = +-w^ no tangent
 * exists, and u is 0.
 */
import * as tf from '@tensorflow/tfjs-core';
import { safeNormalize } from '@tfkit/core/tfjs';
import type { Angle, Margin, TargetValue } from '../margins/margin';
import { firstQuadrantAngle } from '../margins/trigonometry';
import { unitRows } from './chunk';

export interface TargetInputs {
  /** [batch, features]: what the product takes (unit length if the method normalises embeddings). */
  readonly x: tf.Tensor2D;
  /** [batch, features]: x / |x|. */
  readonly unit: tf.Tensor2D;
  /** [batch, features]: the row of each sample's class. */
  readonly rows: tf.Tensor2D;
  readonly margins: tf.Tensor1D | undefined;
}

/**
 * The angle between unit vectors, from their difference and sum: its sine and cosine keep their digits near 0 and pi,
 * where 1 - cos^2 has none left. A zero vector is at right angles to all.
 */
export function angleBetween(a: tf.Tensor2D, b: tf.Tensor2D): Angle {
  const [minus, plus] = [squaredNorm(tf.sub(a, b)), squaredNorm(tf.add(a, b))];
  const whole = tf.add(minus, plus);
  return {
    cos: tf.div(tf.sub(plus, minus), whole) as tf.Tensor1D,
    sin: tf.div(tf.mul(2, tf.mul(tf.sqrt(minus), tf.sqrt(plus))), whole) as tf.Tensor1D,
    theta: () => tf.mul(2, firstQuadrantAngle(tf.sqrt(minus), tf.sqrt(plus))) as tf.Tensor1D,
  };
}

const squaredNorm = (x: tf.Tensor) => tf.sum(tf.square(x), 1);

/** [batch]: the adjusted cosine (times |w|, or the plain product where the method has no target transform). */
export function forwardTarget(inputs: TargetInputs, margin: Margin): tf.Tensor1D {
  return tf.tidy(() => {
    const { x, unit, rows, margins } = inputs;
    if (!margin.target) {
      const centres = margin.normalize === 'none' ? rows : unitRows(rows).centres;
      return tf.sum(tf.mul(x, centres), 1) as tf.Tensor1D;
    }
    const { centres } = unitRows(rows);
    const { value } = margin.target(angleBetween(unit, centres), margins);
    return margin.normalize === 'none'
      ? (tf.mul(value, tf.sum(tf.mul(rows, centres), 1)) as tf.Tensor1D)
      : value;
  });
}

export interface TargetGradient {
  readonly x: tf.Tensor2D;
  readonly unit: tf.Tensor2D;
  readonly rows: tf.Tensor2D;
  readonly margins: tf.Tensor1D | undefined;
}

/** The gradients for an upstream gradient [batch]. */
export function backwardTarget(
  { x, unit, rows, margins }: TargetInputs,
  margin: Margin,
  upstream: tf.Tensor1D,
): TargetGradient {
  return tf.tidy(() => {
    const column = (row: tf.Tensor) => tf.reshape(row, [x.shape[0], 1]);
    const dy = column(upstream);
    const { centres, inverse } = unitRows(rows);
    const plainNorms = margin.normalize === 'none';
    if (!margin.target) {
      const along = column(tf.sum(tf.mul(x, centres), 1));
      return {
        x: tf.mul(dy, plainNorms ? rows : centres),
        unit: tf.zerosLike(unit),
        rows: tf.mul(dy, plainNorms ? x : tf.mul(tf.sub(x, tf.mul(centres, along)), column(inverse))),
        margins: margins && tf.zerosLike(margins),
      };
    }
    const angle = angleBetween(unit, centres);
    const { value, slope, marginSlope } = ruled(margin.target(angle, margins), angle, margin);
    const norms = column(tf.sum(tf.mul(rows, centres), 1));
    const turn = tf.neg(tf.mul(dy, column(slope)));
    const turned = tf.mul(turn, tangent(centres, unit, angle));
    return {
      x: tf.zerosLike(x),
      unit: tf.mul(plainNorms ? tf.mul(turn, norms) : turn, tangent(unit, centres, angle)),
      rows: plainNorms
        ? tf.add(turned, tf.mul(tf.mul(dy, column(value)), centres))
        : tf.mul(turned, column(inverse)),
      margins: margins && (marginSlope ? tf.mul(upstream, marginSlope) : tf.zerosLike(margins)),
    };
  }) as unknown as TargetGradient;
}

/** The slopes under the method's gradient rule: without the margin the value's slope is that of the cosine. */
function ruled(value: TargetValue, angle: Angle, { gradient }: Margin): TargetValue {
  if (gradient === 'exact') return value;
  return { value: value.value, slope: tf.neg(angle.sin) as tf.Tensor1D };
}

/** The unit tangent at unit vectors `from` towards `to`: (to - cos from) / sin, from the difference or sum of the two. */
function tangent(from: tf.Tensor2D, to: tf.Tensor2D, { cos }: Angle): tf.Tensor2D {
  const [difference, sum] = [tf.sub(to, from), tf.add(to, from)];
  const half = (x: tf.Tensor) => tf.div(tf.sum(tf.square(x), 1, true), 2);
  const near = tf.add(difference, tf.mul(from, half(difference)));
  const far = tf.sub(sum, tf.mul(from, half(sum)));
  const isNear = tf.reshape(tf.greater(cos, 0), [cos.shape[0], 1]);
  return safeNormalize(tf.where(isNear, near, far) as tf.Tensor2D);
}
