/** What the cases of all ops share: the format, nets by the names of its parameters, a bijector with all its results. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Bijector,
  type Distribution,
  gaussian,
  logistic,
  type Mask,
  type Mode,
  type Net,
} from '../../src/index';

export interface GoldenArray {
  readonly shape: number[];
  readonly data: number[];
}

export type Computed = { shape: readonly number[]; data: ArrayLike<number> };
export type Inputs = Record<string, GoldenArray>;
export type Tensors = Record<string, tf.Tensor>;
// biome-ignore lint/suspicious/noExplicitAny: the format's configurations are of any kind
export type Config = any;

export type Compute = (
  config: Config,
  inputs: Inputs,
  // biome-ignore lint/suspicious/noExplicitAny: see above
  expected: any,
) => Promise<Record<string, Computed>>;

export const bases: Record<string, () => Distribution> = { gaussian, logistic };
export const none = { parameters: {} };

/** A net whose parameters are named as those of `mlp` and `convNet`: layers in order, an activation between. */
export function layersNet(activation: string): Net {
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
export async function bijectorCase(
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
export function gradients(
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

export function upload(inputs: Inputs): Tensors {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [name, tf.tensor(data, shape, 'float32')]),
  );
}

export async function download(tensors: Tensors): Promise<Record<string, Computed>> {
  const entries = Object.entries(tensors).map(
    async ([name, tensor]) => [name, { shape: tensor.shape, data: await tensor.data() }] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

export const maskOf = (identity: number[], transform: number[]): Mask =>
  Array.from({ length: identity.length + transform.length }, (_, i) => (identity.includes(i) ? 1 : 0));

/** Entries whose names begin with `<from>.`, renamed to `<to>.`. */
export const renamed = (tensors: Tensors, from: string, to: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(`${from}.`) ? [[`${to}.${name.slice(from.length + 1)}`, tensor]] : [],
    ),
  );

export const plu = (tensors: Tensors, prefix = ''): Tensors => ({
  permutation: tensors[`${prefix}P`]!,
  sign: tensors[`${prefix}signS`]!,
  lower: tensors[`${prefix}L`]!,
  upper: tensors[`${prefix}U`]!,
  logScale: tensors[`${prefix}logS`]!,
});

/** Entries under `<prefix>.`, without it. */
export const withoutPrefix = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(`${prefix}.`) ? [[name.slice(prefix.length + 1), tensor]] : [],
    ),
  );
