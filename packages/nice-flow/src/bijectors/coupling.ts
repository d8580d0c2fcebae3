/**
 * Coupling layers: one part of x passes unchanged and tells a net how to transform the other, element by element.
 *
 * z_a = x_a, z_b = T(x_b; net(x_a)). The Jacobian is triangular, so log|det| is the sum of log|dT/dx_b|.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, split } from '@tfkit/core';
import {
  type Bijector,
  childScope,
  defineBijector,
  type EventShape,
  type InitialValues,
  prefixed,
  type Scope,
} from '../bijector';
import { asNet, type Net, type NetFunction, runNet } from '../nets/net';
import { lastOf, permuteLast, sliceLast, sumEvent } from '../shapes';
import { checkMask, type Mask, type ResolvedMask, resolveMask } from './masks';

/** An invertible function of one number, with `outputs` numbers from a net for each element. */
export interface Transformer {
  /** Numbers that the net gives for each element. */
  readonly outputs: number;
  /** Parameters that do not depend on the input, for elements of this shape. */
  init?(key: Key, shape: EventShape): InitialValues;
  /**
   * @param raw the net's output [..., outputs * n] for x [..., n]: all first numbers, then all second ones.
   * @returns z, and log|dz/dx| of each element; null where it is 0 everywhere.
   */
  forward(x: tf.Tensor, raw: tf.Tensor, scope: Scope): { z: tf.Tensor; logScale: tf.Tensor | null };
  /** `logScale` is still log|dz/dx|, at the x that is returned. */
  inverse(z: tf.Tensor, raw: tf.Tensor, scope: Scope): { x: tf.Tensor; logScale: tf.Tensor | null };
  /**
   * If there is one op for it: `forward` or `inverse` of the entries of x's last axis that are not passed, in x as a whole,
   * and the log-determinant [batch] of that direction.
   */
  readonly whole?: (
    x: tf.Tensor,
    raw: tf.Tensor,
    part: {
      readonly direction: 'forward' | 'inverse';
      /** The indices of the last axis: those that pass, then the others. */
      readonly indices: readonly number[];
      /** How many pass. */
      readonly unchanged: number;
    },
  ) => { value: tf.Tensor; logDet: tf.Tensor1D };
}

export interface CouplingOptions {
  /** What passes unchanged. Default 'first-half'. */
  readonly mask?: Mask;
  /** `mlp()`, `convNet()`, or a function of your own. */
  readonly net: Net | NetFunction;
}

/**
 * A coupling layer with any transformer. Masks along the last axis divide it, and the net sees the unchanged part
 * alone; others (checkerboards, arrays) multiply it, and the net sees the input with zeros elsewhere.
 *
 * Parameters: 'net.*', and the transformer's own.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function coupling(
  options: CouplingOptions & { readonly transformer: Transformer; readonly name?: string },
): Bijector {
  const { mask = 'first-half', transformer, name = 'coupling' } = options;
  checkMask(name, mask);
  const net = asNet(name, options.net);
  const resolve = memoize((shape) => resolveMask(name, mask, shape));
  const rawOf = ({ unchanged }: OpenCoupling, [, ...shape]: readonly number[], scope: Scope) => {
    const { changed } = parts(resolve(shape), shape);
    return runNet(name, net, unchanged, childScope(scope, 'net'), transformer.outputs * lastOf(changed));
  };
  return defineBijector({
    name,
    outputShape(shape) {
      resolve(shape);
      return shape;
    },
    init(key, { shape, contextSize }) {
      const { inputShape, changed } = parts(resolve(shape), shape);
      const [netKey, ownKey] = split(key);
      const outputs = transformer.outputs * lastOf(changed);
      return {
        ...prefixed('net', net.init(netKey, { inputShape, outputs, contextSize })),
        ...transformer.init?.(ownKey, changed),
      };
    },
    forward(x, scope) {
      const mask = resolve(x.shape.slice(1));
      const part = open(x, mask);
      const raw = rawOf(part, x.shape, scope);
      if (transformer.whole && mask.kind === 'partition') {
        const { value, logDet } = transformer.whole(x, raw, { direction: 'forward', ...mask });
        return { z: value, logDet };
      }
      const { z, logScale } = transformer.forward(part.changed(), raw, scope);
      return { z: part.close(z), logDet: logScale ? sumEvent(part.count(logScale)) : 0 };
    },
    inverse(z, scope) {
      const mask = resolve(z.shape.slice(1));
      const part = open(z, mask);
      const raw = rawOf(part, z.shape, scope);
      if (transformer.whole && mask.kind === 'partition') {
        const { value, logDet } = transformer.whole(z, raw, { direction: 'inverse', ...mask });
        return { x: value, logDet };
      }
      const { x, logScale } = transformer.inverse(part.changed(), raw, scope);
      return { x: part.close(x), logDet: logScale ? tf.neg(sumEvent(part.count(logScale))) : 0 };
    },
  });
}

/** The shapes of the net's input and of what is transformed. */
function parts(mask: ResolvedMask, shape: EventShape): { inputShape: EventShape; changed: EventShape } {
  if (mask.kind === 'array') return { inputShape: shape, changed: shape };
  const outer = shape.slice(0, -1);
  return {
    inputShape: [...outer, mask.unchanged],
    changed: [...outer, lastOf(shape) - mask.unchanged],
  };
}

interface OpenCoupling {
  readonly unchanged: tf.Tensor;
  changed(): tf.Tensor;
  /** Both parts together again, with the second transformed. */
  close(transformed: tf.Tensor): tf.Tensor;
  /** An elementwise log-derivative where it counts. */
  count(logScale: tf.Tensor): tf.Tensor;
}

function open(x: tf.Tensor, mask: ResolvedMask): OpenCoupling {
  if (mask.kind === 'array') {
    const pass = tf.tensor(mask.data, [...mask.shape]);
    const change = tf.sub(1, pass);
    const unchanged = tf.mul(x, pass);
    return {
      unchanged,
      changed: () => x,
      close: (transformed) => tf.add(unchanged, tf.mul(transformed, change)),
      count: (logScale) => tf.mul(logScale, change),
    };
  }
  const { indices, inverse, unchanged: size } = mask;
  const ordered = permuteLast(x, indices);
  const unchanged = sliceLast(ordered, 0, size);
  return {
    unchanged,
    changed: () => sliceLast(ordered, size, indices.length - size),
    close: (transformed) => permuteLast(tf.concat([unchanged, transformed], -1), inverse),
    count: (logScale) => logScale,
  };
}

/** A mask is worked out once for each shape. */
function memoize<T>(compute: (shape: EventShape) => T): (shape: EventShape) => T {
  const known = new Map<string, T>();
  return (shape) => {
    const key = shape.join();
    const found = known.get(key) ?? compute(shape);
    known.set(key, found);
    return found;
  };
}
