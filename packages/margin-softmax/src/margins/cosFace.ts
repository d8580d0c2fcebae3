import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '@tfkit/core';
import { checkCommon } from './checks';
import { type Angle, common, type Margin, type TargetValue } from './margin';

export interface CosFaceOptions {
  /** m, subtracted from the cosine, in [-1, 2). Default 0.35. */
  readonly margin?: number;
  /** s. Default 64 (`cosFace`) or 30 (`amSoftmax`). */
  readonly scale?: number;
}

/**
 * CosFace: s (cos(theta_y) - m), others s cos(theta_j).
 *
 * @throws OptionError if the margin is outside [-1, 2) or scale <= 0.
 * Source: Wang et al., CosFace, CVPR 2018, eq. 4 (arXiv:1801.09414). insightface trains with m = 0.4.
 */
export function cosFace(options: CosFaceOptions = {}): Margin {
  return additiveCosine('cosFace', 64, options);
}

/**
 * AM-Softmax: the form of CosFace with the defaults of its paper, s 30 and m 0.35.
 *
 * @throws OptionError if the margin is outside [-1, 2) or scale <= 0.
 * Source: Wang et al., Additive margin softmax, 2018, eq. 6 (arXiv:1801.05599).
 */
export function amSoftmax(options: CosFaceOptions = {}): Margin {
  return additiveCosine('amSoftmax', 30, options);
}

function additiveCosine(name: string, defaultScale: number, options: CosFaceOptions): Margin {
  checkCommon(name, options, ['margin']);
  const { margin = 0.35, scale = defaultScale } = options;
  checkNumber([name, 'margin'], margin, { min: -1, max: 2, open: 'max' });
  return {
    ...common,
    name,
    scale,
    perSampleMargins: true,
    target: (angle, margins) => subtracted(angle, margins ?? margin),
  };
}

/** cos(theta) - m. */
export function subtracted({ cos, sin }: Angle, margin: number | tf.Tensor1D): Required<TargetValue> {
  return {
    value: tf.sub(cos, margin) as tf.Tensor1D,
    slope: tf.neg(sin) as tf.Tensor1D,
    marginSlope: tf.fill(cos.shape, -1) as tf.Tensor1D,
  };
}
