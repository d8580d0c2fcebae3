/** What each op of the golden format is in this package. */
import * as tf from '@tensorflow/tfjs-core';
import { iafLayer, mafLayer } from '../../src/autoregressive/index';
import {
  actnorm,
  additiveCoupling,
  affineCoupling,
  batchNorm,
  bitsPerDim,
  checkerboard,
  integerLogLikelihood,
  invertibleConv1x1,
  luLinear,
  scaling,
  squeeze,
} from '../../src/index';
import { planar, radial, residual } from '../../src/residual/index';
import { splineCoupling } from '../../src/splines/index';
import { maskedCase } from './autoregressive';
import {
  bases,
  bijectorCase,
  type Compute,
  download,
  layersNet,
  maskOf,
  none,
  plu,
  type Tensors,
  upload,
  withoutPrefix,
} from './case';
import { cnfOf } from './continuous';
import { dequantizeLogit, priors, type Row } from './densities';
import { signOf } from './determinant';
import { glowStack, niceStack, realNVPStack } from './models';
import { rationalQuadraticCase, reordered } from './splines';

export const ops: Record<string, Compute> = {
  scaling: (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      ...{ bijector: scaling(), base: bases[config.prior]!() },
      parameters: ({ s }) => ({ logScale: s! }),
    }),
  'additive-coupling': (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      bijector: additiveCoupling({
        ...{ mask: maskOf(config.identity, config.transform), net: layersNet(config.activation) },
      }),
      base: bases[config.prior]!(),
      parameters: (given) => given,
    }),
  'affine-coupling': (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      bijector: affineCoupling({
        ...{ mask: maskOf(config.identity, config.transform), net: layersNet(config.activation) },
        ...{ scaleMap: config.scaleMap, bound: 2 },
      }),
      base: bases[config.prior]!(),
      parameters: (given) => given,
    }),
  actnorm: async (config, inputs, expected) => {
    const bijector = actnorm();
    const parameters = ({ bias, logs }: Tensors) => ({ bias: bias!, logScale: logs! });
    const computed = await bijectorCase(inputs, expected, {
      bijector,
      base: bases[config.prior]!(),
      parameters,
    });
    const x = upload(inputs).x!;
    const { z, logDet, updates } = bijector.forward(x, { ...none, mode: 'initialization' });
    const initial = { initZ: z, initLogDet: logDet, initBias: updates!.bias!, initLogs: updates!.logScale! };
    return { ...computed, ...(await download(initial)) };
  },
  'batch-norm': (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      bijector: batchNorm({ eps: config.epsilon }),
      base: bases[config.prior]!(),
      mode: config.training ? 'training' : 'evaluation',
      parameters: ({ movingMean, movingVariance, logGamma, beta }) => ({
        logGamma: logGamma!,
        beta: beta!,
        movingMean: movingMean ?? tf.zerosLike(beta!),
        movingVariance: movingVariance ?? tf.onesLike(beta!),
      }),
    }),
  'invertible-1x1-conv': async (config, inputs, expected) => {
    const isDense = config.parametrization === 'dense';
    const bijector = invertibleConv1x1({ parametrization: isDense ? 'dense' : 'plu' });
    const parameters = (given: Tensors): Tensors => (isDense ? { weight: given.W! } : plu(given));
    const computed = await bijectorCase(inputs, expected, {
      bijector,
      base: bases[config.prior]!(),
      parameters,
    });
    // The matrix itself, from what the layer makes of unit vectors: z_o of x = e_i is W[o, i].
    const size = inputs.x!.shape.at(-1)!;
    const { z } = bijector.forward(tf.reshape(tf.eye(size), [size, 1, 1, size]), {
      parameters: parameters(upload(inputs)),
    });
    const transposed = tf.reshape(z, [size, size]);
    const matrices = await download({
      W: tf.transpose(transposed),
      filterHWIO: tf.reshape(transposed, [1, 1, size, size]),
    });
    return { ...computed, ...matrices, signDet: { shape: [], data: [signOf(matrices.W!.data, size)] } };
  },
  'lu-linear': (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      ...{ bijector: luLinear({ eps: config.epsilon }), base: bases[config.prior]!() },
      parameters: ({ lower, upper, unconstrainedDiag, bias }) => ({
        ...{ lower: lower!, upper: upper!, diagonal: unconstrainedDiag!, bias: bias! },
      }),
    }),
  squeeze: async ({ factor }, inputs) => {
    const { x } = upload(inputs);
    const [, height, width] = x!.shape as [number, number, number];
    const run = (order: 'channel' | 'block') => squeeze({ factor, order }).forward(x!, none).z;
    return {
      ...(await download({ channelOrder: run('channel'), blockOrder: run('block') })),
      checkerboardEven: { shape: [height, width, 1], data: checkerboard(height, width) },
    };
  },
  'rational-quadratic-spline': rationalQuadraticCase,
  'rational-quadratic-coupling': (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      bijector: splineCoupling({
        ...{ mask: maskOf(config.identity, config.transform), net: layersNet(config.activation) },
        ...{ bins: config.bins, bound: config.tailBound },
      }),
      base: bases[config.prior]!(),
      // The reference has all numbers of an entry together.
      parameters: (given) => ({
        ...given,
        'net.1.kernel': reordered(given['net.1.kernel']!, config),
        'net.1.bias': reordered(given['net.1.bias']!, config),
      }),
    }),
  maf: (config, inputs, expected) => maskedCase(config, inputs, expected, mafLayer, -1),
  iaf: (config, inputs, expected) => maskedCase(config, inputs, expected, iafLayer, 1),
  planar: (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      ...{ bijector: planar(), base: bases[config.prior]!() },
      parameters: (given) => given,
    }),
  radial: (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      ...{ bijector: radial(), base: bases[config.prior]!() },
      parameters: ({ center, alpha, beta }) => ({ center: center!, logAlpha: tf.log(alpha!), beta: beta! }),
    }),
  residual: (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      bijector: residual({ hidden: inputs['net.0.bias']!.shape, activation: config.activation }),
      base: bases[config.prior]!(),
      parameters: (given) => withoutPrefix(given, 'net'),
    }),
  cnf: (config, inputs, expected) =>
    bijectorCase(inputs, expected, {
      ...{ bijector: cnfOf(config, inputs), base: bases[config.prior]!() },
      parameters: ({ A, W1, b1, v, W2, b2 }) =>
        A
          ? {
              'net.0.kernel': tf.transpose(A),
              'net.0.bias': tf.zeros([A.shape[0]!]),
              'net.0.time': tf.zeros([A.shape[0]!]),
            }
          : {
              ...{ 'net.0.kernel': W1!, 'net.0.bias': b1!, 'net.0.time': v! },
              ...{ 'net.1.kernel': W2!, 'net.1.bias': b2! },
            },
    }),
  'dequantize-logit': dequantizeLogit,
  priors,
  'bits-per-dim': async (_config, _inputs, { rows }) => {
    const data = (rows as Row[]).flatMap(({ logLikelihood, dims, levels, interval }) => {
      const options = { dims, levels, range: [0, interval] as const };
      return [bitsPerDim(logLikelihood, options), integerLogLikelihood(logLikelihood, options)];
    });
    return { rows: { shape: [rows.length, 2], data } };
  },
  nice: niceStack,
  'real-nvp': realNVPStack,
  glow: glowStack,
};
