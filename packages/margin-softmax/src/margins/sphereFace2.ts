import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOneOf } from '@tfkit/core';
import { additiveAngle } from './additiveAngle';
import { checkCommon } from './checks';
import { scaledAngle } from './combined';
import { type Angle, common, type GradientRule, type Margin, type TargetValue } from './margin';

export interface SphereFace2Options {
  /** Where the margin sits: 'C' on the cosine, 'A' added to the angle, 'M' multiplying it. Default 'C'. */
  readonly form?: 'C' | 'A' | 'M';
  /** 'C': in [0, 1], default 0.4. 'A': radians in [0, pi/2], default 0.5. 'M': factor in [1, 5], default 1.7. */
  readonly margin?: number;
  /** r. Default 30. */
  readonly scale?: number;
  /** t of G(u) = 2 ((u + 1) / 2)^t - 1, at least 1. Default 3. */
  readonly t?: number;
  /** lambda, the weight of the true class, in (0, 1). Default 0.7. */
  readonly balance?: number;
  /** Applies to all classes. Default 'exact'; the authors train with 'detached'. */
  readonly gradient?: GradientRule;
}

const defaultMargin = { C: 0.4, A: 0.5, M: 1.7 } as const;

/**
 * SphereFace2: a logistic loss for each class instead of one softmax,
 * lambda/r softplus(-z_y) + (1 - lambda)/r sum_j softplus(z_j), with z = r G(...) + b: no competition between classes, and
 * a class-parallel head needs no reduction of maxima. Give b to `marginLoss` as a scalar `options.bias`, starting from
 * `sphereFace2Bias`.
 *
 * @throws OptionError if an option is out of its range.
 * Source: Wen et al., SphereFace2, ICLR 2022, eq. 5-9 (arXiv:2108.01513).
 */
export function sphereFace2(options: SphereFace2Options = {}): Margin {
  const name = 'sphereFace2';
  checkCommon(name, options, ['form', 'margin', 't', 'balance', 'gradient']);
  const { form = 'C', scale = 30, t = 3, balance = 0.7, gradient = 'exact' } = options;
  checkOneOf([name, 'form'], form, ['C', 'A', 'M'] as const);
  const { margin = defaultMargin[form] } = options;
  const domain = { C: { min: 0, max: 1 }, A: { min: 0, max: Math.PI / 2 }, M: { min: 1, max: 5 } }[form];
  checkNumber([name, 'margin'], margin, domain);
  checkNumber([name, 't'], t, { min: 1 });
  checkNumber([name, 'balance'], balance, { min: 0, max: 1, open: 'both' });
  const shift = form === 'C' ? margin : 0;
  return {
    ...common,
    name,
    scale,
    gradient,
    loss: 'binary',
    balance,
    target: (angle) => {
      const { value: cosine, slope } = adjusted(angle, form, margin);
      const value = tf.sub(adjustment(cosine, t), shift) as tf.Tensor1D;
      return { value, slope: tf.mul(slope, adjustmentSlope(cosine, t)) as tf.Tensor1D };
    },
    others: {
      bound: 1 + shift,
      value: (cos) => tf.add(adjustment(cos, t), shift) as tf.Tensor2D,
      slope: (cos) => adjustmentSlope(cos, t) as tf.Tensor2D,
    },
  };
}

function adjusted(angle: Angle, form: 'C' | 'A' | 'M', margin: number): TargetValue {
  const { cos, sin } = angle;
  if (form === 'C') return { value: cos, slope: tf.neg(sin) as tf.Tensor1D };
  if (form === 'M') return heldMultiple(angle, margin);
  // cos(min(pi, theta + m)).
  const { value, slope } = additiveAngle(angle, margin, 'none');
  const holds = tf.greaterEqual(cos, -Math.cos(margin));
  return held(holds, { value, slope });
}

/** cos(min(pi, m theta)). */
export function heldMultiple(angle: Angle, m: number): TargetValue {
  return held(tf.lessEqual(angle.theta(), Math.PI / m), scaledAngle(angle, m));
}

const held = (holds: tf.Tensor, { value, slope }: TargetValue): TargetValue => ({
  value: tf.where(holds, value, tf.fill(value.shape, -1)) as tf.Tensor1D,
  slope: tf.where(holds, slope, tf.zerosLike(slope)) as tf.Tensor1D,
});

/** (u + 1) / 2, which rounding may push below 0. */
const half = (u: tf.Tensor) => tf.relu(tf.mul(tf.add(u, 1), 0.5));

/** G(u) = 2 ((u + 1) / 2)^t - 1. */
const adjustment = (u: tf.Tensor, t: number) => tf.sub(tf.mul(power(half(u), t), 2), 1);

/** G'(u) = t ((u + 1) / 2)^(t - 1). */
const adjustmentSlope = (u: tf.Tensor, t: number) => tf.mul(power(half(u), t - 1), t);

/** x^t; by products for whole t, where the GPU's pow is coarse. */
function power(x: tf.Tensor, t: number): tf.Tensor {
  if (!Number.isInteger(t) || t > 8) return tf.pow(x, t);
  let result: tf.Tensor = tf.onesLike(x);
  for (let i = 0; i < t; i++) result = i === 0 ? x : tf.mul(result, x);
  return result;
}

/**
 * The bias at which the loss starts in balance: its gradient by the bias is 0 when all angles are pi/2.
 *
 * @param options those of `sphereFace2`, and numClasses, at least 2.
 * @throws OptionError if an option is out of its range.
 * Source: Wen et al., SphereFace2, ICLR 2022, appendix.
 */
export function sphereFace2Bias(options: SphereFace2Options & { readonly numClasses: number }): number {
  const { numClasses, ...rest } = options;
  checkInteger(['sphereFace2Bias', 'numClasses'], numClasses, { min: 2 });
  const { form = 'C', scale = 30, t = 3, balance = 0.7, margin = defaultMargin[rest.form ?? 'C'] } = rest;
  sphereFace2(rest);
  const g = (u: number) => 2 * Math.max(0, (u + 1) / 2) ** t - 1;
  const right = Math.PI / 2;
  const target = {
    C: g(Math.cos(right)) - margin,
    A: g(Math.cos(Math.min(Math.PI, right + margin))),
    M: g(Math.cos(Math.min(Math.PI, right * margin))),
  }[form];
  const [aY, aN] = [scale * target, scale * (g(Math.cos(right)) + (form === 'C' ? margin : 0))];
  const q = balance / ((1 - balance) * (numClasses - 1));
  return Math.log(2 * q) - aN - Math.log(1 - q + Math.sqrt((1 - q) ** 2 + 4 * q * Math.exp(aY - aN)));
}
