/** Autoregressive layers: each entry is transformed by numbers that depend on the entries before it. */
import * as tf from '@tensorflow/tfjs-core';
import { ShapeError, split } from '@tfkit/core';
import { type Bijector, childScope, defineBijector, prefixed, type Scope } from '../bijector';
import { type AffineOptions, affine } from '../bijectors/affineCoupling';
import type { Transformer } from '../bijectors/coupling';
import { invert } from '../combinators/chain';
import { asNet, type Net, type NetFunction, runNet } from '../nets/net';
import { sumEvent } from '../shapes';
import { type MadeOptions, made } from './made';

/**
 * Options of `autoregressive`: the transformer is required; those of `made` hold unless there is a `net`. `name` is the bijector's, in
 * messages, default 'autoregressive'.
 */
export interface AutoregressiveOptions extends MadeOptions {
  /** The elementwise map: `affine`, `rationalQuadratic`, or your own. */
  readonly transformer: Transformer;
  /** A masked net of your own instead of `made`; that it is masked is for you to see to (`checkBijector` does). */
  readonly net?: Net | NetFunction;
  /** Passes of the inverse: how many entries depend on each other in a row. Default: the number of entries. */
  readonly passes?: number;
  readonly name?: string;
}

/**
 * z_i = T(x_i; net(x_<i)) on vectors: forward is one pass of the net, the inverse as many passes as there are entries.
 * `invert` it for the reverse.
 *
 * Parameters: 'net.*', and the transformer's own.
 * @throws OptionError for a bad option; ShapeError, when used, for images.
 * @example
 * const layer = autoregressive({ transformer: rationalQuadratic({ bins: 8 }), hidden: [64, 64] });
 */
export function autoregressive(options: AutoregressiveOptions): Bijector {
  const { transformer, passes, name = 'autoregressive' } = options;
  const net = asNet(name, options.net ?? made(options));
  const raw = (x: tf.Tensor, scope: Scope) =>
    runNet(name, net, x, childScope(scope, 'net'), transformer.outputs * x.shape[1]!);
  return defineBijector({
    name,
    outputShape(shape) {
      if (shape.length === 1) return shape;
      throw new ShapeError(
        `${name}: x must be vectors, got event shape [${shape.join(', ')}]. Use reshape().`,
      );
    },
    init(key, { shape, contextSize }) {
      const [netKey, ownKey] = split(key);
      const outputs = transformer.outputs * shape[0]!;
      return {
        ...prefixed('net', net.init(netKey, { inputShape: shape, outputs, contextSize })),
        ...transformer.init?.(ownKey, shape),
      };
    },
    forward(x, scope) {
      if (transformer.whole) {
        const indices = Array.from({ length: x.shape[1]! }, (_, i) => i);
        const part = { direction: 'forward', indices, unchanged: 0 } as const;
        const { value, logDet } = transformer.whole(x, raw(x, scope), part);
        return { z: value, logDet };
      }
      const { z, logScale } = transformer.forward(x, raw(x, scope), scope);
      return { z, logDet: logScale ? sumEvent(logScale) : 0 };
    },
    inverse(z, scope) {
      let x: tf.Tensor = tf.zerosLike(z);
      let logScale: tf.Tensor | null = null;
      // Each pass makes one more entry right, and leaves right what is.
      for (let pass = 0; pass < (passes ?? z.shape[1]!); pass++) {
        ({ x, logScale } = transformer.inverse(z, raw(x, scope), scope));
      }
      return { x, logDet: logScale ? tf.neg(sumEvent(logScale)) : 0 };
    },
  });
}

/** Options of `mafLayer` and `iafLayer`: those of `made`, and `scaleMap` and `bound` of `affine`. `order` is that of the entries. */
export interface MaskedAffineOptions extends MadeOptions, Omit<AffineOptions, 'order'> {}

/**
 * A layer of MAF: z_i = (x_i + t_i) * exp(s_i), with t and s from x_<i. The density of data takes one pass, a sample as many
 * as there are entries.
 *
 * Source: Papamakarios, Pavlakou, Murray, Masked Autoregressive Flow, NeurIPS 2017, eq. 4 (arXiv:1705.07057), where mu = -t
 * and alpha = -s.
 */
export function mafLayer(options: MaskedAffineOptions = {}): Bijector {
  const transformer = affine('mafLayer', { ...options, order: 'shift-first' });
  return autoregressive({ ...options, transformer, name: 'mafLayer' });
}

/**
 * A layer of IAF: x_i = z_i * exp(s_i) + t_i, with t and s from z_<i. A sample takes one pass, the density of data as many
 * as there are entries.
 *
 * Source: Kingma et al., Inverse Autoregressive Flow, NeurIPS 2016, eq. 10 (arXiv:1606.04934), with exp(s) for their sigma.
 */
export function iafLayer(options: MaskedAffineOptions = {}): Bijector {
  const transformer = affine('iafLayer', { ...options, order: 'scale-first' });
  return invert(autoregressive({ ...options, transformer, name: 'iafLayer' }));
}
