/** Multi-scale flows: a part of the channels leaves early. */
import * as tf from '@tensorflow/tfjs-core';
import { formatShape, ShapeError, sameShape, split as splitKey } from '@tfkit/core';
import {
  type Bijector,
  childScope,
  defineBijector,
  type EventShape,
  prefixed,
  type Scope,
} from '../bijector';
import { asNet, type Net, type NetFunction, runNet } from '../nets/net';
import { lastOf, sliceLast, sumEvent } from '../shapes';
import { chain, forwardOf } from './chain';

export interface SplitOptions {
  /** What the kept part goes through. It must keep the shape: end a deeper level with `invert(squeeze())`. Default: nothing. */
  readonly inner?: Bijector;
  /** How much of the last axis is kept. Default: half. */
  readonly keep?: number;
  /**
   * Glow's split prior: the net makes mean and log-scale of the part that leaves from the part that is kept, and that
   * part becomes (x2 - mean) / exp(logScale). With a standard normal base its density is then N(mean, exp(logScale)).
   * Without a net it leaves as it is.
   */
  readonly prior?: Net | NetFunction;
}

/**
 * x = (x1 | x2) along the last axis to z = (inner(x1) | x2), or, with a prior, ((x2 - mean(x1)) / exp(logScale(x1))).
 * The latent keeps one shape, so a multi-scale flow is a bijector like any other and its base one distribution.
 *
 * Parameters: 'inner.*', and 'prior.*' whose net gives all means, then all log-scales.
 *
 * @throws ShapeError if ranks or shapes disagree.
 * Source: RealNVP, 2017, section 3.6; Glow, 2018, and its program's split2d.
 */
export function split({ inner = chain([]), keep, prior }: SplitOptions = {}): Bijector {
  const name = 'split';
  const net = prior && asNet(name, prior);
  const kept = (shape: EventShape): EventShape => {
    const size = keep ?? lastOf(shape) / 2;
    if (!Number.isInteger(size) || size < 1 || size >= lastOf(shape)) {
      const rule =
        keep === undefined
          ? 'have an even last axis to be halved'
          : `have more than ${keep} entries on its last axis`;
      throw new ShapeError(
        `${name}: x must ${rule}, got event shape ${formatShape(shape)}. Choose with keep.`,
      );
    }
    return [...shape.slice(0, -1), size];
  };
  const divide = (x: tf.Tensor): [tf.Tensor, tf.Tensor] => {
    const size = lastOf(kept(x.shape.slice(1)));
    return [sliceLast(x, 0, size), sliceLast(x, size, lastOf(x.shape) - size)];
  };
  const gaussianOf = (x1: tf.Tensor, size: number, scope: Scope) => {
    const raw = runNet(name, net!, x1, childScope(scope, 'prior'), 2 * size);
    return { mean: sliceLast(raw, 0, size), logScale: sliceLast(raw, size, size) };
  };
  return defineBijector({
    name,
    outputShape(shape) {
      const given = kept(shape);
      const result = inner.outputShape(given);
      if (sameShape(result, given)) return shape;
      throw new ShapeError(
        `${name}: inner must keep the shape ${formatShape(given)}, got ${formatShape(result)}. End it with invert(squeeze()).`,
      );
    },
    init(key, { shape, contextSize }) {
      const given = kept(shape);
      const [innerKey, priorKey] = splitKey(key);
      const outputs = 2 * (lastOf(shape) - lastOf(given));
      return {
        ...prefixed('inner', inner.init(innerKey, { shape: given, contextSize })),
        ...prefixed('prior', net?.init(priorKey, { inputShape: given, outputs, contextSize })),
      };
    },
    forward(x, scope) {
      const [x1, x2] = divide(x);
      const { z: z1, logDet, updates } = forwardOf(inner, x1, childScope(scope, 'inner'));
      const changed = updates && { updates: prefixed('inner', updates) };
      if (!net) return { z: tf.concat([z1, x2], -1), logDet, ...changed };
      const { mean, logScale } = gaussianOf(x1, lastOf(x2.shape), scope);
      const z2 = tf.mul(tf.sub(x2, mean), tf.exp(tf.neg(logScale)));
      return { z: tf.concat([z1, z2], -1), logDet: tf.sub(logDet, sumEvent(logScale)), ...changed };
    },
    inverse(z, scope) {
      const [z1, z2] = divide(z);
      const { x: x1, logDet } = inner.inverse(z1, childScope(scope, 'inner'));
      if (!net) return { x: tf.concat([x1, z2], -1), logDet };
      const { mean, logScale } = gaussianOf(x1, lastOf(z2.shape), scope);
      const x2 = tf.add(tf.mul(z2, tf.exp(logScale)), mean);
      return { x: tf.concat([x1, x2], -1), logDet: tf.add(logDet, sumEvent(logScale)) };
    },
  });
}
