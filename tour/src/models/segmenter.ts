/**
 * The tour's fully convolutional network: an encoder of strided 3x3 convolutions and a decoder that adds each level's
 * skip connection to the upsampled coarser one (Long, Shelhamer, Darrell, CVPR 2015). Functional tfjs ops only.
 *
 * The image enters with its 2x2 blocks folded into channels and the logits leave the same way (as in Shi et al., CVPR
 * 2016), so that no convolution runs at full resolution. Every convolution but the last is followed by an instance
 * normalisation (Ulyanov, Vedaldi, Lempitsky, arXiv:1607.08022), which learns as fast as batch normalisation here and
 * keeps no state.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../random';

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

/** Variables `<name>/filter` (He-normal from the seed), `<name>/scale` and `<name>/offset`. Dispose them when done. */
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
    if (name !== 'classify2') variables[`${name}/scale`] = variable(() => tf.ones([to]));
  };
  for (const name of Object.keys(filters) as Name[]) create(name, filters[name], 2);
  create('classify2', [3, 16 + 4, 4 * classes], 1);
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
  const layer = (x: tf.Tensor4D, name: Name, stride: 1 | 2 = 1): tf.Tensor4D => {
    const y = normalized(tf.conv2d(x, filter(name), stride, 'same'));
    return tf.add(tf.mul(y, variables[`${name}/scale`]!), variables[`${name}/offset`]!);
  };
  const relu = (x: tf.Tensor4D): tf.Tensor4D => tf.relu(x);
  return tf.tidy(() => {
    const folded = fold(images);
    const level2 = relu(layer(folded, 'stem2'));
    const down4 = relu(layer(level2, 'down4', 2));
    const level4 = relu(layer(down4, 'same4'));
    const down8 = relu(layer(level4, 'down8', 2));
    const level8 = relu(layer(relu(layer(down8, 'same8')), 'deep8'));
    const sum4: tf.Tensor4D = tf.add(level4, doubled(layer(level8, 'coarse4')));
    const up4 = relu(layer(relu(sum4), 'fuse4'));
    const sum2: tf.Tensor4D = tf.add(level2, doubled(layer(up4, 'coarse2')));
    const logits = tf.conv2d(tf.concat([relu(sum2), folded], 3), filter('classify2'), 1, 'same');
    return unfold(tf.add(logits, variables['classify2/offset']!));
  });
}

/** Each channel of each sample to mean 0 and variance 1 over its positions. */
function normalized(x: tf.Tensor4D): tf.Tensor4D {
  const { mean, variance } = tf.moments(x, [1, 2], true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
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
