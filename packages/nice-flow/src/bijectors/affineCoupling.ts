/** The couplings of NICE, RealNVP and Glow. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf, formatValue, OptionError } from '@tfkit/core';
import { type Bijector, type InitialValues, parameterOf, type Scope } from '../bijector';
import { filled } from '../initializers';
import { affineTransform, logScaleOf } from '../ops/affineTransform';
import { lastOf, sliceLast } from '../shapes';
import { type CouplingOptions, coupling, type Transformer } from './coupling';

const additive: Transformer = {
  outputs: 1,
  forward: (x, shift) => ({ z: tf.add(x, shift), logScale: null }),
  inverse: (z, shift) => ({ x: tf.sub(z, shift), logScale: null }),
};

/**
 * z_b = x_b + net(x_a): volume-preserving, log-determinant 0.
 *
 * Source: Dinh, Krueger, Bengio, NICE, 2014, section 3.2 (arXiv:1410.8516).
 * @throws OptionError for a bad mask or net; ShapeError, when used, if the mask does not fit.
 * @example
 * const layer = additiveCoupling({ mask: 'even', net: mlp({ hidden: [1000, 1000] }) });
 */
export function additiveCoupling(options: CouplingOptions): Bijector {
  return coupling({ ...options, transformer: additive, name: 'additiveCoupling' });
}

/**
 * How a net's number `raw` becomes log-scale s.
 *
 * - 'exp': s = raw. Unbounded.
 * - 'tanh': s = bound * tanh(raw / bound).
 * - 'sigmoid': scale = sigmoid(raw + 2), below 1; as Glow's program has it.
 * - 'rescaled-tanh': s = r * tanh(raw), with a learnt r for each entry of the last axis (parameter 'rescale'); RealNVP.
 * - a function of your own from raw to s, elementwise.
 */
export type ScaleMap = 'exp' | 'tanh' | 'sigmoid' | 'rescaled-tanh' | ((raw: tf.Tensor) => tf.Tensor);

export interface AffineOptions {
  /** Default 'tanh'. */
  readonly scaleMap?: ScaleMap;
  /** Bound of |s| for 'tanh', positive. Default 2. */
  readonly bound?: number;
  /** 'scale-first': z = x * scale + shift (RealNVP). 'shift-first': z = (x + shift) * scale (Glow). Default 'scale-first'. */
  readonly order?: 'scale-first' | 'shift-first';
}

/**
 * z_b = x_b * exp(s) + t, where the net gives all t, then all raw numbers from which s comes.
 *
 * Source: Dinh, Sohl-Dickstein, Bengio, RealNVP, 2017, eq. 4-8 (arXiv:1605.08803); Kingma, Dhariwal, Glow, 2018.
 * @throws OptionError for a bad option; ShapeError, when used, if the mask does not fit.
 */
export function affineCoupling(options: CouplingOptions & AffineOptions): Bijector {
  return coupling({ ...options, transformer: affine('affineCoupling', options), name: 'affineCoupling' });
}

const scaleMaps = ['exp', 'tanh', 'sigmoid', 'rescaled-tanh'] as const;

/**
 * The transformer of `affineCoupling`, for `coupling`.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function affine(functionName: string, options: AffineOptions): Transformer {
  const { scaleMap = 'tanh', bound = 2, order = 'scale-first' } = options;
  if (typeof scaleMap !== 'function' && !(scaleMaps as readonly unknown[]).includes(scaleMap)) {
    throw new OptionError(
      `${functionName}: scaleMap must be a function or one of ${scaleMaps.map((name) => `'${name}'`).join(', ')}, got ${formatValue(scaleMap)}.`,
    );
  }
  checkNumber([functionName, 'bound'], bound, { min: 0, open: 'min' });
  checkOneOf([functionName, 'order'], order, ['scale-first', 'shift-first']);
  const mapped = (raw: tf.Tensor, scope: Scope): tf.Tensor => {
    if (typeof scaleMap === 'function') return scaleMap(raw);
    if (scaleMap !== 'rescaled-tanh') return logScaleOf(raw, { scaleMap, bound });
    return tf.mul(tf.tanh(raw), parameterOf(functionName, scope, 'rescale'));
  };
  const divide = (raw: tf.Tensor, scope: Scope) => {
    const size = lastOf(raw.shape) / 2;
    return { shift: sliceLast(raw, 0, size), logScale: mapped(sliceLast(raw, size, size), scope) };
  };
  return {
    outputs: 2,
    ...(typeof scaleMap !== 'function' &&
      scaleMap !== 'rescaled-tanh' && {
        whole: (x, raw, part) => affineTransform({ x, raw }, { scaleMap, bound, order, ...part }),
      }),
    init: (_, shape): InitialValues =>
      scaleMap === 'rescaled-tanh' ? { rescale: filled([lastOf(shape)], 1) } : {},
    forward(x, raw, scope) {
      const { shift, logScale } = divide(raw, scope);
      const scale = tf.exp(logScale);
      const z = order === 'scale-first' ? tf.add(tf.mul(x, scale), shift) : tf.mul(tf.add(x, shift), scale);
      return { z, logScale };
    },
    inverse(z, raw, scope) {
      const { shift, logScale } = divide(raw, scope);
      const scale = tf.exp(tf.neg(logScale));
      const x = order === 'scale-first' ? tf.mul(tf.sub(z, shift), scale) : tf.sub(tf.mul(z, scale), shift);
      return { x, logScale };
    },
  };
}
