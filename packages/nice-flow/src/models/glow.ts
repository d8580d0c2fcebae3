/** Glow in a line. */
import { checkInteger, checkOneOf, ShapeError } from '@tfkit/core';
import type { Bijector, EventShape } from '../bijector';
import { additiveCoupling, affineCoupling } from '../bijectors/affineCoupling';
import { invertibleConv1x1 } from '../bijectors/linear';
import { actnorm } from '../bijectors/scaling';
import { squeeze } from '../bijectors/squeeze';
import { chain, invert } from '../combinators/chain';
import { split } from '../combinators/split';
import { diagonalGaussian } from '../distributions/gaussian';
import { Flow } from '../flow';
import { convNet } from '../nets/convNet';
import type { ModelOptions } from './nice';
import { glowPresets } from './presets';

export interface GlowOptions extends ModelOptions {
  /** The paper's settings for a data set; each other option replaces one of them. */
  readonly preset?: keyof typeof glowPresets;
  /** [height, width, channels]. Needed without a preset. */
  readonly shape?: EventShape;
  /** L, how often half of the channels leaves, plus one. Default 3. */
  readonly levels?: number;
  /** K, steps of flow at each level. Default 32. */
  readonly steps?: number;
  /** Hidden channels of the couplings' nets. Default 512. */
  readonly channels?: number;
  /** Default 'affine'. */
  readonly coupling?: 'affine' | 'additive';
}

/**
 * The flow of Glow: at each level a squeeze and steps of actnorm, invertible 1x1 convolution and coupling; between levels
 * half of the channels leaves with a Gaussian whose mean and scale come from the half that stays. The top is a learnt
 * Gaussian.
 *
 * Parameters: 'step<k>.actnorm.*', '.conv.*', '.coupling.net.*'; deeper levels under 'next.inner.', priors 'next.prior.*';
 * 'base.mean', 'base.logScale'.
 * Source: Kingma, Dhariwal, Glow: Generative Flow with Invertible 1x1 Convolutions, 2018 (arXiv:1807.03039).
 * @throws ShapeError if height or width cannot be halved as often as there are levels.
 * @example
 * const flow = glow({ shape: [16, 16, 3], levels: 2, steps: 8, channels: 128, key: key(0) });
 */
export function glow(options: GlowOptions): Flow {
  if (options.preset !== undefined) {
    const names = Object.keys(glowPresets) as (keyof typeof glowPresets)[];
    checkOneOf(['glow', 'preset'], options.preset, names);
  }
  const settings = options.preset && glowPresets[options.preset];
  const { shape = settings?.shape, levels = settings?.levels ?? 3, steps = settings?.steps ?? 32 } = options;
  const {
    channels = settings?.channels ?? 512,
    coupling = settings?.coupling ?? 'affine',
    key,
    contextSize,
  } = options;
  const { quantization = settings?.quantization } = options;
  if (shape?.length !== 3) {
    throw new ShapeError(`glow: shape must be [height, width, channels], got ${JSON.stringify(shape)}.`);
  }
  checkInteger(['glow', 'levels'], levels, { min: 1 });
  checkInteger(['glow', 'steps'], steps, { min: 1 });
  checkOneOf(['glow', 'coupling'], coupling, ['affine', 'additive']);
  const step = () => glowStep(channels, coupling);
  const level = (index: number): Bijector => {
    const layers: Record<string, Bijector> = { squeeze: squeeze() };
    for (let k = 0; k < steps; k++) layers[`step${k}`] = step();
    if (index < levels - 1) {
      const prior = convNet({ kernelSizes: [3] });
      layers.next = split({ inner: level(index + 1), prior });
    }
    return chain({ ...layers, unsqueeze: invert(squeeze()) });
  };
  return new Flow({
    bijector: level(0),
    base: diagonalGaussian(),
    shape,
    key,
    contextSize,
    quantization,
  });
}

/** One step of flow: z = (x + bias) * exp(logScale), W z, then z2 = (z2 + t(z1)) * sigmoid(raw(z1) + 2). */
export function glowStep(channels: number, coupling: 'affine' | 'additive' = 'affine'): Bijector {
  const net = convNet({ channels });
  return chain({
    actnorm: actnorm(),
    conv: invertibleConv1x1(),
    coupling:
      coupling === 'affine'
        ? affineCoupling({ net, scaleMap: 'sigmoid', order: 'shift-first' })
        : additiveCoupling({ net }),
  });
}
