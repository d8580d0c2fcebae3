/** Labels as tensors, checked where their values are at hand. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkInteger, checkRank, ShapeError, ValueError } from '@tfkit/core';

/** Class ids: an int32 tensor, or numbers on the host, which are checked. */
export type Labels = tf.Tensor1D | Int32Array | Uint8Array | Uint16Array | readonly number[];

/** Labels as an int32 tensor (the caller's own if it is one), of the batch's length. */
export function labelTensor(
  functionName: string,
  labels: Labels,
  batch: number,
  numClasses: number,
  ignoreLabel: number | undefined,
): tf.Tensor1D {
  const place = [functionName, 'labels'] as const;
  const count = labels instanceof tf.Tensor ? labels.shape[0] : labels.length;
  if (labels instanceof tf.Tensor) {
    checkRank(place, labels, 1, '[batch]');
    checkDType(place, labels, ['int32'], "Cast them: tf.cast(labels, 'int32').");
  } else {
    checkLabels(functionName, labels, numClasses, ignoreLabel);
  }
  if (count !== batch) {
    throw new ShapeError(
      `${functionName}: labels must have one entry per embedding (${batch}), got ${count}.`,
    );
  }
  return labels instanceof tf.Tensor ? labels : tf.tensor1d(Int32Array.from(labels), 'int32');
}

/** Every label must be an integer in [0, numClasses), or the one to ignore. */
export function checkLabels(
  functionName: string,
  labels: ArrayLike<number>,
  numClasses: number,
  ignoreLabel?: number,
): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label === ignoreLabel) continue;
    if (Number.isInteger(label) && label >= 0 && label < numClasses) continue;
    throw new ValueError(
      `${functionName}: labels[${i}] must be a class id in [0, ${numClasses}), got ${label}.` +
        (ignoreLabel === undefined ? ' Labels to skip can be named by ignoreLabel.' : ''),
    );
  }
}

/**
 * Checks the values of a label tensor, which the losses do not read: resolves when all are in [0, numClasses) or equal
 * `ignoreLabel`.
 *
 * @param labels int32 [batch].
 * @throws ValueError naming the first that is not; OptionError if numClasses is no positive integer.
 */
export async function validateLabels(
  labels: tf.Tensor1D,
  numClasses: number,
  ignoreLabel?: number,
): Promise<void> {
  checkInteger(['validateLabels', 'numClasses'], numClasses, { min: 1 });
  checkLabels('validateLabels', await labels.data(), numClasses, ignoreLabel);
}
