/** The convolutions of blocks: weights as plain tensors, activations by name. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkDType,
  checkOneOf,
  checkRank,
  checkShape,
  formatShape,
  formatValue,
  OptionError,
  ShapeError,
} from '@tfkit/core';

/** Weights of a convolution, as tfjs lays them out. PyTorch's [out, in, h, w] becomes this by transpose [2, 3, 1, 0]. */
export interface ConvWeights {
  /** float32 [height, width, in, out]. */
  readonly kernel: tf.Tensor4D;
  /** float32 [out]. Default none. */
  readonly bias?: tf.Tensor1D;
}

/** The function after a convolution; silu is x sigmoid(x). */
export type Activation = 'silu' | 'relu' | 'linear';

export const activations: readonly Activation[] = ['silu', 'relu', 'linear'];

export function activate(x: tf.Tensor4D, activation: Activation): tf.Tensor4D {
  if (activation === 'silu') return tf.mul(x, tf.sigmoid(x));
  return activation === 'relu' ? tf.relu(x) : x;
}

/** A function that convolves ('same', stride 1), adds the bias and activates by the weights of a name, all checked. */
export function convolutions<N extends string>(
  functionName: string,
  weights: Readonly<Record<N, ConvWeights>>,
  names: readonly N[],
  activation: Activation,
): (name: N, x: tf.Tensor4D) => tf.Tensor4D {
  checkOneOf([functionName, 'activation'], activation, activations);
  for (const name of names) {
    if (!(weights?.[name]?.kernel instanceof tf.Tensor)) {
      throw new OptionError(
        `${functionName}: weights must have ${names.map((each) => `'${each}'`).join(', ')}, each with a kernel, got ${formatValue(weights?.[name])} for '${name}'.`,
      );
    }
  }
  return (name, x) => {
    const { kernel, bias } = weights[name];
    if (kernel.rank !== 4 || kernel.shape[2] !== x.shape[3]) {
      throw new ShapeError(
        `${functionName}: weights.${name}.kernel must have shape [*, *, ${x.shape[3]}, *], got ${formatShape(kernel.shape)}.`,
      );
    }
    checkDType([functionName, `weights.${name}.kernel`], kernel, ['float32']);
    if (bias) {
      checkDType([functionName, `weights.${name}.bias`], bias, ['float32']);
      checkShape([functionName, `weights.${name}.bias`], bias, [kernel.shape[3]]);
    }
    const convolved = tf.conv2d(x, kernel, 1, 'same');
    return activate(bias ? tf.add(convolved, bias) : convolved, activation);
  };
}

/** What a batch normalisation keeps, each float32 [channels]. */
export interface BatchNormStatistics {
  readonly mean: tf.Tensor1D;
  readonly variance: tf.Tensor1D;
  /** gamma. Default 1. */
  readonly scale?: tf.Tensor1D;
  /** beta. Default 0. */
  readonly offset?: tf.Tensor1D;
  /** Default 1e-3, as in the detectors that use these blocks. */
  readonly epsilon?: number;
}

/**
 * The weights of a convolution that also does the batch normalisation behind it, as at inference: kernel scale / sqrt(variance
 * + epsilon), and the bias that goes with it. The caller disposes both tensors.
 *
 * @throws ShapeError if bias or statistics are not [out]; DTypeError if anything is not float32.
 */
export function foldBatchNorm(
  { kernel, bias }: ConvWeights,
  { mean, variance, scale, offset, epsilon = 1e-3 }: BatchNormStatistics,
): Required<ConvWeights> {
  const out = kernel.shape[3];
  checkRank(['foldBatchNorm', 'kernel'], kernel, 4, '[rows, columns, channels, out]');
  for (const [name, tensor] of Object.entries({ kernel, bias, mean, variance, scale, offset })) {
    if (tensor) checkDType(['foldBatchNorm', name], tensor, ['float32']);
  }
  for (const [name, tensor] of Object.entries({ bias, mean, variance, scale, offset })) {
    if (tensor && (tensor.rank !== 1 || tensor.shape[0] !== out)) {
      throw new ShapeError(
        `foldBatchNorm: ${name} must have shape [${out}], got ${formatShape(tensor.shape)}.`,
      );
    }
  }
  return tf.tidy(() => {
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const factor: tf.Tensor = scale ? tf.mul(scale, inverse) : inverse;
    const shift = tf.mul(bias ? tf.sub(bias, mean) : tf.neg(mean), factor);
    return {
      kernel: tf.mul(kernel, factor) as tf.Tensor4D,
      bias: (offset ? tf.add(shift, offset) : shift) as tf.Tensor1D,
    };
  });
}
