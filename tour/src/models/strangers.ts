/** The task of telling apart digits that a network was never shown, and how well embeddings do it. */
import * as tf from '@tensorflow/tfjs-core';
import { enrollClasses, predictClasses } from '@tfkit/margin-softmax/metric-losses';
import {
  pairScores,
  type RocCurve,
  rocCurve,
  type TenFoldResult,
  tenFoldVerification,
} from '@tfkit/margin-softmax/protocols';
import type { Digits } from '../data/mnist';
import { drawPairs, type VerificationPairs } from '../data/pairs';
import { createRandom } from '../random';
import { dimensions, type EmbedderVariables } from './embedder';

/** The digits 0 to 6 are trained on, the others are strangers. */
export const knownDigits = 7;

export interface TaskSize {
  /** Pairs of one digit in each of ten folds; as many of two digits. */
  readonly perFold: number;
  /** Test images of each known digit. */
  readonly shown: number;
  /** Examples from which a stranger is enrolled. */
  readonly enrolled: number;
}

export interface Task {
  readonly train: Digits;
  readonly test: Digits;
  /** Indices of the training digits 0 to 6. */
  readonly known: Int32Array;
  /** Indices of the first test digits 0 to 6, to draw, and of all test digits 7 to 9. */
  readonly shown: Int32Array;
  readonly strangers: Int32Array;
  readonly pairs: VerificationPairs;
}

export function drawTask(train: Digits, test: Digits, plan: TaskSize, seed: number): Task {
  const indices = ({ labels, count }: Digits, fits: (label: number) => boolean) =>
    Int32Array.from(Array.from({ length: count }, (_, i) => i).filter((i) => fits(labels[i]!)));
  const strangers = indices(test, (label) => label >= knownDigits);
  const strangerLabels = strangers.map((i) => test.labels[i]!);
  return {
    train,
    test,
    known: indices(train, (label) => label < knownDigits),
    shown: indices(test, (label) => label < knownDigits).slice(0, knownDigits * plan.shown),
    strangers,
    pairs: drawPairs(strangerLabels, 10, plan.perFold, createRandom(seed, 6)),
  };
}

export interface Verification {
  readonly tenFold: TenFoldResult;
  readonly curve: RocCurve;
}

export async function meanAngle(
  variables: EmbedderVariables,
  embeddings: Float32Array,
  { test, shown }: Task,
): Promise<number> {
  const centers = (await variables['scores/centers']!.data()) as Float32Array;
  const width = dimensions.scores;
  const pairs = new Float32Array(2 * embeddings.length);
  shown.forEach((image, row) => {
    const label = test.labels[image]!;
    pairs.set(embeddings.subarray(row * width, (row + 1) * width), 2 * row * width);
    pairs.set(centers.subarray(label * width, (label + 1) * width), (2 * row + 1) * width);
  });
  const angles = pairScores(pairs, width).map((cosine) => Math.acos(Math.min(1, cosine)));
  return ((180 / Math.PI) * angles.reduce((a, b) => a + b, 0)) / angles.length;
}

/** The strangers' images themselves, to compare with. */
export function rawPixels({ test, strangers }: Task): { values: Float32Array; dimension: number } {
  const dimension = test.height * test.width;
  const values = new Float32Array(strangers.length * dimension);
  strangers.forEach((from, to) => {
    values.set(test.images.subarray(from * dimension, (from + 1) * dimension), to * dimension);
  });
  return { values, dimension };
}

/** The LFW protocol and the ROC curve over the strangers' pairs. */
export function verify(
  { values, dimension }: { values: Float32Array; dimension: number },
  { pairs: { items, same } }: Task,
): Verification {
  const sides = new Float32Array(items.length * dimension);
  items.forEach((from, to) => {
    sides.set(values.subarray(from * dimension, (from + 1) * dimension), to * dimension);
  });
  const distances = pairScores(sides, dimension, { metric: 'squared-distance' });
  return {
    tenFold: tenFoldVerification(distances, same),
    curve: rocCurve(distances, same, { scoreType: 'distance' }),
  };
}

/** Enrols 7, 8 and 9 from their first `plan.enrolled` examples and predicts the remaining ones and the known digits. */
export async function enrolledAccuracy(
  variables: EmbedderVariables,
  embeddings: { strangers: Float32Array; shown: Float32Array },
  { test, strangers, shown }: Task,
  plan: TaskSize,
): Promise<number> {
  const rank = new Map<number, number>();
  const isExample = Array.from(strangers, (i) => {
    const seen = rank.get(test.labels[i]!) ?? 0;
    rank.set(test.labels[i]!, seen + 1);
    return seen < plan.enrolled;
  });
  const rows = (keep: boolean) => Array.from(strangers.keys()).filter((row) => isExample[row] === keep);
  const take = (chosen: number[]) => {
    const all = tf.tensor2d(embeddings.strangers, [strangers.length, dimensions.scores]);
    return tf.gather(all, tf.tensor1d(chosen, 'int32'));
  };
  const labelOf = (row: number) => test.labels[strangers[row]!]!;
  const predicted = tf.tidy(() => {
    const examples = rows(true);
    const newLabels = examples.map((row) => labelOf(row) - knownDigits);
    const centers = variables['scores/centers'] as unknown as tf.Tensor2D;
    const enrolled = enrollClasses(centers, take(examples), newLabels, 10 - knownDigits);
    const queries = tf.concat([
      tf.tensor2d(embeddings.shown, [shown.length, dimensions.scores]),
      take(rows(false)),
    ]);
    return predictClasses(queries as tf.Tensor2D, enrolled).classes;
  });
  const ids = await predicted.data();
  predicted.dispose();
  const truth = [...Array.from(shown, (i) => test.labels[i]!), ...rows(false).map(labelOf)];
  return truth.filter((label, i) => label === ids[i]).length / truth.length;
}
