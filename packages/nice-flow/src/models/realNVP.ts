/** RealNVP in a line: of images with scales, or of vectors. */
import { checkInteger, checkOneOf, ShapeError } from '@tfkit/core';
import type { Bijector, EventShape } from '../bijector';
import { affineCoupling } from '../bijectors/affineCoupling';
import { batchNorm } from '../bijectors/batchNorm';
import { logit } from '../bijectors/logit';
import type { Mask } from '../bijectors/masks';
import { squeeze } from '../bijectors/squeeze';
import { chain, invert } from '../combinators/chain';
import { split } from '../combinators/split';
import { Flow } from '../flow';
import { residualNet } from '../nets/convNet';
import { mlp } from '../nets/mlp';
import type { Net } from '../nets/net';
import type { ModelOptions } from './nice';
import { realNVPPresets } from './presets';

/** Shape, couplings and nets of a RealNVP. */
export interface RealNVPOptions extends ModelOptions {
  /** The paper's settings for a data set; each other option replaces one of them. */
  readonly preset?: keyof typeof realNVPPresets;
  /** [features], or [height, width, channels]. Needed without a preset. */
  readonly shape?: EventShape;
  /** Images: how many scales, at least 1. Default 2. */
  readonly scales?: number;
  /** Vectors: how many couplings. Default 8. */
  readonly couplings?: number;
  /** Images: channels and blocks of the residual nets. Default 64 and 8. */
  readonly channels?: number;
  readonly blocks?: number;
  /** Vectors: units of the hidden layers. Default [128, 128]. */
  readonly hidden?: readonly number[];
  /** Whether batch normalisation follows each coupling. Default: for images. */
  readonly batchNorm?: boolean;
  /** The margin of a logit in front, in (0, 0.5), for data on the quantization's interval; 0 for none. Default: the preset's, else 0. */
  readonly alpha?: number;
}

/**
 * The flow of RealNVP: affine couplings with s = r * tanh(raw). Of images: for each scale three with checkerboard masks, a
 * squeeze, three with channel masks, and half of the channels leave; four checkerboards at the last scale.
 *
 * Parameters: 'scale.check<i>.net.*', 'scale.channel<i>.net.*', deeper scales under 'scale.next.inner.'; of vectors 'coupling<i>.net.*'.
 * Source: Dinh, Sohl-Dickstein, Bengio, Density estimation using RealNVP, 2017 (arXiv:1605.08803).
 * @throws ShapeError if height or width cannot be halved as often as there are scales.
 * @example
 * const flow = realNVP({ shape: [2], key: key(0) });
 */
export function realNVP(options: RealNVPOptions): Flow {
  if (options.preset !== undefined) {
    checkOneOf(
      ['realNVP', 'preset'],
      options.preset,
      Object.keys(realNVPPresets) as (keyof typeof realNVPPresets)[],
    );
  }
  const settings = options.preset && realNVPPresets[options.preset];
  const { shape = settings?.shape, quantization = settings?.quantization, key, contextSize } = options;
  const { alpha = settings?.alpha ?? 0 } = options;
  if (shape?.length !== 1 && shape?.length !== 3) {
    throw new ShapeError(
      `realNVP: shape must be [features] or [height, width, channels], got ${JSON.stringify(shape)}.`,
    );
  }
  const body = shape.length === 1 ? vectorLayers(options) : { scale: imageScale(options, settings) };
  const front: Record<string, Bijector> =
    alpha === 0 ? {} : { logit: logit({ alpha, range: quantization?.range ?? [0, 1] }) };
  return new Flow({ bijector: chain({ ...front, ...body }), shape, key, contextSize, quantization });
}

function vectorLayers(options: RealNVPOptions): Record<string, Bijector> {
  const { couplings = 8, hidden, batchNorm: normalize = false } = options;
  checkInteger(['realNVP', 'couplings'], couplings, { min: 1 });
  const masks: Mask[] = Array.from({ length: couplings }, (_, i) => (i % 2 === 0 ? 'even' : 'odd'));
  return couplingLayers('coupling', masks, () => mlp({ hidden }), normalize);
}

function couplingLayers(
  prefix: string,
  masks: readonly Mask[],
  net: () => Net,
  normalize: boolean,
): Record<string, Bijector> {
  const layers: Record<string, Bijector> = {};
  for (const [i, mask] of masks.entries()) {
    layers[`${prefix}${i}`] = affineCoupling({ mask, net: net(), scaleMap: 'rescaled-tanh' });
    if (normalize) layers[`${prefix}${i}Norm`] = batchNorm();
  }
  return layers;
}

interface ImageSettings {
  readonly scales: number;
  readonly channels: number;
  readonly blocks: number;
}

function imageScale(options: RealNVPOptions, settings: ImageSettings | undefined): Bijector {
  const { scales = settings?.scales ?? 2, channels = settings?.channels ?? 64 } = options;
  const { blocks = settings?.blocks ?? 8, batchNorm: normalize = true } = options;
  checkInteger(['realNVP', 'scales'], scales, { min: 1 });
  const checks: Mask[] = ['checkerboard-even', 'checkerboard-odd', 'checkerboard-even', 'checkerboard-odd'];
  const halves: Mask[] = ['first-half', 'second-half', 'first-half'];
  /** The nets widen as the images shrink, as in the paper. */
  const scale = (level: number): Bijector => {
    const net = (width: number) => () => residualNet({ channels: width, blocks });
    const width = channels * 2 ** level;
    if (level === scales - 1) return chain(couplingLayers('check', checks, net(width), normalize));
    return chain({
      ...couplingLayers('check', checks.slice(0, 3), net(width), normalize),
      squeeze: squeeze(),
      ...couplingLayers('channel', halves, net(2 * width), normalize),
      next: split({ inner: scale(level + 1) }),
      unsqueeze: invert(squeeze()),
    });
  };
  return scale(0);
}
