/** Elementwise affine maps: NICE's scaling, Glow's actnorm, and one whose numbers come from the context. */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError, sizeOf, split } from '@tfkit/core';
import { type Bijector, childScope, defineBijector, parameterOf, prefixed, type Scope } from '../bijector';
import { zeros } from '../initializers';
import { asNet, type Net, type NetFunction, runNet } from '../nets/net';
import { channelAffine } from '../ops/channelAffine';
import { logScaleSum } from '../ops/logScaleSum';
import { channelAxes, lastOf, positionsOf, sumEvent } from '../shapes';
import { type AffineOptions, affine } from './affineCoupling';

/**
 * z = x * exp(logScale), one number for each entry of an example; log-determinant sum(logScale).
 *
 * Source: NICE, section 3.3: the last layer of the paper's flow.
 */
export function scaling(): Bijector {
  const name = 'scaling';
  return defineBijector({
    name,
    init: (_, { shape }) => ({ logScale: zeros(shape) }),
    forward(x, scope) {
      const logScale = parameterOf(name, scope, 'logScale');
      return { z: tf.mul(x, tf.exp(logScale)), logDet: tf.sum(logScale) };
    },
    inverse(z, scope) {
      const logScale = parameterOf(name, scope, 'logScale');
      return { x: tf.mul(z, tf.exp(tf.neg(logScale))), logDet: tf.neg(tf.sum(logScale)) };
    },
  });
}

/** Added to the standard deviation, as in Glow's program: a constant channel then gives a finite scale. */
const deviationFloor = 1e-6;

/**
 * z = (x + bias) * exp(logScale), one pair for each entry of the last axis; log-determinant height * width * sum(logScale).
 * In mode 'initialization' the batch's channels get mean 0 and population standard deviation 1.
 *
 * Source: Kingma, Dhariwal, Glow, 2018, section 3.1 (arXiv:1807.03039).
 */
export function actnorm(): Bijector {
  const name = 'actnorm';
  return defineBijector({
    name,
    init: (_, { shape }) => ({ bias: zeros([lastOf(shape)]), logScale: zeros([lastOf(shape)]) }),
    forward(x, scope) {
      const updates = scope.mode === 'initialization' ? statistics(x) : undefined;
      const bias = updates?.bias ?? parameterOf(name, scope, 'bias');
      const logScale = updates?.logScale ?? parameterOf(name, scope, 'logScale');
      return {
        z: channelAffine({ x, bias, logScale }, {}),
        logDet: logScaleSum({ logScale }, { positions: positionsOf(x) }),
        ...(updates && { updates }),
      };
    },
    inverse(z, scope) {
      const bias = parameterOf(name, scope, 'bias');
      const logScale = parameterOf(name, scope, 'logScale');
      return {
        x: tf.sub(tf.mul(z, tf.exp(tf.neg(logScale))), bias),
        logDet: logScaleSum({ logScale }, { positions: -positionsOf(z) }),
      };
    },
  });
}

function statistics(x: tf.Tensor): { bias: tf.Tensor; logScale: tf.Tensor } {
  const { mean, variance } = tf.moments(x, channelAxes(x));
  return { bias: tf.neg(mean), logScale: tf.neg(tf.log(tf.add(tf.sqrt(variance), deviationFloor))) };
}

/**
 * z = x * exp(s(context)) + t(context): an affine map of all of x whose numbers a net makes from the context alone.
 * Without a net, use `scaling` or `actnorm`.
 *
 * Parameters: 'net.*'.
 * @throws OptionError, when used, if the flow has no context.
 */
export function conditionalAffine(options: { readonly net: Net | NetFunction } & AffineOptions): Bijector {
  const name = 'conditionalAffine';
  const net = asNet(name, options.net);
  const transformer = affine(name, options);
  const raw = (x: tf.Tensor, scope: Scope): tf.Tensor => {
    if (!scope.context) {
      throw new OptionError(`${name}: context must be given, got none. Create the flow with contextSize.`);
    }
    const inner = { ...childScope(scope, 'net'), context: undefined };
    const size = x.size / x.shape[0]!;
    return runNet(name, net, scope.context, inner, 2 * size);
  };
  const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0]!, -1]);
  return defineBijector({
    name,
    init(key, { shape, contextSize }) {
      const size = sizeOf(shape);
      const [netKey, ownKey] = split(key);
      return {
        ...prefixed(
          'net',
          net.init(netKey, { inputShape: [contextSize], outputs: 2 * size, contextSize: 0 }),
        ),
        ...transformer.init?.(ownKey, [size]),
      };
    },
    forward(x, scope) {
      const { z, logScale } = transformer.forward(flat(x), raw(x, scope), scope);
      return { z: tf.reshape(z, x.shape), logDet: sumEvent(logScale!) };
    },
    inverse(z, scope) {
      const { x, logScale } = transformer.inverse(flat(z), raw(z, scope), scope);
      return { x: tf.reshape(x, z.shape), logDet: tf.neg(sumEvent(logScale!)) };
    },
  });
}
