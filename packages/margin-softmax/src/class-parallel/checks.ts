import type * as tf from '@tensorflow/tfjs-core';
import {
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkRank,
  checkShape,
  OptionError,
  ShapeError,
  soloCollective,
} from '@tfkit/core';
import { checkLabels } from '../engine/labels';
import { checkMargin } from '../margins/checks';
import type { Margin } from '../margins/margin';
import type { LossAndGradientsOptions } from './lossAndGradients';
import { classShard } from './sampling';

const knownOptions = [
  'collective',
  'numClasses',
  'sampledClasses',
  'ignoreLabel',
  'labelSmoothing',
  'state',
  'key',
  'bias',
  'chunk',
] as const satisfies readonly (keyof LossAndGradientsOptions)[];

export function checkParallelInputs(
  name: string,
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  margin: Margin,
  options: LossAndGradientsOptions,
): void {
  checkKnownOptions(name, options, knownOptions);
  checkRank([name, 'embeddings'], embeddings, 2, '[batch, features]');
  checkRank([name, 'weights'], weights, 2, '[classes of the shard, features]');
  const [batch, features] = embeddings.shape;
  if (batch === 0) {
    throw new ShapeError(`${name}: embeddings must hold at least one sample, got [0, ${features}].`);
  }
  checkMargin(name, margin);
  if (margin.subCenters !== 1) {
    throw new OptionError(`${name}: margin must have one centre a class, got ${margin.name}.`);
  }
  const { collective = soloCollective, numClasses = weights.shape[0], labelSmoothing, bias, chunk } = options;
  const { count } = classShard(numClasses, collective.rank, collective.size);
  checkShape(
    [name, 'weights'],
    weights,
    [count, features],
    `Rank ${collective.rank} holds ${count} classes.`,
  );
  if (labels.length !== batch) {
    throw new ShapeError(
      `${name}: labels must have one entry per embedding (${batch}), got ${labels.length}.`,
    );
  }
  checkLabels(name, labels, numClasses, options.ignoreLabel);
  if (labelSmoothing !== undefined) {
    checkNumber([name, 'labelSmoothing'], labelSmoothing, { min: 0, max: 1, open: 'max' });
  }
  if (margin.loss === 'binary' && labelSmoothing) {
    throw new OptionError(`${name}: labelSmoothing must be 0 for ${margin.name}, got ${labelSmoothing}.`);
  }
  if (bias) checkShape([name, 'bias'], bias, [], 'A bias per class is not divided over ranks.');
  if (chunk !== undefined) checkInteger([name, 'chunk'], chunk, { min: 1 });
}
