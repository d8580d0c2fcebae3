/** A perceptron that names the digit behind its mixture with noise. */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../random';

/** Digits have `side` x `side` pixels. */
export const side = 14;
export const pixels = side * side;
/** Units of a layer. */
export const hidden = 384;
const frequencies = 8;

export type DenoiserWeights = Record<string, tf.Tensor>;

/** The digit x0 behind the state x at time t [batch], by a perceptron that sees cosines and sines of t. */
export function denoise(weights: DenoiserWeights, x: tf.Tensor, t: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const angles = tf.mul(
      tf.reshape(t, [-1, 1]),
      tf.tensor2d([Array.from({ length: frequencies }, (_, k) => (k + 1) * 1.5)]),
    );
    let h: tf.Tensor = tf.concat([x, tf.sin(angles), tf.cos(angles)], 1);
    const layer = (name: string, input: tf.Tensor) =>
      tf.add(tf.matMul(input as tf.Tensor2D, weights[`${name}/w`] as tf.Tensor2D), weights[`${name}/b`]!);
    h = tf.relu(layer('first', h));
    h = tf.add(h, tf.relu(layer('second', h)));
    h = tf.add(h, tf.relu(layer('third', h)));
    return layer('last', h);
  });
}

/** Variables `<layer>/w` (from the seed) and `<layer>/b` (zeros). Dispose them when done. */
export function createDenoiser(seed: number): Record<string, tf.Variable> {
  const random = createRandom(seed, 77);
  const input = pixels + 2 * frequencies;
  const sizes = {
    first: [input, hidden],
    second: [hidden, hidden],
    third: [hidden, hidden],
    last: [hidden, pixels],
  } as const;
  const variables: Record<string, tf.Variable> = {};
  for (const [name, [rows, columns]] of Object.entries(sizes)) {
    const scale = Math.sqrt(2 / rows) * (name === 'last' ? 0.3 : 1);
    const values = Float32Array.from({ length: rows * columns }, () => scale * random.normal());
    variables[`${name}/w`] = tf.variable(tf.tensor2d(values, [rows, columns]));
    variables[`${name}/b`] = tf.variable(tf.zeros([columns]));
  }
  return variables;
}
