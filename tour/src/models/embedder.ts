/**
 * A small convolutional network that turns a digit into two embeddings: a plane, to look at, and 32 numbers, to compare.
 * Both leave one trunk through a linear layer of their own, and each has its own class centres for training.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Digits } from '../data/mnist';
import { createRandom } from '../random';

export const dimensions = { plane: 2, scores: 32 } as const;
export type Head = keyof typeof dimensions;

export type EmbedderVariables = Record<string, tf.Variable>;
export type Embeddings = Record<Head, tf.Tensor2D>;

/** Filters of the strided 3x3 convolutions, and the size of what leaves the last for 28x28 pixels. */
const channels = [1, 8, 16, 32] as const;
const flatSize = 4 * 4 * 32;

/** Variables `trunk<i>`, `<head>/projection` and `<head>/centers` [classes, dimension]. Dispose them when done. */
export function createEmbedder(classes: number, seed: number): EmbedderVariables {
  const random = createRandom(seed, 5);
  const normal = (shape: number[], deviation: number) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const values = Float32Array.from({ length: size }, () => deviation * random.normal());
    return tf.tidy(() => tf.variable(tf.tensor(values, shape)));
  };
  const variables: EmbedderVariables = {};
  for (let level = 0; level < 3; level++) {
    const [from, to] = [channels[level]!, channels[level + 1]!];
    variables[`trunk${level}`] = normal([3, 3, from, to], Math.sqrt(2 / (9 * from)));
  }
  for (const head of Object.keys(dimensions) as Head[]) {
    variables[`${head}/projection`] = normal([flatSize, dimensions[head]], Math.sqrt(1 / flatSize));
    variables[`${head}/centers`] = normal([classes, dimensions[head]], 1);
  }
  return variables;
}

/**
 * The embeddings of a batch.
 *
 * @param images float32 [batch, 28, 28, 1] in [0, 1].
 * @returns float32 [batch, 2] and [batch, 32]. The caller disposes them.
 */
export function embed(variables: EmbedderVariables, images: tf.Tensor4D): Embeddings {
  return tf.tidy(() => {
    let x = images;
    for (let level = 0; level < 3; level++) {
      x = tf.leakyRelu(tf.conv2d(x, variables[`trunk${level}`] as unknown as tf.Tensor4D, 2, 'same'), 0.1);
    }
    const flat = tf.reshape(x, [-1, flatSize]);
    const project = (head: Head) =>
      tf.matMul(flat, variables[`${head}/projection`] as tf.Tensor) as tf.Tensor2D;
    return { plane: project('plane'), scores: project('scores') };
  });
}

/** The images with these indices as float32 [count, 28, 28, 1] in [0, 1]. The caller disposes it. */
export function imageBatch({ images, height, width }: Digits, indices: ArrayLike<number>): tf.Tensor4D {
  const size = height * width;
  const values = new Float32Array(indices.length * size);
  for (let item = 0; item < indices.length; item++) {
    const from = indices[item]! * size;
    for (let pixel = 0; pixel < size; pixel++) values[item * size + pixel] = images[from + pixel]! / 255;
  }
  return tf.tensor4d(values, [indices.length, height, width, 1]);
}

/** The embeddings of these images, row-major. */
export async function embedAll(
  variables: EmbedderVariables,
  digits: Digits,
  indices: ArrayLike<number>,
): Promise<Record<Head, Float32Array>> {
  const all = Array.from(indices);
  const result = {
    plane: new Float32Array(all.length * dimensions.plane),
    scores: new Float32Array(all.length * dimensions.scores),
  };
  const batch = 250;
  for (let start = 0; start < all.length; start += batch) {
    const images = imageBatch(digits, all.slice(start, start + batch));
    const { plane, scores } = embed(variables, images);
    result.plane.set(await plane.data(), start * dimensions.plane);
    result.scores.set(await scores.data(), start * dimensions.scores);
    tf.dispose([images, plane, scores]);
  }
  return result;
}
