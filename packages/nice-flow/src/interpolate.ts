/** Ways between two examples. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkOneOf, formatShape, ShapeError } from '@tfkit/core';
import type { ContextOption, Flow } from './flow';

export interface InterpolateOptions extends ContextOption {
  /** How many examples, the ends included; at least 2. Default 8. */
  readonly steps?: number;
  /** 'linear' in z, or along the sphere through both latents ('spherical'), where a Gaussian's samples lie. Default 'linear'. */
  readonly path?: 'linear' | 'spherical';
}

/**
 * Examples on the way from `from` to `to` in the latent space, float32 [steps, ...shape]. The caller disposes it.
 *
 * @param from, to float32 [1, ...shape].
 * @param options.context [steps, contextSize] or [1, contextSize]; the ends are encoded with its first row.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 */
export function interpolate(
  flow: Flow,
  from: tf.Tensor,
  to: tf.Tensor,
  options: InterpolateOptions = {},
): tf.Tensor {
  const { steps = 8, path = 'linear', context } = options;
  checkInteger(['interpolate', 'steps'], steps, { min: 2 });
  checkOneOf(['interpolate', 'path'], path, ['linear', 'spherical']);
  for (const [name, end] of Object.entries({ from, to })) {
    if (end.shape[0] === 1) continue;
    throw new ShapeError(
      `interpolate: ${name} must be one example [1, ...shape], got ${formatShape(end.shape)}.`,
    );
  }
  return tf.tidy(() => {
    const first = context && tf.slice(context, [0, 0], [1, context.shape[1]!]);
    const [a, b] = [from, to].map((x) => tf.reshape(flow.forward(x, { context: first }).z, [1, -1])) as [
      tf.Tensor,
      tf.Tensor,
    ];
    const t = tf.reshape(tf.linspace(0, 1, steps), [steps, 1]);
    const z = tf.reshape(path === 'linear' ? linear(a, b, t) : spherical(a, b, t), [
      steps,
      ...flow.latentShape,
    ]);
    const spread = context && context.shape[0] === 1 ? tf.tile(context as tf.Tensor2D, [steps, 1]) : context;
    return flow.inverse(z, { context: spread }).x;
  });
}

const linear = (a: tf.Tensor, b: tf.Tensor, t: tf.Tensor) => tf.add(tf.mul(a, tf.sub(1, t)), tf.mul(b, t));

/** Shoemake's slerp of the directions, with the lengths interpolated; linear where the two are nearly parallel. */
function spherical(a: tf.Tensor, b: tf.Tensor, t: tf.Tensor): tf.Tensor {
  const [lengthA, lengthB] = [tf.norm(a), tf.norm(b)];
  const [unitA, unitB] = [tf.div(a, lengthA), tf.div(b, lengthB)];
  // The angle by its chord, which is exact for small angles.
  const angle = tf.mul(2, tf.asin(tf.minimum(1, tf.div(tf.norm(tf.sub(unitA, unitB)), 2))));
  const sine = tf.sin(angle);
  const direction = tf.add(
    tf.mul(unitA, tf.div(tf.sin(tf.mul(tf.sub(1, t), angle)), sine)),
    tf.mul(unitB, tf.div(tf.sin(tf.mul(t, angle)), sine)),
  );
  const length = tf.add(tf.mul(lengthA, tf.sub(1, t)), tf.mul(lengthB, t));
  return tf.where(tf.greater(sine, 1e-4), tf.mul(direction, length), linear(a, b, t));
}
