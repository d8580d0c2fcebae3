/**
 * The tour's fully convolutional network: an encoder of strided 3x3 convolutions and a decoder that adds each level's
 * skip connection to the upsampled coarser one, as in Long, Shelhamer, Darrell, CVPR 2015. Functional tfjs ops only.
 *
 * The coarse path (receptive field 67 pixels) says which digit, the fine path (full resolution, 5x5 pixels) where its
 * edge is: their logits are added.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../random';

export type SegmenterVariables = Record<string, tf.Variable>;

interface Convolution {
  readonly name: string;
  readonly kernel: number;
  readonly from: number;
  readonly to: number;
  readonly stride: 1 | 2;
}

/** In the order of the forward pass; the number in a name is the stride of its output relative to the image. */
const convolutions = (classes: number): readonly Convolution[] => [
  { name: 'fine', kernel: 5, from: 1, to: 8, stride: 1 },
  { name: 'down2', kernel: 5, from: 1, to: 16, stride: 2 },
  { name: 'down4', kernel: 3, from: 16, to: 32, stride: 2 },
  { name: 'same4', kernel: 3, from: 32, to: 32, stride: 1 },
  { name: 'down8', kernel: 3, from: 32, to: 64, stride: 2 },
  { name: 'same8', kernel: 3, from: 64, to: 64, stride: 1 },
  { name: 'deep8', kernel: 3, from: 64, to: 64, stride: 1 },
  { name: 'skip4', kernel: 1, from: 32, to: 64, stride: 1 },
  { name: 'fuse4', kernel: 3, from: 64, to: 32, stride: 1 },
  { name: 'skip2', kernel: 1, from: 16, to: 32, stride: 1 },
  { name: 'fuse2', kernel: 3, from: 32, to: 16, stride: 1 },
  { name: 'classify2', kernel: 1, from: 16, to: classes, stride: 1 },
  { name: 'classify1', kernel: 1, from: 8, to: classes, stride: 1 },
];

/** Variables `<name>/filter` and `<name>/bias`: He-normal filters from the seed, zero biases. Dispose them. */
export function createSegmenter(classes: number, seed: number): SegmenterVariables {
  const random = createRandom(seed, 1);
  const variables: SegmenterVariables = {};
  for (const { name, kernel, from, to } of convolutions(classes)) {
    const shape = [kernel, kernel, from, to];
    const deviation = Math.sqrt(2 / (kernel * kernel * from));
    const filter = Float32Array.from(
      { length: kernel * kernel * from * to },
      () => deviation * random.normal(),
    );
    // Variables of the same name may not exist twice in tfjs, so each gets a number of its own from tfjs.
    variables[`${name}/filter`] = tf.tidy(() => tf.variable(tf.tensor(filter, shape)));
    variables[`${name}/bias`] = tf.tidy(() => tf.variable(tf.zeros([to])));
  }
  return variables;
}

/**
 * Logits of each pixel's class.
 *
 * @param images float32 [batch, height, width, 1] in [0, 1]; height and width are multiples of 8.
 * @returns float32 [batch, height, width, classes]. The caller disposes it.
 */
export function segmentationLogits(variables: SegmenterVariables, images: tf.Tensor4D): tf.Tensor4D {
  const conv = (x: tf.Tensor4D, name: string, stride: 1 | 2 = 1) =>
    tf.add(
      tf.conv2d(x, variables[`${name}/filter`] as unknown as tf.Tensor4D, stride, 'same'),
      variables[`${name}/bias`]!,
    ) as tf.Tensor4D;
  const relu = (x: tf.Tensor4D) => tf.relu(x);
  return tf.tidy(() => {
    const fine = relu(conv(images, 'fine'));
    const level2 = relu(conv(images, 'down2', 2));
    const level4 = relu(conv(relu(conv(level2, 'down4', 2)), 'same4'));
    const down8 = relu(conv(level4, 'down8', 2));
    const level8 = relu(conv(relu(conv(down8, 'same8')), 'deep8'));
    const up4 = relu(conv(relu(tf.add(doubled(level8), conv(level4, 'skip4'))), 'fuse4'));
    const up2 = relu(conv(relu(tf.add(doubled(up4), conv(level2, 'skip2'))), 'fuse2'));
    return tf.add(doubled(conv(up2, 'classify2')), conv(fine, 'classify1'));
  });
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
