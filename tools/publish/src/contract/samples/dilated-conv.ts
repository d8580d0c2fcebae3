import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import type { Samples } from './sample';

const map = (channels = 2): tf.Tensor4D => tf.fill([1, 6, 6, channels], 0.5);
const series = (channels = 2): tf.Tensor3D => tf.fill([1, 8, channels], 0.5);
const conv = (size: number, channels: number, out: number) => ({
  kernel: tf.fill([size, size, channels, out], 0.1),
  bias: tf.fill([out], 0.1),
});
const conv1d = (taps: number, channels: number, out: number) => ({
  kernel: tf.fill([taps, channels, out], 0.1),
  bias: tf.fill([out], 0.1),
});
const separable = (channels: number, out: number) => ({
  depthwise: tf.fill([3, 3, channels, 1], 0.1),
  pointwise: tf.fill([1, 1, channels, out], 0.1),
});
const tcnWeights = () => ({ blocks: [{ v1: tf.fill([2, 2, 2], 0.1), v2: tf.fill([2, 2, 2], 0.1) }] });
const waveNetWeights = () => ({
  input: conv1d(1, 2, 2),
  layers: [{ filter: conv1d(2, 2, 2), gate: conv1d(2, 2, 2), skip: conv1d(1, 2, 2) }],
});

export const dilatedConv: Samples = {
  '.#aspp': () => [map()],
  '.#asppV2': () => [map(), { branches: [conv(3, 2, 2), conv(3, 2, 2)] }, { rates: [1, 2] }],
  '.#asppV3': () => [
    map(),
    { pointwise: conv(1, 2, 1), branches: [conv(3, 2, 1)], pool: conv(1, 2, 1), project: conv(1, 3, 2) },
    { rates: [2] },
  ],
  '.#asppV3Plus': () => [
    map(),
    { pointwise: conv(1, 2, 1), branches: [separable(2, 1)], pool: conv(1, 2, 1), project: conv(1, 3, 2) },
    { rates: [2] },
  ],
  '.#contextModule': () => [map(), { layers: [conv(3, 2, 2)], final: conv(1, 2, 2) }, { rates: [2] }],
  '.#deepLabDecoder': () => [
    map(),
    tf.fill([1, 12, 12, 3], 0.5),
    { reduce: conv(1, 3, 1), refine: [conv(3, 3, 2)], classify: conv(1, 2, 2) },
  ],
  '.#denseAspp': () => [map(), { layers: [conv(3, 2, 1), conv(3, 3, 1)] }, { rates: [1, 2] }],
  '.#duc': () => [map(), conv(3, 2, 8), { factor: 2 }],
  '.#hdcBlock': () => [map(), { layers: [conv(3, 2, 2)] }, { rates: [2] }],
  '.#identityKernel': () => [2, 2, { noise: 0.1, key: key(0) }],
  '.#receptiveField': () => [[{ kernelSize: 3, dilationRate: 2, strides: 1 }]],
  '.#tcn': () => [series(), tcnWeights(), { rates: [1] }],
  '.#tcnStream': () => [tcnWeights(), { batch: 1, rates: [1] }],
  '.#waveNet': () => [series(), waveNetWeights(), { rates: [1] }],
  '.#waveNetStream': () => [waveNetWeights(), { batch: 1, rates: [1] }],
  './layers#analyzeModel': 'takes a LayersModel of tfjs-layers',
};
