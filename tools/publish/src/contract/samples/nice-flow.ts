import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { chain, mlp, nice, permute, scaling } from '@tfkit/nice-flow';
import { rationalQuadratic } from '@tfkit/nice-flow/splines';
import type { Samples } from './sample';

const net = () => mlp({ hidden: [4] });
const model = { shape: [4], hidden: [4], couplings: 2, key: key(0) } as const;
const flow = () => nice(model);
const x = (): tf.Tensor2D => tf.fill([2, 4], 0.5);
const data = () => Float32Array.from({ length: 16 }, (_, i) => i / 16);
const twice = {
  name: 'twice',
  forward: (v: tf.Tensor) => ({ z: tf.mul(v, 2), logDet: 4 * Math.LN2 }),
  inverse: (z: tf.Tensor) => ({ x: tf.div(z, 2), logDet: 4 * Math.LN2 }),
};
const checkpoint = 'reads a checkpoint of another library';

export const niceFlow: Samples = {
  '.#additiveCoupling': () => [{ net: net(), mask: 'odd' }],
  '.#affineCoupling': () => [{ net: net(), mask: 'odd', scale: 'exp' }],
  '.#chain': () => [[scaling(), permute([1, 0])]],
  '.#checkBijector': () => [permute([1, 0, 3, 2]), x(), { tolerance: 0.01 }],
  '.#childScope': () => [{ parameters: { 'a.b': tf.ones([2]) } }, 'a'],
  '.#conditionalAffine': () => [{ net: net() }],
  '.#coupling': () => [{ net: net(), transformer: rationalQuadratic({ bins: 4 }) }],
  '.#defineBijector': () => [twice],
  '.#evaluate': () => [flow(), data(), { batchSize: 2 }],
  '.#fit': () => [flow(), data(), { key: key(1), steps: 1, batchSize: 2 }],
  '.#glow': () => [{ shape: [4, 4, 1], levels: 1, steps: 1, channels: 4, key: key(0) }],
  '.#interpolate': () => [flow(), tf.ones([4]), tf.zeros([4]), { steps: 3 }],
  '.#inversionErrors': () => [flow(), x()],
  '.#invert': () => [chain([scaling()])],
  '.#nice': () => [{ ...model }],
  '.#parameterOf': () => ['scaling', { parameters: { logScale: tf.ones([2]) } }, 'logScale'],
  '.#prefixed': () => ['a', { b: 1 }],
  '.#quantize': () => [Float32Array.of(0.1, 0.9), { levels: 256, range: [0, 1] }],
  '.#realNVP': () => [{ ...model }],
  '.#reshape': () => [{ from: [4], to: [2, 2] }],
  './autoregressive#autoregressive': () => [{ transformer: rationalQuadratic({ bins: 4 }), hidden: [4] }],
  './import#importNflows': checkpoint,
  './import#importNormflows': checkpoint,
  './import#importZuko': checkpoint,
  './splines#periodic': () => [net(), { bound: 3 }],
  './splines#splineCoupling': () => [{ net: net(), bins: 4, bound: 3 }],
  './variational#fitDensity': () => [
    flow(),
    (v: tf.Tensor) => tf.neg(tf.sum(tf.square(v), 1)),
    { key: key(1), steps: 1, batchSize: 2 },
  ],
  './variational#variationalDequantizer': () => [permute([1, 0])],
};
