/** Convolutional networks that keep height and width. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkOneOf, type Key, ShapeError, split } from '@tfkit/core';
import { type EventShape, type InitialValue, type InitialValues, parameterOf, type Scope } from '../bijector';
import { gaussianValues, zeros } from '../initializers';
import { type Activation, activate, activationNames, type Net, withContext } from './net';

export interface ConvNetOptions {
  /** Channels of the hidden layers. Default 128. */
  readonly channels?: number;
  /** Side of each layer's kernel. Default [3, 1, 3], as in Glow. */
  readonly kernelSizes?: readonly number[];
  /** Default 'relu'. */
  readonly activation?: Activation;
  /** First values of the last layer: 'zeros' makes the layer start as the identity. Default 'zeros'. */
  readonly lastLayer?: 'zeros' | 'random';
}

/**
 * A stack of convolutions on images [height, width, channels] with zero padding, linear at the end; context is
 * appended to the input's channels.
 *
 * Parameters: '<i>.kernel' [side, side, in, out], '<i>.bias' [out]. Kernels start normal with variance 2 / fan-in.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function convNet(options: ConvNetOptions = {}): Net {
  const { channels = 128, kernelSizes = [3, 1, 3], activation = 'relu', lastLayer = 'zeros' } = options;
  checkInteger(['convNet', 'channels'], channels, { min: 1 });
  for (const side of kernelSizes) checkInteger(['convNet', 'kernelSizes'], side, { min: 1 });
  checkOneOf(['convNet', 'activation'], activation, activationNames);
  checkOneOf(['convNet', 'lastLayer'], lastLayer, ['zeros', 'random']);
  const last = kernelSizes.length - 1;
  return {
    init(key, { inputShape, outputs, contextSize }) {
      const inputs = imageChannels('convNet', inputShape) + contextSize;
      const keys = split(key, kernelSizes.length);
      return Object.assign(
        {},
        ...kernelSizes.map((side, i) =>
          convValues(keys[i]!, `${i}`, {
            side,
            inputs: i === 0 ? inputs : channels,
            outputs: i === last ? outputs : channels,
            isZero: i === last && lastLayer === 'zeros',
          }),
        ),
      );
    },
    apply(x, scope) {
      let y = withContext('convNet', x, scope.context);
      for (let i = 0; i <= last; i++) {
        y = convolve('convNet', y, scope, `${i}`);
        if (i < last) y = activate(y, activation);
      }
      return y;
    },
  };
}

export interface ResidualNetOptions {
  /** Channels of the blocks. Default 64. */
  readonly channels?: number;
  /** Default 8. */
  readonly blocks?: number;
}

/**
 * The residual network of RealNVP's couplings, without its batch and weight normalisation: a convolution, blocks
 * y + conv(relu(conv(relu(y)))), relu, a 1x1 convolution that starts at zero.
 *
 * Parameters: 'input.*', 'block<i>.0.*', 'block<i>.1.*', 'output.*', each 'kernel' and 'bias'.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function residualNet({ channels = 64, blocks = 8 }: ResidualNetOptions = {}): Net {
  checkInteger(['residualNet', 'channels'], channels, { min: 1 });
  checkInteger(['residualNet', 'blocks'], blocks, { min: 1 });
  return {
    init(key, { inputShape, outputs, contextSize }) {
      const inputs = imageChannels('residualNet', inputShape) + contextSize;
      const [inputKey, outputKey, ...keys] = split(key, 2 + 2 * blocks) as [Key, Key, ...Key[]];
      const inner = keys.map((innerKey, i) =>
        convValues(innerKey, `block${i >> 1}.${i & 1}`, {
          ...{ side: 3, inputs: channels, outputs: channels, isZero: false },
        }),
      );
      return Object.assign(
        convValues(inputKey, 'input', { side: 3, inputs, outputs: channels, isZero: false }),
        ...inner,
        convValues(outputKey, 'output', { side: 1, inputs: channels, outputs, isZero: true }),
      );
    },
    apply(x, scope) {
      let y = convolve('residualNet', withContext('residualNet', x, scope.context), scope, 'input');
      for (let i = 0; i < blocks; i++) {
        const inner = convolve('residualNet', activate(y, 'relu'), scope, `block${i}.0`);
        y = tf.add(y, convolve('residualNet', activate(inner, 'relu'), scope, `block${i}.1`));
      }
      return convolve('residualNet', activate(y, 'relu'), scope, 'output');
    },
  };
}

interface ConvSizes {
  readonly side: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly isZero: boolean;
}

function convValues(key: Key, name: string, { side, inputs, outputs, isZero }: ConvSizes): InitialValues {
  const shape = [side, side, inputs, outputs];
  const deviation = Math.sqrt(2 / (side * side * inputs));
  const kernel: InitialValue = isZero ? zeros(shape) : gaussianValues(key, shape, deviation);
  return { [`${name}.kernel`]: kernel, [`${name}.bias`]: zeros([outputs]) };
}

function convolve(functionName: string, x: tf.Tensor, scope: Scope, name: string): tf.Tensor {
  const kernel = parameterOf(functionName, scope, `${name}.kernel`) as tf.Tensor4D;
  const bias = parameterOf(functionName, scope, `${name}.bias`);
  return tf.add(tf.conv2d(x as tf.Tensor4D, kernel, 1, 'same'), bias);
}

function imageChannels(functionName: string, shape: EventShape): number {
  if (shape.length === 3) return shape[2]!;
  throw new ShapeError(
    `${functionName}: inputs must be images [height, width, channels], got event shape [${shape.join(', ')}]. Use mlp() for vectors.`,
  );
}
