import { checkNumber, checkOneOf } from '@tfkit/core';
import { additiveAngle, type PastPi, pastPiRules } from './additiveAngle';
import { checkCommon } from './checks';
import { common, type GradientRule, type Margin } from './margin';

export interface ArcFaceOptions {
  /** m, added to the angle, in radians, in [-pi/2, pi/2]. Default 0.5. */
  readonly margin?: number;
  /** s. Default 64. */
  readonly scale?: number;
  /** What happens where theta + m > pi. Default 'none', the formula as it stands. */
  readonly pastPi?: PastPi;
  /** Default 'exact'. insightface's PyTorch code trains with 'straight-through'. */
  readonly gradient?: GradientRule;
}

/**
 * ArcFace: s cos(theta_y + m), others s cos(theta_j).
 *
 * The gradient is exact at every angle: it goes through the tangent from x to its centre, not through arccos, and is
 * finite at exactly 0 and pi (where no limit exists, the part of the margin is left out).
 * @throws OptionError if the margin is outside [-pi/2, pi/2], scale <= 0, or a word is unknown.
 * Source: Deng et al., ArcFace, CVPR 2019, eq. 3 (arXiv:1801.07698).
 *
 * @example
 * const loss = marginLoss(embeddings, weights, labels, arcFace({ margin: 0.5, scale: 64 }));
 */
export function arcFace(options: ArcFaceOptions = {}): Margin {
  const name = 'arcFace';
  checkCommon(name, options, ['margin', 'pastPi', 'gradient']);
  const { margin = 0.5, scale = 64, pastPi = 'none', gradient = 'exact' } = options;
  checkNumber([name, 'margin'], margin, { min: -Math.PI / 2, max: Math.PI / 2 }, 'It is in radians.');
  checkOneOf([name, 'pastPi'], pastPi, pastPiRules);
  return {
    ...common,
    name,
    scale,
    gradient,
    perSampleMargins: true,
    target: (angle, margins) => additiveAngle(angle, margins ?? margin, pastPi),
  };
}
