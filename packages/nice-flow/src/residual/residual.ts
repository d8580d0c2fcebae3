/** Invertible residual layers: z = x + g(x), where g contracts. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOneOf, foldIn, type Key, key as keyOf, uniform } from '@tfkit/core';
import { type Bijector, defineBijector, type Scope } from '../bijector';
import { randomSigns } from './probes';
import { type SmoothActivation, tangentMlp, unitTangents } from './tangentMlp';

export interface ResidualOptions {
  /** Units of each hidden layer of g. Default [64, 64]. */
  readonly hidden?: readonly number[];
  /** Default 'lipswish'. */
  readonly activation?: Exclude<SmoothActivation, 'softplus' | 'swish'>;
  /** Bound on the spectral norm of each kernel, in (0, 1): g contracts by at least its power of the number of kernels. Default 0.97. */
  readonly coefficient?: number;
  /**
   * 'exact': the determinant of the Jacobian, by elimination in a dozen ops an entry; for few entries. 'series': the power series
   * of the logarithm with random traces; unbiased where the scope has a key (as `fit` gives it), of `terms` terms else. Default
   * 'exact' up to 8 entries.
   */
  readonly logDet?: 'exact' | 'series';
  /** Terms of the series that are always taken. Default 10 with a key, 20 without. */
  readonly terms?: number;
  /** Random traces an example. Default 1. */
  readonly probes?: number;
}

/** Most iterations of the inverse, reached if the layer hardly contracts. */
const mostIterations = 200;

/**
 * z = x + g(x) on vectors, g a perceptron whose kernels are divided by what their spectral norm exceeds `coefficient` by. The norm is
 * bounded from above by the Schatten norm of order 16, (sum sigma^16)^(1/16), which needs no power iteration and no state. The inverse is
 * the fixed point of x = z - g(x).
 *
 * Parameters: '<i>.kernel' [in, out], '<i>.bias'.
 * @throws OptionError for a bad option; ShapeError, when used, for images.
 * Source: Behrmann et al., Invertible Residual Networks, ICML 2019 (arXiv:1811.00995); the unbiased series: Chen et al., Residual
 * Flows, NeurIPS 2019, theorem 1 (arXiv:1906.02735).
 */
export function residual(options: ResidualOptions = {}): Bijector {
  const name = 'residual';
  const {
    hidden = [64, 64],
    activation = 'lipswish',
    coefficient = 0.97,
    logDet,
    terms,
    probes = 1,
  } = options;
  checkOneOf([name, 'activation'], activation, ['tanh', 'elu', 'lipswish']);
  checkNumber([name, 'coefficient'], coefficient, { min: 0, max: 1, open: 'both' });
  if (logDet !== undefined) checkOneOf([name, 'logDet'], logDet, ['exact', 'series']);
  if (terms !== undefined) checkInteger([name, 'terms'], terms, { min: 1 });
  checkInteger([name, 'probes'], probes, { min: 1 });
  const net = tangentMlp({
    ...{ name, hidden, activation, hasTime: false },
    divisor: (kernel) => tf.maximum(1, tf.div(schattenNorm(kernel), coefficient)),
  });
  const logDetAt = (x: tf.Tensor, push: (tangents: tf.Tensor) => tf.Tensor, scope: Scope): tf.Tensor => {
    const [batch, features] = x.shape as [number, number];
    if ((logDet ?? (features <= 8 ? 'exact' : 'series')) === 'exact') {
      return logDetOf(tf.add(unitTangents(batch, features), push(unitTangents(batch, features))));
    }
    return seriesLogDet(push, { batch, features, probes, terms, key: scope.key });
  };
  const lipschitz = coefficient ** (hidden.length + 1);
  const iterations = Math.min(mostIterations, Math.ceil(Math.log(1e-7) / Math.log(lipschitz)));
  return defineBijector({
    name,
    init: (key, event) => net.init(key, event),
    forward(x, scope) {
      const { value, push } = net.open(scope)(x);
      return { z: tf.add(x, value), logDet: logDetAt(x, push, scope) };
    },
    inverse(z, scope) {
      const at = net.open(scope);
      let x = z;
      for (let i = 0; i < iterations; i++) x = tf.sub(z, at(x).value);
      const { push } = at(x);
      return { x, logDet: tf.neg(logDetAt(x, push, scope)) };
    },
  });
}

/** (sum of sigma^16)^(1/16): at least the spectral norm, at most rank^(1/16) times it. Scaled, so that no power leaves float32. */
function schattenNorm(kernel: tf.Tensor): tf.Tensor {
  const [rows, columns] = kernel.shape as [number, number];
  const size = tf.sqrt(tf.add(tf.sum(tf.square(kernel)), 1e-30));
  const scaled = tf.div(kernel, size);
  const gram = rows < columns ? tf.matMul(scaled, scaled, false, true) : tf.matMul(scaled, scaled, true);
  const fourth = tf.matMul(gram, gram);
  const eighth = tf.matMul(fourth, fourth);
  return tf.mul(size, tf.pow(tf.add(tf.sum(tf.square(eighth)), 1e-37), 1 / 16));
}

/** log|det| of [batch, size, size] with positive definite symmetric part, which needs no pivoting. */
function logDetOf(matrices: tf.Tensor): tf.Tensor {
  let rest = matrices;
  const logs: tf.Tensor[] = [];
  for (let size = matrices.shape[1]!; size > 0; size--) {
    const batch = rest.shape[0]!;
    const part = (row: number, column: number, rows: number, columns: number) =>
      tf.slice(rest, [0, row, column], [batch, rows, columns]);
    const pivot = part(0, 0, 1, 1);
    logs.push(tf.log(tf.reshape(pivot, [batch])));
    if (size === 1) break;
    const factors = tf.div(part(1, 0, size - 1, 1), pivot);
    rest = tf.sub(part(1, 1, size - 1, size - 1), tf.mul(factors, part(0, 1, 1, size - 1)));
  }
  return logs.reduce((sum, log) => tf.add(sum, log));
}

interface Series {
  readonly batch: number;
  readonly features: number;
  readonly probes: number;
  readonly terms: number | undefined;
  readonly key: Key | undefined;
}

/**
 * log det(I + J) = sum over k of (-1)^(k+1) tr(J^k) / k. With a key the number of terms after the first ones is geometric with
 * parameter 1/2, and each is divided by the probability that it is reached.
 */
function seriesLogDet(push: (tangents: tf.Tensor) => tf.Tensor, series: Series): tf.Tensor {
  const { batch, features, probes, key } = series;
  const { terms = key ? 10 : 20 } = series;
  const signs = randomSigns(foldIn(key ?? keyOf(0), 0), [batch, probes, features]);
  const drawn = key ? Math.floor(-Math.log2(1 - uniform(foldIn(key, 1), 1)[0]!)) : 0;
  let powers: tf.Tensor = signs;
  let sum: tf.Tensor = tf.zeros([batch]);
  for (let k = 1; k <= terms + drawn; k++) {
    powers = push(powers);
    const trace = tf.div(tf.sum(tf.mul(powers, signs), [1, 2]), probes);
    const reached = k <= terms ? 1 : 2 ** (terms - k);
    sum = tf.add(sum, tf.mul(trace, (k % 2 === 1 ? 1 : -1) / (k * reached)));
  }
  return sum;
}
