/** Whole models: NICE, RealNVP, Glow. */
import * as tf from '@tensorflow/tfjs-core';
import {
  actnorm,
  additiveCoupling,
  affineCoupling,
  type Bijector,
  bitsPerDim,
  chain,
  type FlowParameters,
  gaussian,
  invertibleConv1x1,
  type Mask,
  scaling,
  split,
  squeeze,
} from '../../src/index';
import {
  bases,
  bijectorCase,
  type Computed,
  type Config,
  download,
  gradients,
  type Inputs,
  layersNet,
  maskOf,
  none,
  plu,
  renamed,
  type Tensors,
  upload,
} from './case';

function withBitsPerDim(computed: Record<string, Computed>, dims: number): Record<string, Computed> {
  const values = Array.from(computed.logLikelihood!.data);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { ...computed, bitsPerDim: { shape: [], data: [bitsPerDim(mean, { dims, levels: 256 })] } };
}

export async function niceStack(
  config: Config,
  inputs: Inputs,
  expected: Inputs,
): Promise<Record<string, Computed>> {
  const layers: Record<string, Bijector> = {};
  for (const [i, { identity, transform }] of config.couplings.entries()) {
    layers[`coupling${i}`] = additiveCoupling({
      ...{ mask: maskOf(identity, transform), net: layersNet(config.activation) },
    });
  }
  const computed = await bijectorCase(inputs, expected, {
    bijector: chain({ ...layers, scaling: scaling() }),
    base: bases[config.prior]!(),
    parameters: (given) => ({
      'scaling.logScale': given.s!,
      ...Object.assign({}, ...Object.keys(layers).map((name) => renamed(given, name, `${name}.net`))),
    }),
  });
  return withBitsPerDim(computed, inputs.x!.shape[1]!);
}

export async function realNVPStack(
  config: Config,
  inputs: Inputs,
  expected: Inputs,
): Promise<Record<string, Computed>> {
  const net = layersNet('relu');
  const layer = (mask: Mask) => affineCoupling({ mask, net, scaleMap: 'rescaled-tanh' });
  const channels = inputs.x!.shape[3]! * 4;
  /** Channel masks that multiply: the net sees zeros where it may not look. */
  const half = (length: number, first: boolean): Mask => ({
    shape: [1, 1, length],
    data: Array.from({ length }, (_, i) => (i < length / 2 === first ? 1 : 0)),
  });
  const layers: Record<string, Bijector> = {};
  for (let k = 0; k < config.checkerboardCouplings; k++) {
    layers[`check${k}`] = layer(k % 2 === 0 ? 'checkerboard-even' : 'checkerboard-odd');
  }
  layers.squeeze = squeeze();
  for (let k = 0; k < config.channelCouplings; k++)
    layers[`channel${k}`] = layer(half(channels, k % 2 === 0));
  layers.next = split({ inner: chain({ final: layer(half(channels / 2, true)) }) });
  const own = (name: string) => (name === 'final' ? 'next.inner.final' : name);
  const parameters = (given: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(given).flatMap(([key, tensor]) => {
        const [name, ...rest] = key.split('.') as [string, ...string[]];
        if (rest.length === 0) return [];
        return [[`${own(name)}.${rest[0] === 'rescale' ? '' : 'net.'}${rest.join('.')}`, tensor]];
      }),
    );
  const bijector = chain(layers);
  const computed = await bijectorCase(inputs, expected, {
    bijector,
    base: bases[config.prior]!(),
    parameters,
  });
  const z = tf.tensor(Float32Array.from(computed.z!.data), [...computed.z!.shape]);
  const [zFinal, zFactored] = tf.split(z, 2, -1) as [tf.Tensor, tf.Tensor];
  return { ...computed, ...(await download({ zFinal, zFactored })) };
}

/** Interleaved outputs (shift, raw, shift, raw, ...) as ours: all shifts, then all raw numbers. */
function deinterleave(kernel: tf.Tensor): tf.Tensor {
  const size = kernel.shape.at(-1)!;
  const outer = kernel.shape.slice(0, -1);
  const rows = tf.reshape(kernel, [-1, size / 2, 2]);
  return tf.reshape(tf.transpose(rows, [0, 2, 1]), [...outer, size]);
}

export async function glowStack(
  config: Config,
  inputs: Inputs,
  expected: Inputs,
): Promise<Record<string, Computed>> {
  const { steps, keptChannels } = config as { steps: number; keptChannels: number };
  const net = layersNet('relu');
  const isKept = Array.from({ length: inputs.x!.shape[3]! * 4 }, (_, i) => (i < keptChannels ? 1 : 0));
  const layers: Record<string, Bijector> = { squeeze: squeeze() };
  for (let k = 0; k < steps; k++) {
    layers[`step${k}`] = chain({
      actnorm: actnorm(),
      conv: invertibleConv1x1(),
      coupling: affineCoupling({ mask: isKept, net, scaleMap: 'sigmoid', order: 'shift-first' }),
    });
  }
  const body = chain(layers);
  const prior = split({ keep: keptChannels, prior: net });
  const bodyParameters = (given: Tensors): Tensors =>
    Object.assign({}, ...Array.from({ length: steps }, (_, k) => stepParameters(given, `step${k}`)));
  const priorParameters = (given: Tensors): FlowParameters => ({
    'prior.0.kernel': deinterleave(given['splitPrior.kernel']!),
    'prior.0.bias': deinterleave(given['splitPrior.bias']!),
  });
  const run = (given: Tensors): Tensors => {
    const { z, logDet } = body.forward(given.x!, { parameters: bodyParameters(given) });
    const { z: latent, logDet: logPrior } = prior.forward(z, { parameters: priorParameters(given) });
    const [z1, eps] = tf.split(latent, 2, -1) as [tf.Tensor, tf.Tensor];
    const logPriorKept = gaussian().logProb(z1, none);
    const logPriorFactored = tf.add(gaussian().logProb(eps, none), logPrior);
    const logLikelihood = tf.add(tf.add(logPriorKept, logPriorFactored), logDet);
    return { z, logDet, splitEps: eps, logPriorKept, logPriorFactored, logLikelihood };
  };
  const tensors = upload(inputs);
  const whole = chain({ body, prior });
  const parameters = {
    ...prefix('body', bodyParameters(tensors)),
    ...prefix('prior', priorParameters(tensors)),
  };
  const latent = tf.concat([tensors.z1New!, tensors.epsNew!], -1);
  const results = {
    ...tf.tidy(() => run(tensors)),
    xNew: whole.inverse(latent, { parameters }).x,
    ...gradients(tensors, expected, (given) => run(given).logLikelihood!),
  };
  const dims = inputs.x!.data.length / inputs.x!.shape[0]!;
  return withBitsPerDim(await download(results), dims);
}

const prefix = (name: string, tensors: FlowParameters): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [`${name}.${key}`, tensor]));

function stepParameters(given: Tensors, step: string): Tensors {
  const net = renamed(given, `${step}.net`, `${step}.coupling.net`);
  const last = Math.max(...Object.keys(net).map((name) => Number(/(\d+)\.\w+$/.exec(name)![1])));
  for (const part of ['kernel', 'bias']) {
    const name = `${step}.coupling.net.${last}.${part}`;
    net[name] = deinterleave(net[name]!);
  }
  return {
    [`${step}.actnorm.bias`]: given[`${step}.actnorm.bias`]!,
    [`${step}.actnorm.logScale`]: given[`${step}.actnorm.logs`]!,
    ...prefix(`${step}.conv`, plu(given, `${step}.conv.`)),
    ...net,
  };
}
