/** Checks and conversions that every loss of this folder begins with. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkRank, checkShape, formatValue, ShapeError, ValueError } from '@tfkit/core';
import type { Labels } from '../engine/labels';

/** float32 [batch, features] with at least one row. */
export function checkMatrix(name: string, argument: string, value: tf.Tensor, axes: string): void {
  checkRank([name, argument], value, 2, axes);
  checkDType([name, argument], value, ['float32']);
  if (value.shape[0] === 0) {
    throw new ShapeError(`${name}: ${argument} must have at least one row, got shape [${value.shape}].`);
  }
}

export const checkEmbeddings = (name: string, embeddings: tf.Tensor): void =>
  checkMatrix(name, 'embeddings', embeddings, '[batch, features]');

/** Throws unless labels are integers, `batch` of them, and, where they are on the host, in [0, numClasses). */
export function checkLabels(
  name: string,
  labels: Labels,
  batch: number,
  numClasses = Infinity,
  argument = 'labels',
): void {
  if (labels instanceof tf.Tensor) {
    checkDType([name, argument], labels, ['int32']);
    checkShape([name, argument], labels, [batch], 'One a row.');
    return;
  }
  checkShape([name, argument], { shape: [labels.length] }, [batch], 'One a row.');
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (Number.isInteger(label) && label >= 0 && label < numClasses) continue;
    const range = numClasses === Infinity ? '>= 0' : `in [0, ${numClasses - 1}]`;
    throw new ValueError(
      `${name}: ${argument} must be integers ${range}, got ${formatValue(label)} at ${i}.`,
    );
  }
}

/** Labels as an int32 tensor; call inside a tidy. */
export const labelTensor = (labels: Labels): tf.Tensor1D =>
  labels instanceof tf.Tensor ? labels : tf.tensor1d(Int32Array.from(labels), 'int32');
