import { checkInteger, checkNumber } from '@tfkit/core';
import { checkCommon } from './checks';
import { common, type Margin } from './margin';

/**
 * Plain softmax: logits x W^T (+ the bias of `marginLoss`'s options), nothing normalised, no margin.
 *
 * Source: DeepFace (Taigman et al., CVPR 2014), DeepID (Sun et al., CVPR 2014).
 */
export function softmax(): Margin {
  return { ...common, name: 'softmax', normalize: 'none', scale: 1 };
}

export interface NormFaceOptions {
  /** s. It has to grow with the number of classes: see `scaleForProbability`. Default 20. */
  readonly scale?: number;
}

/**
 * NormFace: logits s cos(theta_j), no margin. To learn s, give it to `marginLoss` as `options.scale`.
 *
 * @throws OptionError if scale <= 0.
 * Source: Wang et al., NormFace, ACM MM 2017 (arXiv:1704.06369).
 */
export function normFace(options: NormFaceOptions = {}): Margin {
  checkCommon('normFace', options, []);
  return { ...common, name: 'normFace', scale: options.scale ?? 20 };
}

/**
 * COCO, congenerous cosine: the form of NormFace, alpha cos(theta_j), with class centres learned as weights.
 *
 * @param options.scale alpha. Default 6.25 (the paper's value for 10,575 classes is its bound, `scaleForProbability`).
 * @throws OptionError if scale <= 0.
 * Source: Liu et al., Rethinking feature discrimination and polymerization for large-scale recognition, 2017
 * (arXiv:1710.00870).
 */
export function coco(options: NormFaceOptions = {}): Margin {
  checkCommon('coco', options, []);
  return { ...common, name: 'coco', scale: options.scale ?? 6.25 };
}

/**
 * The smallest scale at which a sample on its centre, all other centres being spread as far as can be, gets the
 * probability p: (C - 1)/C log((C - 1) p / (1 - p)). Below it the loss cannot fall to -log p whatever the network does.
 *
 * @param numClasses C, at least 2.
 * @param probability p in (1/C, 1). Default 0.999.
 * @throws OptionError if either is out of range.
 * Source: the lower bound of NormFace (Wang et al., 2017, proposition 2) and CosFace (Wang et al., 2018, eq. 6).
 */
export function scaleForProbability(numClasses: number, probability = 0.999): number {
  const name = 'scaleForProbability';
  checkInteger([name, 'numClasses'], numClasses, { min: 2 });
  checkNumber([name, 'probability'], probability, { min: 1 / numClasses, max: 1, open: 'both' });
  const others = numClasses - 1;
  return (others / numClasses) * Math.log((others * probability) / (1 - probability));
}
