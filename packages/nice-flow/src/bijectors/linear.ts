/** Linear maps of the last axis with cheap determinants: Glow's 1x1 convolution and the LU-decomposed layer. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOneOf, type Key, ShapeError } from '@tfkit/core';
import { softplus } from '@tfkit/core/tfjs';
import { type Bijector, defineBijector, type InitialValues, parameterOf, type Scope } from '../bijector';
import { filled, randomRotation, zeros } from '../initializers';
import {
  logAbsDet,
  lowerInverse,
  matrixInverse,
  pluOf,
  strictTriangle,
  upperInverse,
} from '../linearAlgebra';
import { logScaleSum } from '../ops/logScaleSum';
import { type PluFactors, pluWeight, triangles } from '../ops/pluWeight';
import { lastOf, positionsOf } from '../shapes';

/** A matrix, z = W x at each position, and the log-determinant of all positions together. */
interface LinearMap {
  readonly weight: tf.Tensor;
  readonly logDet: tf.Tensor;
}

export interface InvertibleConv1x1Options {
  /**
   * 'plu': W = P (L + I) (U + diag(sign * exp(logScale))) with a fixed P, so that the determinant costs O(c) and the
   * inverse two triangular ones. 'dense': W itself; determinant and inverse by elimination, for few channels. Default 'plu'.
   */
  readonly parametrization?: 'plu' | 'dense';
}

/**
 * z[..., o] = sum_i W[o, i] x[..., i] at every position; log-determinant height * width * log|det W|. Starts as a random
 * rotation.
 *
 * Parameters, 'plu': 'permutation' and 'sign' (not trained), 'lower', 'upper', 'logScale'; 'dense': 'weight'. W is
 * [out, in], the transpose of a 1x1 kernel of a convolution.
 *
 * @throws OptionError if an option or a number is out of its range.
 * Source: Kingma, Dhariwal, Glow, 2018, section 3.2 (arXiv:1807.03039).
 */
export function invertibleConv1x1(options: InvertibleConv1x1Options = {}): Bijector {
  const { parametrization = 'plu' } = options;
  const name = 'invertibleConv1x1';
  checkOneOf([name, 'parametrization'], parametrization, ['plu', 'dense']);
  const [map, inverse] = parametrization === 'plu' ? [pluMap, pluInverse] : [denseMap, denseInverse];
  return defineBijector({
    name,
    init: (key, { shape }) =>
      parametrization === 'plu' ? pluValues(key, lastOf(shape)) : denseValues(key, lastOf(shape)),
    forward(x, scope) {
      const { weight, logDet } = map(name, scope, positionsOf(x));
      return { z: multiply(x, weight), logDet };
    },
    inverse(z, scope) {
      const { weight, logDet } = inverse(name, scope, positionsOf(z));
      return { x: multiply(z, weight), logDet };
    },
  });
}

/** W x for the vectors of the last axis: rows times W transposed. */
function multiply(x: tf.Tensor, weight: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(x, [-1, lastOf(x.shape)]);
  return tf.reshape(tf.matMul(rows, weight, false, true), x.shape);
}

function pluValues(key: Key, size: number): InitialValues {
  const { p, l, u } = pluOf(randomRotation(key, size), size);
  const shape = [size, size];
  const matrix = (entry: (row: number, column: number) => number) =>
    Float32Array.from({ length: size * size }, (_, at) => entry(Math.floor(at / size), at % size));
  const diagonal = Array.from({ length: size }, (_, i) => u[i * size + i]!);
  return {
    permutation: { shape, data: Float32Array.from(p), trainable: false },
    sign: { shape: [size], data: Float32Array.from(diagonal, Math.sign), trainable: false },
    lower: { shape, data: matrix((row, column) => (row > column ? l[row * size + column]! : 0)) },
    upper: { shape, data: matrix((row, column) => (row < column ? u[row * size + column]! : 0)) },
    logScale: { shape: [size], data: Float32Array.from(diagonal, (value) => Math.log(Math.abs(value))) },
  };
}

const denseValues = (key: Key, size: number): InitialValues => ({
  weight: { shape: [size, size], data: Float32Array.from(randomRotation(key, size)) },
});

function factorsOf(name: string, scope: Scope): PluFactors {
  const of = (parameter: string) => parameterOf(name, scope, parameter);
  return {
    permutation: of('permutation'),
    sign: of('sign'),
    lower: of('lower'),
    upper: of('upper'),
    logScale: of('logScale'),
  };
}

function pluMap(name: string, scope: Scope, positions: number): LinearMap {
  const factors = factorsOf(name, scope);
  const { logScale } = factors;
  return { weight: pluWeight(factors, {}), logDet: logScaleSum({ logScale }, { positions }) };
}

function pluInverse(name: string, scope: Scope, positions: number): LinearMap {
  const factors = factorsOf(name, scope);
  const { permutation, logScale } = factors;
  const { lower, upper } = triangles(factors);
  const weight = tf.matMul(tf.matMul(upperInverse(upper), lowerInverse(lower)), permutation, false, true);
  return { weight, logDet: logScaleSum({ logScale }, { positions: -positions }) };
}

function denseMap(name: string, scope: Scope, positions: number): LinearMap {
  const weight = parameterOf(name, scope, 'weight');
  return { weight, logDet: tf.mul(logAbsDet(weight), positions) };
}

function denseInverse(name: string, scope: Scope, positions: number): LinearMap {
  const weight = parameterOf(name, scope, 'weight');
  return { weight: matrixInverse(weight), logDet: tf.mul(logAbsDet(weight), -positions) };
}

export interface LuLinearOptions {
  /** Least value of the diagonal, positive. Default 1e-3. */
  readonly eps?: number;
}

/**
 * z = W x + bias for vectors, W = (lower + I) (upper + diag(softplus(diagonal) + eps)): an invertible dense layer that
 * starts as the identity; log-determinant sum(log(softplus(diagonal) + eps)).
 *
 * Parameters: 'lower', 'upper' [features, features] (their triangles count), 'diagonal', 'bias' [features].
 *
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 * Source: Oliva et al., Transformation Autoregressive Networks, 2018; Durkan et al., Neural Spline Flows, 2019.
 */
export function luLinear({ eps = 1e-3 }: LuLinearOptions = {}): Bijector {
  const name = 'luLinear';
  checkNumber([name, 'eps'], eps, { min: 0, open: 'min' });
  const parts = (scope: Scope) => {
    const diagonal = tf.add(softplus(parameterOf(name, scope, 'diagonal')), eps);
    const identity = tf.eye(diagonal.shape[0]!);
    return {
      lower: tf.add(strictTriangle(parameterOf(name, scope, 'lower'), 'lower'), identity),
      upper: tf.add(strictTriangle(parameterOf(name, scope, 'upper'), 'upper'), tf.mul(identity, diagonal)),
      logDet: tf.sum(tf.log(diagonal)),
      bias: parameterOf(name, scope, 'bias'),
    };
  };
  return defineBijector({
    name,
    outputShape(shape) {
      if (shape.length === 1) return shape;
      throw new ShapeError(
        `${name}: x must be vectors [batch, features], got event shape [${shape.join(', ')}]. Use invertibleConv1x1 for images.`,
      );
    },
    init: (_, { shape }) => {
      const size = lastOf(shape);
      return {
        lower: zeros([size, size]),
        upper: zeros([size, size]),
        diagonal: filled([size], Math.log(Math.expm1(1 - eps))),
        bias: zeros([size]),
      };
    },
    forward(x, scope) {
      const { lower, upper, logDet, bias } = parts(scope);
      return { z: tf.add(multiply(x, tf.matMul(lower, upper)), bias), logDet };
    },
    inverse(z, scope) {
      const { lower, upper, logDet, bias } = parts(scope);
      const weight = tf.matMul(upperInverse(upper), lowerInverse(lower));
      return { x: multiply(tf.sub(z, bias), weight), logDet: tf.neg(logDet) };
    },
  });
}
