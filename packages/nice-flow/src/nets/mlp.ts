/** Fully connected networks. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkOneOf, ShapeError, split } from '@tfkit/core';
import { type InitialValue, parameterOf } from '../bijector';
import { gaussianValues, zeros } from '../initializers';
import { type Activation, activate, activationNames, type Net, withContext } from './net';

export interface MlpOptions {
  /** Units of each hidden layer. Default [128, 128]. */
  readonly hidden?: readonly number[];
  /** Default 'relu'. */
  readonly activation?: Activation;
  /** First values of the last layer: 'zeros' makes the layer start as the identity. Default 'zeros'. */
  readonly lastLayer?: 'zeros' | 'random';
}

/**
 * A multilayer perceptron on vectors, linear at the end; context is appended to the input.
 *
 * Parameters: '<i>.kernel' [in, out], '<i>.bias' [out]. Kernels start normal with variance 2 / in (He et al. 2015).
 * @throws OptionError for bad sizes; ShapeError, when used, for images.
 */
export function mlp({ hidden = [128, 128], activation = 'relu', lastLayer = 'zeros' }: MlpOptions = {}): Net {
  for (const units of hidden) checkInteger(['mlp', 'hidden'], units, { min: 1 });
  checkOneOf(['mlp', 'activation'], activation, activationNames);
  checkOneOf(['mlp', 'lastLayer'], lastLayer, ['zeros', 'random']);
  return {
    init(key, { inputShape, outputs, contextSize }) {
      if (inputShape.length !== 1) {
        throw new ShapeError(
          `mlp: inputs must be vectors, got event shape [${inputShape.join(', ')}]. Use convNet() for images.`,
        );
      }
      const sizes = [inputShape[0]! + contextSize, ...hidden, outputs];
      const keys = split(key, sizes.length - 1);
      const values: Record<string, InitialValue> = {};
      for (const [i, layerKey] of keys.entries()) {
        const shape = [sizes[i]!, sizes[i + 1]!];
        const isZero = i === hidden.length && lastLayer === 'zeros';
        values[`${i}.kernel`] = isZero
          ? zeros(shape)
          : gaussianValues(layerKey, shape, Math.sqrt(2 / sizes[i]!));
        values[`${i}.bias`] = zeros([sizes[i + 1]!]);
      }
      return values;
    },
    apply(x, scope) {
      let y = withContext('mlp', x, scope.context);
      for (let i = 0; i <= hidden.length; i++) {
        const kernel = parameterOf('mlp', scope, `${i}.kernel`);
        const bias = parameterOf('mlp', scope, `${i}.bias`);
        y = tf.fused.matMul({ a: y as tf.Tensor2D, b: kernel as tf.Tensor2D, bias, activation: 'linear' });
        if (i < hidden.length) y = activate(y, activation);
      }
      return y;
    },
  };
}
