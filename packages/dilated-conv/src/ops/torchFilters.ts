/** Filters from PyTorch's order of axes. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkRank, formatShape, ShapeError } from '@tfkit/core';

/**
 * The filter of a convolution, or of a transposed one, from PyTorch's order.
 *
 * @param weight Conv: [out, in / groups, ...kernel]; ConvTranspose: [in, out, ...kernel]. Rank 3, 4 or 5.
 * @returns [...kernel, in / groups, out]; for ConvTranspose [...kernel, out, in]. The caller disposes it.
 * @throws ShapeError if ranks or shapes disagree.
 */
export function fromTorchFilter<T extends tf.Tensor3D | tf.Tensor4D | tf.Tensor5D>(weight: T): T {
  checkRank(['fromTorchFilter', 'weight'], weight, [3, 4, 5], '[out, in, ...kernel]');
  const kernelAxes = weight.shape.slice(2).map((_, axis) => axis + 2);
  return tf.transpose(weight as tf.Tensor, [...kernelAxes, 1, 0]) as T;
}

/**
 * The filter of a depthwise convolution from PyTorch's order.
 *
 * @param weight [channels * multiplier, 1, ...kernel], of a Conv with groups = channels.
 * @param channels of the input.
 * @returns [...kernel, channels, multiplier]. The caller disposes it.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 */
export function fromTorchDepthwiseFilter<T extends tf.Tensor3D | tf.Tensor4D>(
  weight: T,
  channels: number,
): T {
  const name = 'fromTorchDepthwiseFilter';
  checkRank([name, 'weight'], weight, [3, 4], '[channels * multiplier, 1, ...kernel]');
  checkInteger([name, 'channels'], channels, { min: 1 });
  const [outputs, one, ...kernel] = weight.shape as [number, number, ...number[]];
  if (one !== 1 || outputs % channels !== 0) {
    throw new ShapeError(
      `${name}: weight must have shape [${channels} * multiplier, 1, ...kernel], got ${formatShape(weight.shape)}.`,
    );
  }
  return tf.tidy(() => {
    const kernelLast = tf.reshape(weight as tf.Tensor, [channels, outputs / channels, ...kernel]);
    return tf.transpose(kernelLast, [...kernel.map((_, axis) => axis + 2), 0, 1]) as T;
  });
}
