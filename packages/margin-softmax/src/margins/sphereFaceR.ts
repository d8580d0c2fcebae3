import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf } from '@tfkit/core';
import { checkCommon } from './checks';
import { common, type GradientRule, type Margin, type OthersTransform } from './margin';
import { realPsi } from './multipleAngle';
import { heldMultiple } from './sphereFace2';
import { cosine, firstQuadrantAngle, sine } from './trigonometry';

export interface SphereFaceROptions {
  /** 'v0': psi with real m. 'v1': cos(min(m theta, pi)). 'v2': the others get cos(theta_j / m). Default 'v1'. */
  readonly form?: 'v0' | 'v1' | 'v2';
  /** m, a factor of the angle, in [1, 5]. Default 1.5. */
  readonly margin?: number;
  /** s. Default 30. */
  readonly scale?: number;
  /** Applies to all classes. Default 'exact'; the authors train with 'detached'. */
  readonly gradient?: GradientRule;
}

/**
 * SphereFace-R: the multiplicative margin of SphereFace with hard feature normalisation and real m.
 *
 * @throws OptionError if an option is out of its range.
 * Source: Liu et al., SphereFace revived, TPAMI 2022, eq. 9-11 (arXiv:2109.05565).
 */
export function sphereFaceR(options: SphereFaceROptions = {}): Margin {
  const name = 'sphereFaceR';
  checkCommon(name, options, ['form', 'margin', 'gradient']);
  const { form = 'v1', margin = 1.5, scale = 30, gradient = 'exact' } = options;
  checkOneOf([name, 'form'], form, ['v0', 'v1', 'v2'] as const);
  checkNumber([name, 'margin'], margin, { min: 1, max: 5 });
  const shared = { ...common, name, scale, gradient };
  if (form === 'v2') return { ...shared, others: dividedAngle(margin) };
  return {
    ...shared,
    target: (angle) => (form === 'v0' ? realPsi(angle, margin) : heldMultiple(angle, margin)),
  };
}

/** cos(theta / m) of a cosine. Its slope sin(theta/m) / (m sin(theta)) is infinite at pi, and held one rounding step before. */
function dividedAngle(m: number): OthersTransform {
  const divided = (cos: tf.Tensor) => {
    const half = firstQuadrantAngle(tf.sqrt(atLeast(tf.sub(1, cos))), tf.sqrt(atLeast(tf.add(1, cos))));
    return tf.mul(half, 2 / m);
  };
  return {
    bound: 1,
    value: (cos) => cosine(divided(cos)) as tf.Tensor2D,
    slope: (cos) => {
      const sinTheta = tf.sqrt(tf.mul(atLeast(tf.sub(1, cos)), atLeast(tf.add(1, cos))));
      return tf.div(sine(divided(cos)), tf.mul(sinTheta, m)) as tf.Tensor2D;
    },
  };
}

/** Half a rounding step of 1 at least: cosines are rounded, and may pass 1. */
const atLeast = (x: tf.Tensor) => tf.maximum(x, 2 ** -24);
