import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOneOf } from '@tfkit/core';
import { additiveAngle } from './additiveAngle';
import { checkCommon, checkMargin } from './checks';
import { type Angle, common, type GradientRule, type Margin, type TargetValue } from './margin';
import { cosine, sine } from './trigonometry';

export interface CombinedOptions {
  /** Multiplies the angle, in [0, 5]. Default 1. */
  readonly m1?: number;
  /** Added to the angle, in radians, in [-pi/2, pi/2]. Default 0.3. */
  readonly m2?: number;
  /** Subtracted from the cosine, in [-1, 2). Default 0.2. */
  readonly m3?: number;
  /** s. Default 64. */
  readonly scale?: number;
  /** Default 'exact'. */
  readonly gradient?: GradientRule;
}

/**
 * The combined margin: s (cos(m1 theta_y + m2) - m3), others s cos(theta_j). All three are honoured together; where
 * m1 theta + m2 passes pi the cosine is taken as it is.
 *
 * @throws OptionError if a margin is out of its range or scale <= 0.
 * Source: Deng et al., ArcFace, CVPR 2019, eq. 4 (arXiv:1801.07698).
 */
export function combined(options: CombinedOptions = {}): Margin {
  const name = 'combined';
  checkCommon(name, options, ['m1', 'm2', 'm3', 'gradient']);
  const { m1 = 1, m2 = 0.3, m3 = 0.2, scale = 64, gradient = 'exact' } = options;
  checkNumber([name, 'm1'], m1, { min: 0, max: 5 });
  checkNumber([name, 'm2'], m2, { min: -Math.PI / 2, max: Math.PI / 2 }, 'It is in radians.');
  checkNumber([name, 'm3'], m3, { min: -1, max: 2, open: 'max' });
  return {
    ...common,
    name,
    scale,
    gradient,
    target: (angle) => {
      const { value, slope } = m1 === 1 ? additiveAngle(angle, m2, 'none') : scaledAngle(angle, m1, m2);
      return { value: tf.sub(value, m3) as tf.Tensor1D, slope };
    },
  };
}

/** cos(m1 theta + m2). */
export function scaledAngle(angle: Angle, m1: number, m2 = 0): TargetValue {
  const adjusted = tf.add(tf.mul(angle.theta(), m1), m2);
  return {
    value: cosine(adjusted) as tf.Tensor1D,
    slope: tf.mul(sine(adjusted), -m1) as tf.Tensor1D,
  };
}

/**
 * A margin with inter-class filtering: other classes whose cosine exceeds the threshold count as logit 0 and get no
 * gradient, so that wrongly split identities do not repel each other. They stay in the softmax, as exp(0).
 *
 * @param margin one without a transform of its own for other classes: `arcFace`, `cosFace`, `combined`, ...
 * @param threshold in (-1, 1]. insightface uses 0.4 where it filters.
 * @throws OptionError if the margin transforms other classes already, or the threshold is out of range.
 * Source: Partial FC (An et al., CVPR 2022, arXiv:2203.15565) and insightface's `interclass_filtering_threshold`.
 */
export function interClassFilter(margin: Margin, threshold = 0.4): Margin {
  const name = 'interClassFilter';
  checkMargin(name, margin);
  checkNumber([name, 'threshold'], threshold, { min: -1, max: 1, open: 'min' });
  checkOneOf([name, `margin '${margin.name}'`], margin.others ? 'transforms' : 'plain', ['plain'] as const);
  const kept = (cos: tf.Tensor2D) => tf.cast(tf.lessEqual(cos, threshold), 'float32') as tf.Tensor2D;
  return {
    ...margin,
    name: `${margin.name} with ${name}`,
    others: {
      bound: 1,
      value: (cos) => tf.mul(cos, kept(cos)) as tf.Tensor2D,
      slope: kept,
    },
  };
}

/**
 * A margin with several centres a class: `weights` is [numClasses * count, features], rows j count .. j count + count - 1
 * belonging to class j, and each class is as close as its closest centre (ties share the gradient).
 *
 * @param margin `arcFace(...)` in the paper; any method that normalises both sides.
 * @param count K, at least 1. Default 3.
 * @throws OptionError if count is no positive integer, or the margin does not work on cosines.
 * Source: Deng et al., Sub-center ArcFace, ECCV 2020.
 */
export function subCenter(margin: Margin, count = 3): Margin {
  checkMargin('subCenter', margin);
  checkInteger(['subCenter', 'count'], count, { min: 1 });
  checkOneOf(['subCenter', 'margin.normalize'], margin.normalize, ['both'] as const);
  return { ...margin, name: `${margin.name} with ${count} sub-centers`, subCenters: count };
}
