/**
 * The tour's fully convolutional network after Long, Shelhamer, Darrell, CVPR 2015: an encoder of strided 3x3
 * convolutions, a decoder that adds its levels to the upsampled coarser ones, and at the strides 8, 4 and 2 a 1x1
 * convolution that scores the classes; the three scores are upsampled and added. Functional tfjs ops only.
 *
 * The image enters with its 2x2 blocks folded into channels and the finest scores leave the same way (as in Shi et
 * al., CVPR 2016), so that no convolution runs at full resolution. Every other convolution is followed by an instance
 * normalisation (Ulyanov, Vedaldi, Lempitsky, arXiv:1607.08022), which learns as fast as batch normalisation here and
 * keeps no state.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../random';
import { instanceNorm } from './instanceNorm';

export type SegmenterVariables = Record<string, tf.Variable>;

/** Names end in the stride of the output relative to the image; [kernel, channels in, channels out]. */
const filters = {
  stem2: [3, 4, 16],
  down4: [3, 16, 32],
  same4: [3, 32, 32],
  down8: [3, 32, 64],
  same8: [3, 64, 64],
  deep8: [3, 64, 64],
  coarse4: [1, 64, 32],
  fuse4: [3, 32, 32],
  coarse2: [1, 32, 16],
} as const;

type Name = keyof typeof filters;

/** Variables `<name>/filter` (He-normal from the seed) and `<name>/offset` (zeros). Dispose them when done. */
export function createSegmenter(classes: number, seed: number): SegmenterVariables {
  const random = createRandom(seed, 1);
  const variables: SegmenterVariables = {};
  const create = (name: string, [kernel, from, to]: readonly [number, number, number], gain: number) => {
    const deviation = Math.sqrt(gain / (kernel * kernel * from));
    const values = Float32Array.from(
      { length: kernel * kernel * from * to },
      () => deviation * random.normal(),
    );
    const variable = (tensor: () => tf.Tensor) => tf.tidy(() => tf.variable(tensor()));
    variables[`${name}/filter`] = variable(() => tf.tensor(values, [kernel, kernel, from, to]));
    variables[`${name}/offset`] = variable(() => tf.zeros([to]));
  };
  for (const name of Object.keys(filters) as Name[]) create(name, filters[name], 2);
  create('score8', [1, 64, classes], 1);
  create('score4', [1, 32, classes], 1);
  create('score2', [1, 16, 4 * classes], 1);
  create('pixels2', [1, 4, 4 * classes], 1);
  return variables;
}

/**
 * Logits of each pixel's class.
 *
 * @param images float32 [batch, height, width, 1] in [0, 1]; height and width are multiples of 8.
 * @returns float32 [batch, height, width, classes]. The caller disposes it.
 */
export function segmentationLogits(variables: SegmenterVariables, images: tf.Tensor4D): tf.Tensor4D {
  const filter = (name: string) => variables[`${name}/filter`] as unknown as tf.Tensor4D;
  const offset = (name: string) => variables[`${name}/offset`]!;
  const layer = (x: tf.Tensor4D, name: Name, stride: 1 | 2 = 1): tf.Tensor4D =>
    tf.add(instanceNorm(tf.conv2d(x, filter(name), stride, 'same')), offset(name));
  const score = (x: tf.Tensor4D, name: string): tf.Tensor4D =>
    tf.add(tf.conv2d(x, filter(name), 1, 'same'), offset(name));
  const relu = (x: tf.Tensor4D): tf.Tensor4D => tf.relu(x);
  return tf.tidy(() => {
    const folded = fold(images);
    const level2 = relu(layer(folded, 'stem2'));
    const level4 = relu(layer(relu(layer(level2, 'down4', 2)), 'same4'));
    const level8 = relu(layer(relu(layer(relu(layer(level4, 'down8', 2)), 'same8')), 'deep8'));
    const sum4: tf.Tensor4D = tf.add(level4, doubled(layer(level8, 'coarse4')));
    const up4 = relu(layer(relu(sum4), 'fuse4'));
    const up2 = relu(tf.add(level2, doubled(layer(up4, 'coarse2'))) as tf.Tensor4D);

    const coarse = doubled(tf.add(doubled(score(level8, 'score8')), score(up4, 'score4')));
    const fine: tf.Tensor4D = tf.add(score(up2, 'score2'), score(folded, 'pixels2'));
    return unfold(addToFolded(fine, coarse));
  });
}

/** [n, h, w, 4c] plus the same [n, h, w, c] for each of the four pixels of a block. */
function addToFolded(folded: tf.Tensor4D, blocks: tf.Tensor4D): tf.Tensor4D {
  const [n, height, width, channels] = blocks.shape;
  const pixels = tf.reshape(folded, [n * height * width, 4, channels]);
  const sum = tf.add(pixels, tf.reshape(blocks, [n * height * width, 1, channels]));
  return tf.reshape(sum, folded.shape);
}

/** [n, 2h, 2w, c] to [n, h, w, 4c]. */
function fold(x: tf.Tensor4D): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const blocks = tf.reshape(x, [n, height / 2, 2, width / 2, 2 * channels]);
  return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4]), [n, height / 2, width / 2, 4 * channels]);
}

/** [n, h, w, 4c] to [n, 2h, 2w, c], the inverse of `fold`. */
function unfold(x: tf.Tensor4D): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const blocks = tf.reshape(x, [n, height, width, 2, channels / 2]);
  return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4]), [n, 2 * height, 2 * width, channels / 4]);
}

/** Twice the height and width, bilinear. Corners aligned: tfjs' gradient of resizeBilinear ignores half-pixel centres. */
function doubled(x: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = x.shape;
  return tf.image.resizeBilinear(x, [2 * height, 2 * width], true);
}

/** Class ids int32 [batch, height, width]: the class of the largest logit. */
export function segment(variables: SegmenterVariables, images: tf.Tensor4D): tf.Tensor3D {
  return tf.tidy(() => tf.argMax(segmentationLogits(variables, images), -1) as tf.Tensor3D);
}
