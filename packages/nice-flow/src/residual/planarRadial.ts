/** The flows of Rezende and Mohamed, with inverses. */
import * as tf from '@tensorflow/tfjs-core';
import { ShapeError } from '@tfkit/core';
import { softplus } from '@tfkit/core/tfjs';
import { type Bijector, defineBijector, type EventShape, parameterOf, type Scope } from '../bijector';
import { filled, gaussianValues, zeros } from '../initializers';

/** Halvings of an interval: to the last bit of float32. */
const halvings = 30;

/** The root a of a + slope tanh(a + b) = target, by halving; constant to the gradient. */
const rootOf = /* @__PURE__ */ tf.customGrad((...inputs) => {
  const [target, slope, b] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
  let low = tf.sub(target, tf.abs(slope));
  let high = tf.add(target, tf.abs(slope));
  for (let i = 0; i < halvings; i++) {
    const middle = tf.mul(tf.add(low, high), 0.5);
    const isAbove = tf.greater(tf.add(middle, tf.mul(slope, tf.tanh(tf.add(middle, b)))), target);
    [low, high] = [tf.where(isAbove, low, middle), tf.where(isAbove, middle, high)];
  }
  const shapes = [target, slope, b].map(({ shape }) => shape);
  return {
    value: tf.mul(tf.add(low, high), 0.5),
    gradFunc: () => shapes.map((shape) => tf.zeros(shape)),
  };
});

/**
 * z = x + u^ tanh(w.x + b), with u^ = u + (softplus(w.u) - 1 - w.u) w / |w|^2, so that w.u^ > -1 and it inverts: by halving for
 * w.x, then one step of Newton, which also gives the inverse its gradient.
 *
 * Parameters: 'w' [features], 'u' [features], 'b' [1].
 * Source: Rezende, Mohamed, Variational Inference with Normalizing Flows, ICML 2015, eq. 10 and appendix A.1 (arXiv:1505.05770).
 */
export function planar(): Bijector {
  const name = 'planar';
  const read = (scope: Scope) => {
    const [w, u, b] = ['w', 'u', 'b'].map((parameter) => parameterOf(name, scope, parameter)) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const product = tf.sum(tf.mul(w, u));
    const slope = tf.sub(softplus(product), 1);
    const correction = tf.div(tf.sub(slope, product), tf.add(tf.sum(tf.square(w)), 1e-20));
    return { w, b, slope, direction: tf.add(u, tf.mul(w, correction)) };
  };
  const logDetAt = (bent: tf.Tensor, slope: tf.Tensor) =>
    tf.log(tf.add(1, tf.mul(slope, tf.sub(1, tf.square(bent)))));
  const dot = (x: tf.Tensor, w: tf.Tensor) => tf.matMul(x, tf.reshape(w, [-1, 1]));
  return defineBijector({
    name,
    outputShape: (shape) => vectors(name, shape),
    init: (key, { shape }) => ({
      w: gaussianValues(key, shape, 1 / Math.sqrt(shape[0]!)),
      u: gaussianValues([key[1], key[0]], shape, 1e-2),
      b: zeros([1]),
    }),
    forward(x, scope) {
      const { w, b, slope, direction } = read(scope);
      const bent = tf.tanh(tf.add(dot(x, w), b));
      return { z: tf.add(x, tf.mul(bent, direction)), logDet: tf.reshape(logDetAt(bent, slope), [-1]) };
    },
    inverse(z, scope) {
      const { w, b, slope, direction } = read(scope);
      const target = dot(z, w);
      const found = rootOf(target, slope, b);
      const bend = tf.tanh(tf.add(found, b));
      const excess = tf.sub(tf.add(found, tf.mul(slope, bend)), target);
      const a = tf.sub(found, tf.div(excess, tf.add(1, tf.mul(slope, tf.sub(1, tf.square(bend))))));
      const bent = tf.tanh(tf.add(a, b));
      return {
        x: tf.sub(z, tf.mul(bent, direction)),
        logDet: tf.neg(tf.reshape(logDetAt(bent, slope), [-1])),
      };
    },
  });
}

/**
 * z = x + b^ (x - center) / (alpha + |x - center|), with alpha = exp(logAlpha) and b^ = softplus(beta) - alpha. The distance of x solves a
 * quadratic equation, so that the inverse is closed.
 *
 * Parameters: 'center' [features], 'logAlpha' [1], 'beta' [1].
 * Source: Rezende, Mohamed, 2015, eq. 14 and appendix A.2 (arXiv:1505.05770).
 */
export function radial(): Bijector {
  const name = 'radial';
  const read = (scope: Scope) => {
    const alpha = tf.exp(parameterOf(name, scope, 'logAlpha'));
    const gain = softplus(parameterOf(name, scope, 'beta'));
    return { center: parameterOf(name, scope, 'center'), alpha, gain, strength: tf.sub(gain, alpha) };
  };
  /** The gradient of the distance at the center is taken as 0. */
  const distance = (x: tf.Tensor) => tf.sqrt(tf.add(tf.sum(tf.square(x), 1, true), 1e-20));
  const logDetAt = (r: tf.Tensor, { alpha, strength }: ReturnType<typeof read>, features: number) => {
    const h = tf.div(1, tf.add(alpha, r));
    const around = tf.log(tf.add(1, tf.mul(strength, h)));
    const along = tf.log(tf.add(1, tf.mul(tf.mul(strength, alpha), tf.square(h))));
    return tf.reshape(tf.add(tf.mul(around, features - 1), along), [-1]);
  };
  return defineBijector({
    name,
    outputShape: (shape) => vectors(name, shape),
    init: (key, { shape }) => ({
      center: gaussianValues(key, shape, 1),
      logAlpha: zeros([1]),
      // softplus(0.5413) = 1: the identity.
      beta: filled([1], 0.541324854612918),
    }),
    forward(x, scope) {
      const parts = read(scope);
      const from = tf.sub(x, parts.center);
      const r = distance(from);
      const moved = tf.mul(from, tf.div(parts.strength, tf.add(parts.alpha, r)));
      return { z: tf.add(x, moved), logDet: logDetAt(r, parts, x.shape[1]!) };
    },
    inverse(z, scope) {
      const parts = read(scope);
      const { alpha, gain } = parts;
      const from = tf.sub(z, parts.center);
      const rz = distance(from);
      // r^2 + (gain - rz) r - alpha rz = 0; the positive root in the form that does not cancel.
      const half = tf.mul(tf.sub(gain, rz), 0.5);
      const root = tf.sqrt(tf.add(tf.square(half), tf.mul(alpha, rz)));
      const isLarge = tf.greater(half, 0);
      const r = tf.where(
        isLarge,
        tf.div(tf.mul(alpha, rz), tf.add(tf.abs(half), root)),
        tf.add(tf.abs(half), root),
      );
      const scale = tf.div(tf.add(alpha, r), tf.add(gain, r));
      return {
        x: tf.add(parts.center, tf.mul(from, scale)),
        logDet: tf.neg(logDetAt(r, parts, z.shape[1]!)),
      };
    },
  });
}

function vectors(name: string, shape: EventShape): EventShape {
  if (shape.length === 1) return shape;
  throw new ShapeError(`${name}: x must be vectors, got event shape [${shape.join(', ')}]. Use reshape().`);
}
