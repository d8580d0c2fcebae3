/** A small perceptron that is the velocity of a flow in the plane. */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../random';

const units = 64;

export type PlaneFlow = Record<string, tf.Variable>;

/** Variables of a perceptron from (x, y, t) to a velocity. Dispose them when done. */
export function createPlaneFlow(seed: number): PlaneFlow {
  const random = createRandom(seed, 31);
  const variables: PlaneFlow = {};
  const sizes = {
    first: [4, units],
    second: [units, units],
    third: [units, units],
    last: [units, 2],
  } as const;
  for (const [name, [rows, columns]] of Object.entries(sizes)) {
    const scale = name === 'last' ? 0.1 : Math.sqrt(2 / rows);
    const values = Float32Array.from({ length: rows * columns }, () => scale * random.normal());
    variables[`${name}/w`] = tf.variable(tf.tensor2d(values, [rows, columns]));
    variables[`${name}/b`] = tf.variable(tf.zeros([columns]));
  }
  return variables;
}

/** The velocity at points [n, 2] and times [n], in [0, 1]. */
export function planeVelocity(flow: PlaneFlow, points: tf.Tensor, times: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const t = tf.reshape(times, [-1, 1]);
    let h: tf.Tensor = tf.concat([points, t, tf.square(t)], 1);
    for (const name of ['first', 'second', 'third', 'last']) {
      h = tf.add(tf.matMul(h as tf.Tensor2D, flow[`${name}/w`] as tf.Tensor2D), flow[`${name}/b`]!);
      if (name !== 'last') h = tf.elu(h);
    }
    return h;
  });
}
