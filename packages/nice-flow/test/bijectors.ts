/** Every bijector of the package, for the contract test, with parameters away from their first values. */
import * as tf from '@tensorflow/tfjs-core';
import { foldIn, key, normal } from '@tfkit/core';
import { autoregressive, iafLayer, mafLayer } from '../src/autoregressive/index';
import { cnf } from '../src/continuous/index';
import {
  actnorm,
  additiveCoupling,
  affineCoupling,
  type Bijector,
  batchNorm,
  chain,
  conditionalAffine,
  convNet,
  glowStep,
  invert,
  invertibleConv1x1,
  logit,
  luLinear,
  type Mask,
  mlp,
  permute,
  randomOrder,
  reshape,
  residualNet,
  scaling,
  split,
  squeeze,
  standardize,
} from '../src/index';
import { planar, radial, residual } from '../src/residual/index';
import { elementwiseSpline, rationalQuadratic, splineCoupling } from '../src/splines/index';

export interface BijectorEntry {
  readonly title: string;
  readonly bijector: Bijector;
  readonly shape: number[];
  readonly contextSize?: number;
  /** Values of x. Default [-1.5, 1.5]. */
  readonly range?: [number, number];
  /** Parameters that cannot matter for this shape: the triangles of a 1x1 matrix. */
  readonly unused?: readonly string[];
  /** Why the entry cannot run on a backend. */
  readonly except?: Readonly<Record<string, string>>;
}

const small = mlp({ hidden: [8], activation: 'tanh' });
const conv = convNet({ channels: 4, kernelSizes: [3, 1, 3], activation: 'tanh' });
const image = [2, 4, 2];
const masks: Mask[] = ['first-half', 'second-half', 'even', 'odd', [1, 0, 0, 1, 1, 0]];

/** A single entry depends on nothing, so that all but the last bias is idle. */
const unusedOfOne = ['net.0.kernel', 'net.1.kernel'];

export const entries: BijectorEntry[] = [
  { title: 'scaling', bijector: scaling(), shape: [5] },
  { title: 'scaling of images', bijector: scaling(), shape: image },
  { title: 'actnorm', bijector: actnorm(), shape: [5] },
  { title: 'actnorm of images', bijector: actnorm(), shape: image },
  { title: 'batchNorm', bijector: batchNorm(), shape: [4] },
  { title: 'batchNorm of images', bijector: batchNorm(), shape: image },
  ...masks.map((mask) => ({
    title: `additiveCoupling, mask ${mask}`,
    bijector: additiveCoupling({ mask, net: small }),
    shape: [6],
  })),
  ...(['exp', 'tanh', 'sigmoid', 'rescaled-tanh'] as const).map((scaleMap) => ({
    title: `affineCoupling, ${scaleMap}`,
    bijector: affineCoupling({ mask: 'odd', net: small, scaleMap }),
    shape: [5],
  })),
  {
    title: 'affineCoupling, own scale map, shift first',
    bijector: affineCoupling({ net: small, scaleMap: (raw) => tf.sin(raw), order: 'shift-first' }),
    shape: [4],
  },
  {
    title: 'affineCoupling, context',
    bijector: affineCoupling({ mask: 'even', net: small }),
    shape: [3],
    contextSize: 2,
  },
  {
    title: 'affineCoupling, a function as net',
    bijector: affineCoupling({ net: (x) => tf.concat([tf.sin(x), tf.cos(x)], -1) }),
    shape: [4],
  },
  ...(['first-half', 'checkerboard-even', 'checkerboard-odd'] as const).map((mask) => ({
    title: `affineCoupling of images, ${mask}`,
    bijector: affineCoupling({ mask, net: conv }),
    shape: image,
  })),
  {
    title: 'affineCoupling of images, context and residual net',
    bijector: affineCoupling({ mask: 'checkerboard-even', net: residualNet({ channels: 4, blocks: 1 }) }),
    shape: image,
    contextSize: 2,
  },
  { title: 'conditionalAffine', bijector: conditionalAffine({ net: small }), shape: [3], contextSize: 2 },
  { title: 'invertibleConv1x1, plu', bijector: invertibleConv1x1(), shape: [2, 2, 5] },
  {
    title: 'invertibleConv1x1 of one channel, dense',
    bijector: invertibleConv1x1({ parametrization: 'dense' }),
    shape: [2, 2, 1],
  },
  {
    title: 'invertibleConv1x1 of one channel',
    bijector: invertibleConv1x1(),
    shape: [2, 2, 1],
    unused: ['lower', 'upper'],
  },
  {
    title: 'invertibleConv1x1, dense',
    bijector: invertibleConv1x1({ parametrization: 'dense' }),
    shape: [2, 2, 3],
  },
  { title: 'luLinear', bijector: luLinear(), shape: [6] },
  { title: 'squeeze, channel order', bijector: squeeze(), shape: image },
  { title: 'squeeze, block order', bijector: squeeze({ order: 'block' }), shape: image },
  { title: 'squeeze by 3', bijector: squeeze({ factor: 3 }), shape: [3, 6, 1] },
  { title: 'logit', bijector: logit(), shape: [4], range: [0, 1] },
  {
    title: 'logit, one-sided, of [-1, 1]',
    bijector: logit({ form: 'one-sided', range: [-1, 1] }),
    shape: [4],
    range: [-1, 0.9],
  },
  { title: 'permute, reversed', bijector: permute('reverse'), shape: image },
  { title: 'permute, random', bijector: permute(randomOrder(key(4), 9)), shape: [9] },
  { title: 'reshape', bijector: reshape({ from: image, to: [16] }), shape: image },
  { title: 'invert', bijector: invert(actnorm()), shape: [4] },
  { title: 'invert(squeeze)', bijector: invert(squeeze()), shape: [1, 2, 4] },
  {
    title: 'chain',
    bijector: chain({ norm: actnorm(), linear: luLinear(), couple: additiveCoupling({ net: small }) }),
    shape: [4],
  },
  { title: 'empty chain', bijector: chain([]), shape: [3] },
  { title: 'split', bijector: split({ inner: scaling() }), shape: [4] },
  { title: 'split with prior', bijector: split({ inner: actnorm(), keep: 1, prior: small }), shape: [4] },
  { title: 'standardize', bijector: standardize({ mean: [1, 2], deviation: [0.5, 3] }), shape: [2] },
  { title: 'standardize of images', bijector: standardize({ mean: 0.3, deviation: 2 }), shape: image },
  ...(['identity', 'linear', 'circular'] as const).flatMap((tails) => [
    {
      title: `splineCoupling, ${tails} tails`,
      bijector: splineCoupling({ mask: 'even', net: small, bins: 4, bound: 1.2, tails }),
      shape: [5],
    },
    {
      title: `elementwiseSpline, ${tails} tails`,
      bijector: elementwiseSpline({ bins: 3, bound: 1.2, tails }),
      shape: [3],
    },
  ]),
  {
    title: 'splineCoupling of images, context',
    bijector: splineCoupling({ net: conv, bins: 3, bound: 1 }),
    shape: image,
    contextSize: 2,
  },
  {
    title: 'mafLayer',
    bijector: mafLayer({ hidden: [8, 8], activation: 'tanh' }),
    shape: [4],
    contextSize: 2,
  },
  {
    title: 'mafLayer of one entry',
    bijector: mafLayer({ hidden: [4], scaleMap: 'exp' }),
    shape: [1],
    unused: unusedOfOne,
  },
  {
    title: 'mafLayer, own order',
    bijector: mafLayer({ hidden: [8], order: [2, 0, 1], activation: 'elu' }),
    shape: [3],
  },
  {
    title: 'iafLayer',
    bijector: iafLayer({ hidden: [8], order: 'reverse', activation: 'tanh' }),
    shape: [4],
  },
  {
    title: 'autoregressive spline',
    bijector: autoregressive({
      transformer: rationalQuadratic({ bins: 3 }),
      hidden: [8],
      activation: 'tanh',
    }),
    shape: [3],
    contextSize: 1,
  },
  { title: 'planar', bijector: planar(), shape: [3] },
  { title: 'radial', bijector: radial(), shape: [3] },
  ...(['tanh', 'elu', 'lipswish'] as const).map((activation) => ({
    title: `residual, ${activation}`,
    bijector: residual({ hidden: [8], activation, coefficient: 0.7 }),
    shape: [3],
  })),
  {
    title: 'residual, context',
    bijector: residual({ hidden: [8, 8], coefficient: 0.5 }),
    shape: [2],
    contextSize: 2,
  },
  {
    title: 'cnf',
    bijector: cnf({ hidden: [8] }),
    shape: [3],
    contextSize: 1,
    except: { webgpu: 'it cannot be read synchronously in Node' },
  },
  ...(['softplus', 'swish'] as const).map((activation) => ({
    title: `cnf of equal steps, ${activation}`,
    bijector: cnf({ hidden: [8], steps: 12, activation, time: 0.5 }),
    shape: [2],
  })),
  { title: 'a step of Glow', bijector: glowStep(4), shape: [2, 2, 4] },
];

/** The parameters of an entry as tensors, each moved by normal noise of deviation 0.3 where it is trained. */
export function movedParameters({
  bijector,
  shape,
  contextSize = 0,
}: BijectorEntry): Record<string, tf.Tensor> {
  const values = bijector.init(key(1), { shape, contextSize });
  return Object.fromEntries(
    Object.entries(values).map(([name, value], i) => {
      const noise = normal(foldIn(key(2), i), value.data.length);
      const move = value.trainable === false ? 0 : 0.3;
      return [
        name,
        tf.tensor(
          value.data.map((entry, at) => entry + move * noise[at]!),
          [...value.shape],
        ),
      ];
    }),
  );
}
