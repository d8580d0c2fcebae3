import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf, normal } from '@tfkit/core';
import { additiveAngle, type PastPi, pastPiRules } from './additiveAngle';
import { checkCommon } from './checks';
import { subtracted } from './cosFace';
import { common, type GradientRule, type Margin } from './margin';
import { arrangeByPlace, ranks } from './order';

export interface ElasticFaceOptions {
  /** 'arc': cos(theta + m_i). 'cos': cos(theta) - m_i. Default 'arc'. */
  readonly form?: 'arc' | 'cos';
  /** The mean of the margins. Default 0.5 radians ('arc'), 0.35 ('cos'). */
  readonly margin?: number;
  /** Their standard deviation, at least 0. Default 0.0125; with `plus` 0.0175 ('arc'), 0.025 ('cos'). */
  readonly std?: number;
  /** ElasticFace+: the sample closest to its centre gets the smallest margin of the batch, and so on. Default false. */
  readonly plus?: boolean;
  /** s. Default 64. */
  readonly scale?: number;
  /** For 'arc'. Default 'none'. */
  readonly pastPi?: PastPi;
  /** Default 'exact'. */
  readonly gradient?: GradientRule;
}

/**
 * ElasticFace: ArcFace or CosFace with a margin drawn anew for each sample from a normal distribution. `marginLoss` takes
 * the drawn margins as `options.margins`, or draws them from `options.key`.
 *
 * @throws OptionError if an option is out of its range.
 * Source: Boutros et al., ElasticFace, CVPRW 2022, eq. 5-8 (arXiv:2109.09416). Differs: for "+" the authors' code uses
 * the order where it means the rank, which gives another permutation; here the smallest margin meets the closest sample.
 */
export function elasticFace(options: ElasticFaceOptions = {}): Margin {
  const name = 'elasticFace';
  checkCommon(name, options, ['form', 'margin', 'std', 'plus', 'pastPi', 'gradient']);
  const { form = 'arc', plus = false, scale = 64, pastPi = 'none', gradient = 'exact' } = options;
  checkOneOf([name, 'form'], form, ['arc', 'cos'] as const);
  checkOneOf([name, 'pastPi'], pastPi, pastPiRules);
  const { margin = form === 'arc' ? 0.5 : 0.35, std = plus ? (form === 'arc' ? 0.0175 : 0.025) : 0.0125 } =
    options;
  checkNumber([name, 'margin'], margin, { min: 0, max: Math.PI / 2 });
  checkNumber([name, 'std'], std, { min: 0, max: 1 });
  const elastic: Margin = {
    ...common,
    name,
    scale,
    gradient,
    perSampleMargins: true,
    drawMargins: (key, batch) => normal(key, batch).map((value) => margin + std * value),
    target: (angle, margins) =>
      form === 'arc' ? additiveAngle(angle, margins!, pastPi) : subtracted(angle, margins!),
  };
  if (!plus) return elastic;
  return {
    ...elastic,
    prepare: {
      gives: 'margins',
      // The largest cosine comes first.
      compute: ({ angle }, margins) => arrangeByPlace(margins!, ranks(tf.neg(angle.cos) as tf.Tensor1D)),
    },
  };
}
