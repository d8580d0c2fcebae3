/** Valid arguments of functions for which the types of their parameters do not tell enough, or why one is left out. */
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { ddim, spaced, vp } from '@tfkit/diffusion-samplers';
import { ConfusionMatrix } from '@tfkit/seg-metrics';

type Sample = (() => unknown[]) | string;

const map = (channels = 2): tf.Tensor4D => tf.fill([1, 6, 6, channels], 0.5);
const conv = (size: number, channels: number, out: number) => ({
  kernel: tf.fill([size, size, channels, out], 0.1),
  bias: tf.fill([out], 0.1),
});
const plan = { schedule: vp(), grid: spaced(), prediction: 'epsilon', solver: ddim(), steps: 4 };

/** Two images of three classes, each kept. */
function matrix(): ConfusionMatrix {
  const counted = new ConfusionMatrix({ numClasses: 3, keepImages: true });
  counted.update(Uint8Array.of(0, 1, 1, 2), Uint8Array.of(0, 1, 2, 2));
  counted.update(Uint8Array.of(0, 0, 1, 2), Uint8Array.of(0, 1, 2, 2));
  return counted;
}
const mask = () => Uint8Array.from({ length: 36 }, (_, i) => Number(i % 6 > 2));
const shape = () => ({ shape: [6, 6] });

export const samples: Readonly<Record<string, Sample>> = {
  'core .#checkInteger': () => [['f', 'x'], 2, { min: 0, max: 4 }],
  'core .#checkNumber': () => [['f', 'x'], 2, { min: 0, max: 4 }],
  'core .#checkOneOf': () => [['f', 'x'], 'a', ['a', 'b']],
  'core ./tfjs#linearCombination': () => [
    [1, 2],
    [tf.ones([4]), tf.ones([4])],
  ],
  'core ./tfjs#saveSafetensors': () => [{ w: tf.ones([2, 2]) }],
  'core ./weights#encodeSafetensors': () => [{ w: { shape: [2], data: Float32Array.of(1, 2) } }],
  'ddp .#spawn': 'starts worker threads',
  'ddp .#initProcessGroup': 'waits for other ranks where the environment names any',
  'diffusion-samplers .#createPlan': () => [{ ...plan }],
  'diffusion-samplers ./diffusers#toDiffusersConfig': () => [{ ...plan }],
  'dilated-conv .#aspp': () => [map()],
  'dilated-conv .#receptiveField': () => [[{ kernelSize: 3, dilationRate: 2, strides: 1 }]],
  'dilated-conv .#identityKernel': () => [2, 2, { noise: 0.1, key: key(0) }],
  'dilated-conv .#duc': () => [map(), conv(3, 2, 8), { factor: 2 }],
  'margin-softmax ./protocols#rocCurve': () => [Float64Array.of(0.9, 0.8, 0.3), [true, true, false]],
  'margin-softmax ./metric-losses#ringLoss': () => [tf.fill([4, 4], 0.5), tf.scalar(1)],
  'nice-flow .#quantize': () => [Float32Array.of(0.1, 0.9), { levels: 256, range: [0, 1] }],
  'nice-flow .#glow': () => [{ shape: [4, 4, 1], levels: 1, steps: 1, channels: 4, key: key(0) }],
  'nice-flow .#nice': () => [{ shape: [4], hidden: [4], couplings: 2, key: key(0) }],
  'nice-flow .#realNVP': () => [{ shape: [4], hidden: [4], couplings: 2, key: key(0) }],
  'seg-metrics .#balancedAccuracy': () => [matrix(), {}],
  'seg-metrics .#bootstrap': () => [matrix(), () => 1, { samples: 20, seed: 1 }],
  'seg-metrics .#boundaryBand': () => [mask(), [6, 6], 1],
  'seg-metrics .#boundaryF1': () => [mask(), mask(), shape()],
  'seg-metrics .#boundaryIou': () => [mask(), mask(), shape()],
  'seg-metrics .#classCounts': () => [matrix(), { ignoreClasses: [0] }],
  'seg-metrics .#connectedComponents': () => [mask(), shape()],
  'seg-metrics .#dice': () => [matrix(), { policy: 'nan-skipped' }],
  'seg-metrics .#encodeRle': () => [mask(), [6, 6]],
  'seg-metrics .#iou': () => [matrix(), { policy: 'nan-skipped' }],
  'seg-metrics .#meanIou': () => [matrix(), { policy: 'nan-skipped' }],
  'seg-metrics .#pixelAccuracy': () => [matrix(), {}],
  'seg-metrics .#presetScores': () => [matrix(), 'mmseg'],
  'seg-metrics .#score': () => [matrix(), 'iou', { policy: 'nan-skipped' }],
  'seg-metrics .#updateLogits': () => [matrix(), new Float32Array(12), Uint8Array.of(0, 1, 2, 2)],
  'seg-metrics .#worstImages': () => [matrix(), 'iou', 1],
  'seg-metrics ./tfjs#updateFromTensors': () => [matrix(), tf.zeros([2, 2, 3]), tf.zeros([2, 2], 'int32')],
  'spp .#mapWindows': () => [[[0, 10, 10, 60, 60]], { stride: 16, mapSize: [6, 6] }],
  'spp .#multiScaleRoiAlign': () => [
    [map(), tf.fill([1, 3, 3, 2], 0.5)],
    [[0, 1, 1, 40, 40]],
    { outputSize: 2, spatialScales: [1 / 4, 1 / 8] },
  ],
  'spp .#pyramidPoolingModule': () => [map(), [conv(1, 2, 1), conv(1, 2, 1), conv(1, 2, 1), conv(1, 2, 1)]],
  'spp .#resizeBilinear': () => [map(), [3, 4]],
  'spp .#spatialPyramidPool': () => [map(), { levels: [1, 2] }],
  'spp .#sppLength': () => [2, [1, 2]],
};
