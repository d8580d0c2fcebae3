/** A masked network: what it says of an entry depends on the entries before it alone. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkOneOf, formatValue, OptionError, ShapeError, split } from '@tfkit/core';
import { type InitialValue, parameterOf } from '../bijector';
import { gaussianValues, zeros } from '../initializers';
import { type Activation, activate, activationNames, type Net, withContext } from '../nets/net';

export interface MadeOptions {
  /** Units of each hidden layer. Default [128, 128]. */
  readonly hidden?: readonly number[];
  /** Default 'relu'. */
  readonly activation?: Activation;
  /** 'natural': entry i depends on those before it; 'reverse': on those after it; or the rank of each entry, from 0. Default 'natural'. */
  readonly order?: 'natural' | 'reverse' | readonly number[];
  /** First values of the last layer: 'zeros' makes the layer start as the identity. Default 'zeros'. */
  readonly lastLayer?: 'zeros' | 'random';
}

/**
 * MADE: a multilayer perceptron on vectors whose kernels are masked, so that all numbers for an entry depend on the entries
 * of lower rank, and on the context. Its output is, as transformers have it, all first numbers, then all second ones.
 *
 * Parameters: '<i>.kernel' [in, out], '<i>.bias' [out], '<i>.mask' [in, out] of zeros and ones, not trained.
 * @throws OptionError for bad sizes; ShapeError, when used, for images, or if the order does not fit.
 * Source: Germain et al., MADE, ICML 2015 (arXiv:1502.03509). Degrees are not drawn: unit i has i mod (D - 1) + 1.
 */
export function made(options: MadeOptions = {}): Net {
  const { hidden = [128, 128], activation = 'relu', order = 'natural', lastLayer = 'zeros' } = options;
  for (const units of hidden) checkInteger(['made', 'hidden'], units, { min: 1 });
  checkOneOf(['made', 'activation'], activation, activationNames);
  checkOneOf(['made', 'lastLayer'], lastLayer, ['zeros', 'random']);
  if (typeof order === 'string') checkOneOf(['made', 'order'], order, ['natural', 'reverse']);
  return {
    init(key, { inputShape, outputs, contextSize }) {
      if (inputShape.length !== 1) {
        throw new ShapeError(`made: inputs must be vectors, got event shape [${inputShape.join(', ')}].`);
      }
      const features = inputShape[0]!;
      const degrees = [
        [...degreesOf(order, features), ...new Array<number>(contextSize).fill(0)],
        ...hidden.map((units) => hiddenDegrees(units, features)),
        Array.from({ length: outputs }, (_, i) => degreesOf(order, features)[i % features]!),
      ];
      const keys = split(key, degrees.length - 1);
      const values: Record<string, InitialValue> = {};
      for (const [i, layerKey] of keys.entries()) {
        const [inputs, units] = [degrees[i]!, degrees[i + 1]!];
        const shape = [inputs.length, units.length];
        const isLast = i === hidden.length;
        const isZero = isLast && lastLayer === 'zeros';
        const mask = inputs.flatMap((from) => units.map((to) => Number(isLast ? to > from : to >= from)));
        values[`${i}.kernel`] = isZero
          ? zeros(shape)
          : gaussianValues(layerKey, shape, Math.sqrt(2 / shape[0]!));
        values[`${i}.bias`] = zeros([units.length]);
        values[`${i}.mask`] = { shape, data: Float32Array.from(mask), trainable: false };
      }
      return values;
    },
    apply(x, scope) {
      let y = withContext('made', x, scope.context);
      for (let i = 0; i <= hidden.length; i++) {
        const kernel = tf.mul(
          parameterOf('made', scope, `${i}.kernel`),
          parameterOf('made', scope, `${i}.mask`),
        );
        const bias = parameterOf('made', scope, `${i}.bias`);
        y = tf.fused.matMul({ a: y as tf.Tensor2D, b: kernel as tf.Tensor2D, bias, activation: 'linear' });
        if (i < hidden.length) y = activate(y, activation);
      }
      return y;
    },
  };
}

/** 1, 2, ... in the order of the entries; the context has 0. */
function degreesOf(order: NonNullable<MadeOptions['order']>, features: number): number[] {
  if (order === 'natural') return Array.from({ length: features }, (_, i) => i + 1);
  if (order === 'reverse') return Array.from({ length: features }, (_, i) => features - i);
  const isOrder = order.length === features && new Set(order).size === features;
  if (isOrder && order.every((rank) => Number.isInteger(rank) && rank >= 0 && rank < features)) {
    return order.map((rank) => rank + 1);
  }
  throw new OptionError(
    `made: order must be 'natural', 'reverse' or a permutation of 0 to ${features - 1}, got ${formatValue(order)}.`,
  );
}

function hiddenDegrees(units: number, features: number): number[] {
  const least = Math.min(1, features - 1);
  return Array.from({ length: units }, (_, i) => (i % Math.max(1, features - 1)) + least);
}
