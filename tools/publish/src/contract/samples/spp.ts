import * as tf from '@tensorflow/tfjs-core';
import type { Samples } from './sample';

const map = (channels = 2): tf.Tensor4D => tf.fill([1, 6, 6, channels], 0.5);
const conv = (size: number, channels: number, out: number) => ({
  kernel: tf.fill([size, size, channels, out], 0.1),
  bias: tf.fill([out], 0.1),
});
const typedConv = () => ({ kernel: Float32Array.of(0.1, 0.2), bias: Float32Array.of(0.1) });

export const spp: Samples = {
  '.#mapWindows': () => [[[0, 10, 10, 60, 60]], { stride: 16, mapSize: [6, 6] }],
  '.#multiScaleRoiAlign': () => [
    [map(), tf.fill([1, 3, 3, 2], 0.5)],
    [[0, 1, 1, 40, 40]],
    { outputSize: 2, spatialScales: [1 / 4, 1 / 8] },
  ],
  '.#pyramidPoolingModule': () => [map(), [conv(1, 2, 1), conv(1, 2, 1), conv(1, 2, 1), conv(1, 2, 1)]],
  '.#resizeBilinear': () => [map(), [3, 4]],
  '.#spatialPyramidPool': () => [map(), { levels: [1, 2] }],
  '.#sppBlock': () => [map(), { cv1: conv(1, 2, 1), cv2: conv(1, 4, 2) }],
  '.#sppcspc': () => [
    map(),
    {
      cv1: conv(1, 2, 1),
      cv2: conv(1, 2, 1),
      cv3: conv(3, 1, 1),
      cv4: conv(1, 1, 1),
      cv5: conv(1, 4, 1),
      cv6: conv(3, 1, 1),
      cv7: conv(1, 2, 2),
    },
  ],
  '.#sppfBlock': () => [map(), { cv1: conv(1, 2, 1), cv2: conv(1, 4, 2) }],
  '.#sppLength': () => [2, [1, 2]],
  '.#validateBoxes': () => [tf.tensor2d([[0, 1, 1, 4, 4]]), { images: 1 }],
  '.#withImageIds': () => [[[[1, 1, 4, 4]], [[0, 0, 2, 2]]]],
  './typed#pyramidPoolingModule': () => [
    { data: new Float32Array(72), dims: [1, 2, 6, 6] },
    [typedConv(), typedConv()],
    { bins: [1, 2] },
  ],
  './typed#sppLength': () => [2, [1, 2]],
};
