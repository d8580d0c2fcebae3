/** What each op of the golden format is in this package. */
import * as tf from '@tensorflow/tfjs-core';
import { iafLayer, mafLayer } from '../src/autoregressive/index';
import { cnf } from '../src/continuous/index';
import {
  actnorm,
  additiveCoupling,
  affineCoupling,
  type Bijector,
  batchNorm,
  bitsPerDim,
  chain,
  checkerboard,
  type Distribution,
  diagonalGaussian,
  type FlowParameters,
  gaussian,
  integerLogLikelihood,
  invertibleConv1x1,
  logistic,
  logisticQuantile,
  logit,
  luLinear,
  type Mask,
  type Mode,
  type Net,
  scaling,
  split,
  squeeze,
} from '../src/index';
import { placeInCells } from '../src/quantization';
import { planar, radial, residual } from '../src/residual/index';
import { rationalQuadraticSpline, splineCoupling } from '../src/splines/index';

export interface GoldenArray {
  readonly shape: number[];
  readonly data: number[];
}

export type Computed = { shape: readonly number[]; data: ArrayLike<number> };
type Inputs = Record<string, GoldenArray>;
type Tensors = Record<string, tf.Tensor>;
// biome-ignore lint/suspicious/noExplicitAny: the format's configurations are of any kind
type Config = any;

type Compute = (
  config: Config,
  inputs: Inputs,
  // biome-ignore lint/suspicious/noExplicitAny: see above
  expected: any,
) => Promise<Record<string, Computed>>;

const bases: Record<string, () => Distribution> = { gaussian, logistic };
const none = { parameters: {} };

/** A net whose parameters are named as those of `mlp` and `convNet`: layers in order, an activation between. */
function layersNet(activation: string): Net {
  return {
    init: () => ({}),
    apply(x, { parameters, context }) {
      const count = Object.keys(parameters).filter((name) => name.endsWith('.kernel')).length;
      let y = context ? tf.concat([x, context], -1) : x;
      for (let i = 0; i < count; i++) {
        const kernel = parameters[`${i}.kernel`]!;
        const product =
          kernel.rank === 2
            ? tf.matMul(y, kernel)
            : tf.conv2d(y as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'same');
        y = tf.add(product, parameters[`${i}.bias`]!);
        if (i < count - 1) y = activation === 'tanh' ? tf.tanh(y) : tf.relu(y);
      }
      return y;
    },
  };
}

interface BijectorCase {
  readonly bijector: Bijector;
  /** Our parameters from the case's inputs, by differentiable ops. */
  readonly parameters: (inputs: Tensors) => Tensors;
  readonly base: Distribution;
  readonly mode?: Mode;
  readonly hasInverse?: boolean;
}

/** z, logDet, logLikelihood, their gradients to every input, and the inverse at zNew. */
async function bijectorCase(
  inputs: Inputs,
  expected: Inputs,
  c: BijectorCase,
): Promise<Record<string, Computed>> {
  const tensors = upload(inputs);
  const { context } = tensors;
  const scope = (given: Tensors) => ({ parameters: c.parameters(given), context, mode: c.mode });
  const run = (given: Tensors) => {
    const { z, logDet } = c.bijector.forward(given.x!, scope(given));
    return { z, logDet, logLikelihood: tf.add(c.base.logProb(z, none), logDet) };
  };
  const results: Tensors = tf.tidy(() => run(tensors));
  if (tensors.zNew && c.hasInverse !== false) {
    const { x: xNew, logDet: logDetInverse } = c.bijector.inverse(tensors.zNew, scope(tensors));
    Object.assign(results, { xNew, logDetInverse });
  }
  Object.assign(
    results,
    gradients(tensors, expected, (given) => run(given).logLikelihood),
  );
  return download(results);
}

/** `grad.<name>` of the mean of `logLikelihood`, for each that is expected. */
function gradients(
  tensors: Tensors,
  expected: Inputs,
  logLikelihood: (given: Tensors) => tf.Tensor,
): Tensors {
  const names = Object.keys(expected).flatMap((name) => (name.startsWith('grad.') ? [name.slice(5)] : []));
  if (names.length === 0) return {};
  const values = tf.grads((...xs: tf.Tensor[]) =>
    tf.mean(logLikelihood({ ...tensors, ...Object.fromEntries(names.map((name, i) => [name, xs[i]!])) })),
  )(names.map((name) => tensors[name]!));
  return Object.fromEntries(names.map((name, i) => [`grad.${name}`, values[i]!]));
}

function upload(inputs: Inputs): Tensors {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [name, tf.tensor(data, shape, 'float32')]),
  );
}

async function download(tensors: Tensors): Promise<Record<string, Computed>> {
  const entries = Object.entries(tensors).map(
    async ([name, tensor]) => [name, { shape: tensor.shape, data: await tensor.data() }] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

const maskOf = (identity: number[], transform: number[]): Mask =>
  Array.from({ length: identity.length + transform.length }, (_, i) => (identity.includes(i) ? 1 : 0));

/** Entries whose names begin with `<from>.`, renamed to `<to>.`. */
const renamed = (tensors: Tensors, from: string, to: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(`${from}.`) ? [[`${to}.${name.slice(from.length + 1)}`, tensor]] : [],
    ),
  );

const plu = (tensors: Tensors, prefix = ''): Tensors => ({
  permutation: tensors[`${prefix}P`]!,
  sign: tensors[`${prefix}signS`]!,
  lower: tensors[`${prefix}L`]!,
  upper: tensors[`${prefix}U`]!,
  logScale: tensors[`${prefix}logS`]!,
});

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

export interface Row {
  readonly logLikelihood: number;
  readonly dims: number;
  readonly levels: number;
  readonly interval: number;
  readonly bitsPerDim: number;
  readonly logLikelihoodInIntegerUnits: number;
}

/** The sign of a small determinant, by elimination. */
function signOf(matrix: ArrayLike<number>, size: number): number {
  if (size === 1) return Math.sign(matrix[0]!);
  let sum = 0;
  for (let column = 0; column < size; column++) {
    const minor = Array.from({ length: (size - 1) ** 2 }, (_, at) => {
      const [row, rest] = [Math.floor(at / (size - 1)), at % (size - 1)];
      return matrix[(row + 1) * size + rest + (rest >= column ? 1 : 0)]!;
    });
    sum += (column % 2 === 0 ? 1 : -1) * matrix[column]! * determinant(minor, size - 1);
  }
  return Math.sign(sum);
}

function determinant(matrix: number[], size: number): number {
  if (size === 1) return matrix[0]!;
  return matrix.slice(0, size).reduce((sum, value, column) => {
    const minor = matrix.slice(size).filter((_, at) => at % size !== column);
    return sum + (column % 2 === 0 ? 1 : -1) * value * determinant(minor, size - 1);
  }, 0);
}

/** All numbers of an entry together, [..., n, K], to all first numbers, then all second ones, [..., K * n]. */
const numbersFirst = (tensor: tf.Tensor) => {
  const axes = tensor.shape.map((_, axis) => axis);
  const [n, size] = tensor.shape.slice(-2) as [number, number];
  const order = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  return tf.reshape(tf.transpose(tensor, order), [...tensor.shape.slice(0, -2), size * n]);
};

async function rationalQuadraticCase(config: Config, inputs: Inputs, expected: Inputs) {
  const options = {
    ...{ bins: config.bins, bound: config.tailBound },
    ...{ minBinWidth: config.minBinWidth, minBinHeight: config.minBinHeight },
    minDerivative: config.minDerivative,
  };
  const tensors = upload(inputs);
  const raw = (given: Tensors) =>
    tf.concat(
      ['Widths', 'Heights', 'Derivatives'].map((name) => numbersFirst(given[`unnormalized${name}`]!)),
      -1,
    );
  const run = (given: Tensors) => {
    const { value: z, logSlope } = rationalQuadraticSpline(given.x!, raw(given), options);
    const logDet = tf.sum(logSlope, 1);
    const logLikelihood = tf.add(bases[config.prior]!().logProb(z, none), logDet);
    return { z, logDetElementwise: logSlope, logDet, logLikelihood };
  };
  const back = rationalQuadraticSpline(tensors.zNew!, raw(tensors), { ...options, direction: 'inverse' });
  return download({
    ...run(tensors),
    ...{ xNew: back.value, logDetInverseElementwise: tf.neg(back.logSlope) },
    ...gradients(tensors, expected, (given) => run(given).logLikelihood),
  });
}

const reordered = (tensor: tf.Tensor, { transform, bins }: Config): tf.Tensor =>
  numbersFirst(tf.reshape(tensor, [...tensor.shape.slice(0, -1), transform.length, 3 * bins - 1]));

const withoutPrefix = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(`${prefix}.`) ? [[name.slice(prefix.length + 1), tensor]] : [],
    ),
  );

/** MAF has t = -mu and s = -alpha, IAF t = mu and s = alpha. The masks are those the layer makes. */
async function maskedCase(
  config: Config,
  inputs: Inputs,
  expected: Inputs,
  layer: typeof mafLayer,
  sign: number,
): Promise<Record<string, Computed>> {
  const { hidden, activation } = config;
  const bijector = layer({ hidden, activation, scaleMap: 'exp' });
  const values = bijector.init([0, 1], { shape: [inputs.x!.shape[1]!], contextSize: 0 });
  const masks = Object.fromEntries(
    [0, 1, 2].map((i) => {
      const { shape, data } = values[`net.${i}.mask`]!;
      return [`net.${i}.mask`, tf.tensor(data, [...shape])];
    }),
  );
  const computed = await bijectorCase(inputs, expected, {
    ...{ bijector, base: bases[config.prior]!() },
    parameters: (given) => ({
      ...renamed(given, 'made', 'net'),
      ...masks,
      'net.2.kernel': tf.mul(tf.concat([given['made.mu.kernel']!, given['made.alpha.kernel']!], 1), sign),
      'net.2.bias': tf.mul(tf.concat([given['made.mu.bias']!, given['made.alpha.bias']!], 0), sign),
    }),
  });
  const [first, second, last] = [0, 1, 2].map((i) => masks[`net.${i}.mask`]!) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const mask = await download({
    ...{ 'mask.0': first, 'mask.1': second },
    'mask.2': tf.slice(last, [0, 0], [last.shape[0]!, last.shape[1]! / 2]),
  });
  return { ...computed, ...mask };
}

function cnfOf(config: Config, inputs: Inputs): Bijector {
  const hidden = config.field === 'linear' ? [] : inputs.b1!.shape;
  const steps = tf.getBackend() === 'webgpu' ? { steps: 40 } : { rtol: 1e-5, atol: 1e-6 };
  return cnf({ hidden, activation: 'tanh', time: config.t1, ...steps });
}

async function dequantizeLogit(config: Config, inputs: Inputs): Promise<Record<string, Computed>> {
  const { levels } = config;
  const { x, u } = inputs as { x: GoldenArray; u: GoldenArray };
  const y = placeInCells('dequantize', x.data, { levels }, u.data);
  const dims = y.length / x.shape[0]!;
  const scale = integerLogLikelihood(0, { dims, levels });
  const results: Record<string, Computed> = {
    dequantized: { shape: x.shape, data: y },
    logDetScale: { shape: [x.shape[0]!], data: Array.from({ length: x.shape[0]! }, () => scale) },
  };
  for (const [alpha, form] of config.alphas as [number, string][]) {
    const layer = logit({ alpha, form: form === 'maf' ? 'symmetric' : 'one-sided' });
    const { z, logDet } = layer.forward(tf.tensor(y, x.shape), none);
    const names = { [`logit.${form}.${alpha}`]: z, [`logDet.${form}.${alpha}`]: logDet };
    Object.assign(results, await download(names));
  }
  return results;
}

/** Elementwise densities are those of examples with one entry. */
async function priors(_config: Config, inputs: Inputs): Promise<Record<string, Computed>> {
  const { z, u, mean, logs } = upload(inputs) as Required<Tensors>;
  const elementwise = (base: Distribution) => base.logProb(tf.reshape(z!, [-1, 1]), none);
  const whole = (base: Distribution) => (x: tf.Tensor) =>
    tf.reshape(base.logProb(tf.reshape(x, [1, -1]), none), []) as tf.Scalar;
  const normals = Array.from({ length: z!.size }, (_, i) =>
    diagonalGaussian().logProb(tf.reshape(tf.slice(z!, i, 1), [1, 1]), {
      parameters: { mean: tf.slice(mean!, i, 1), logScale: tf.slice(logs!, i, 1) },
    }),
  );
  return download({
    gaussianElementwise: elementwise(gaussian()),
    logisticElementwise: elementwise(logistic()),
    gaussian: whole(gaussian())(z!),
    logistic: whole(logistic())(z!),
    'grad.gaussian': tf.grad(whole(gaussian()))(z!),
    'grad.logistic': tf.grad(whole(logistic()))(z!),
    logisticQuantile: logisticQuantile(u!),
    diagGaussianElementwise: tf.concat(normals),
  });
}

function withBitsPerDim(computed: Record<string, Computed>, dims: number): Record<string, Computed> {
  const values = Array.from(computed.logLikelihood!.data);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { ...computed, bitsPerDim: { shape: [], data: [bitsPerDim(mean, { dims, levels: 256 })] } };
}

async function niceStack(
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

async function realNVPStack(
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

async function glowStack(
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
    ...renamed({ ...prefix('body', bodyParameters(tensors)) }, 'body', 'body'),
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
