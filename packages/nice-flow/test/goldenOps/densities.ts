/** Base densities, dequantization and bits per dimension. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Distribution,
  diagonalGaussian,
  gaussian,
  integerLogLikelihood,
  logistic,
  logisticQuantile,
  logit,
} from '../../src/index';
import { placeInCells } from '../../src/quantization';
import {
  type Computed,
  type Config,
  download,
  type GoldenArray,
  type Inputs,
  none,
  type Tensors,
  upload,
} from './case';

export interface Row {
  readonly logLikelihood: number;
  readonly dims: number;
  readonly levels: number;
  readonly interval: number;
  readonly bitsPerDim: number;
  readonly logLikelihoodInIntegerUnits: number;
}

export async function dequantizeLogit(config: Config, inputs: Inputs): Promise<Record<string, Computed>> {
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
export async function priors(_config: Config, inputs: Inputs): Promise<Record<string, Computed>> {
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
