/** Rational-quadratic splines: the reference has all numbers of an entry together. */
import * as tf from '@tensorflow/tfjs-core';
import { rationalQuadraticSpline } from '../../src/splines/index';
import { bases, type Config, download, gradients, type Inputs, none, type Tensors, upload } from './case';

/** All numbers of an entry together, [..., n, K], to all first numbers, then all second ones, [..., K * n]. */
const numbersFirst = (tensor: tf.Tensor) => {
  const axes = tensor.shape.map((_, axis) => axis);
  const [n, size] = tensor.shape.slice(-2) as [number, number];
  const order = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  return tf.reshape(tf.transpose(tensor, order), [...tensor.shape.slice(0, -2), size * n]);
};

export async function rationalQuadraticCase(config: Config, inputs: Inputs, expected: Inputs) {
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

export const reordered = (tensor: tf.Tensor, { transform, bins }: Config): tf.Tensor =>
  numbersFirst(tf.reshape(tensor, [...tensor.shape.slice(0, -1), transform.length, 3 * bins - 1]));
