/** After training: logits and classes without the margin, and classes that join without training. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkNumber, checkShape, ShapeError } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import type { Labels } from '../engine/labels';
import { checkEmbeddings, checkLabels, checkMatrix, labelTensor } from './inputs';
import { indicator } from './masks';

export interface InferenceOptions {
  /** What logits are multiplied by. Default 1: the logits are cosines. */
  readonly scale?: number;
  /** float32 [numClasses], for a softmax head with a bias. Not with sub-centres. */
  readonly bias?: tf.Tensor1D;
  /** Divide embeddings by their norm. Default true; false for softmax, L-Softmax and A-Softmax. */
  readonly normalizeEmbeddings?: boolean;
  /** Divide each class centre by its norm. Default true; false for softmax and L-Softmax. */
  readonly normalizeWeights?: boolean;
  /** Rows per class: rows jK .. jK + K - 1 belong to class j, which takes their largest cosine. Default 1. */
  readonly subCenters?: number;
}

const optionNames = ['scale', 'bias', 'normalizeEmbeddings', 'normalizeWeights', 'subCenters'];

/**
 * Logits without a margin, for inference: scale * cos of each embedding and class centre (+ bias). A margin needs the
 * label, so it is for training alone.
 *
 * @param embeddings float32 [batch, features].
 * @param weights float32 [numClasses * subCenters, features].
 * @returns float32 [batch, numClasses], differentiable. For many classes see `predictClasses`, which never holds it.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 */
export function marginFreeLogits(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  options: InferenceOptions = {},
): tf.Tensor2D {
  const settings = checkInference('marginFreeLogits', embeddings, weights, options);
  return tf.tidy(() => logitsOf(unitIf(settings.normalizeEmbeddings, embeddings), weights, settings));
}

export interface PredictOptions extends InferenceOptions {
  /** Classes at a time; the result does not depend on it. Default: such that a chunk of logits has 16 MB. */
  readonly chunk?: number;
}

export interface ClassPredictions {
  /** int32 [batch]; of equal logits the lowest class. */
  readonly classes: tf.Tensor1D;
  /** float32 [batch], the largest logit: a cosine by default, to be held against a threshold for unknown identities. */
  readonly logits: tf.Tensor1D;
}

/** Logits of the default chunk. */
const chunkElements = 2 ** 22;

/**
 * The class with the largest margin-free logit for each embedding, and that logit. Runs over chunks of classes: memory is
 * O(batch x chunk) for any number of classes. No gradient.
 *
 * @param embeddings float32 [batch, features].
 * @param weights float32 [numClasses * subCenters, features].
 * @returns two tensors, which the caller disposes.
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 */
export function predictClasses(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  { chunk, ...options }: PredictOptions = {},
): ClassPredictions {
  const settings = checkInference('predictClasses', embeddings, weights, options);
  const { subCenters, bias } = settings;
  const [batch] = embeddings.shape;
  const [rows, features] = weights.shape;
  const classes = rows / subCenters;
  const step = chunk ?? Math.max(1, Math.floor(chunkElements / (batch * subCenters)));
  checkInteger(['predictClasses', 'chunk'], step, { min: 1 });
  return tf.tidy(() => {
    const unit = unitIf(settings.normalizeEmbeddings, embeddings);
    let best: ClassPredictions | undefined;
    for (let start = 0; start < classes; start += step) {
      const count = Math.min(step, classes - start);
      const next: ClassPredictions = tf.tidy(() => {
        const part = tf.slice(weights, [start * subCenters, 0], [count * subCenters, features]);
        const z = logitsOf(unit, part, {
          ...settings,
          bias: bias && tf.slice(bias, [start], [count]),
        });
        const found = tf.add(tf.cast(tf.argMax(z, 1), 'int32'), tf.scalar(start, 'int32'));
        const largest = tf.max(z, 1) as tf.Tensor1D;
        if (!best) return { classes: found as tf.Tensor1D, logits: largest };
        const better = tf.greater(largest, best.logits);
        return {
          classes: tf.where(better, found, best.classes) as tf.Tensor1D,
          logits: tf.where(better, largest, best.logits) as tf.Tensor1D,
        };
      });
      tf.dispose([best?.classes, best?.logits].filter((tensor) => tensor !== undefined));
      best = next;
    }
    return { ...best! };
  });
}

interface Settings extends Required<Omit<InferenceOptions, 'bias'>> {
  readonly bias: tf.Tensor1D | undefined;
}

const unitIf = (normalize: boolean, x: tf.Tensor2D): tf.Tensor2D => (normalize ? safeNormalize(x) : x);

function logitsOf(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  { scale, bias, normalizeWeights, subCenters }: Settings,
): tf.Tensor2D {
  let z: tf.Tensor = tf.matMul(embeddings, unitIf(normalizeWeights, weights), false, true);
  if (subCenters > 1) z = tf.max(tf.reshape(z, [z.shape[0]!, -1, subCenters]), 2);
  if (scale !== 1) z = tf.mul(z, scale);
  return (bias ? tf.add(z, bias) : z) as tf.Tensor2D;
}

function checkInference(
  name: string,
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  options: InferenceOptions,
): Settings {
  checkKnownOptions(name, options, optionNames);
  const { scale = 1, bias, normalizeEmbeddings = true, normalizeWeights = true, subCenters = 1 } = options;
  checkNumber([name, 'scale'], scale, { min: 0, open: 'min' });
  checkEmbeddings(name, embeddings);
  checkWeights(name, weights, subCenters);
  checkShape([name, 'weights'], weights, [null, embeddings.shape[1]]);
  if (bias) checkShape([name, 'bias'], bias, [weights.shape[0] / subCenters]);
  return { scale, bias, normalizeEmbeddings, normalizeWeights, subCenters };
}

function checkWeights(name: string, weights: tf.Tensor2D, subCenters: number): void {
  checkInteger([name, 'subCenters'], subCenters, { min: 1 });
  checkMatrix(name, 'weights', weights, '[numClasses * subCenters, features]');
  if (weights.shape[0] % subCenters === 0) return;
  throw new ShapeError(
    `${name}: weights must have a multiple of subCenters ${subCenters} rows, got ${weights.shape[0]}.`,
  );
}

/**
 * One centre a class from examples: the normalised mean of their normalised embeddings, which has the largest mean cosine
 * with them.
 *
 * @param embeddings float32 [samples, features].
 * @param labels int32 [samples], class ids in [0, numClasses); samples with other labels in a tensor are left out.
 * @returns float32 [numClasses, features], rows of unit length; zero for a class without samples (cosine 0 with all).
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 */
export function classCenters(embeddings: tf.Tensor2D, labels: Labels, numClasses: number): tf.Tensor2D {
  checkInteger(['classCenters', 'numClasses'], numClasses, { min: 1 });
  checkEmbeddings('classCenters', embeddings);
  checkLabels('classCenters', labels, embeddings.shape[0], numClasses);
  return tf.tidy(() => centersOf(embeddings, labels, numClasses));
}

const centersOf = (embeddings: tf.Tensor2D, labels: Labels, numClasses: number): tf.Tensor2D => {
  const members = indicator(labelTensor(labels), numClasses) as tf.Tensor2D;
  return safeNormalize(tf.matMul(members, safeNormalize(embeddings), true, false));
};

export interface EnrollOptions {
  /** Rows per class in `weights`; each new class gets as many, equal ones. Default 1. */
  readonly subCenters?: number;
}

/**
 * Class weights with new classes at the end, from a few embeddings of each and without training: `classCenters`, with
 * the mean norm of the old rows.
 *
 * @param weights float32 [numClasses * subCenters, features]; not changed.
 * @param embeddings float32 [samples, features] of the trained network.
 * @param labels int32 [samples]: which of the new classes, 0 .. numNewClasses - 1. In the result class k has the id
 *   numClasses + k.
 * @returns float32 [(numClasses + numNewClasses) * subCenters, features]. The caller disposes it.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 * @example
 * const enrolled = enrollClasses(weights, embeddings, [0, 0, 0, 1, 1], 2);
 * const { classes } = predictClasses(queries, enrolled);
 */
export function enrollClasses(
  weights: tf.Tensor2D,
  embeddings: tf.Tensor2D,
  labels: Labels,
  numNewClasses: number,
  options: EnrollOptions = {},
): tf.Tensor2D {
  const name = 'enrollClasses';
  const { subCenters = 1 } = options;
  checkKnownOptions(name, options, ['subCenters']);
  checkInteger([name, 'numNewClasses'], numNewClasses, { min: 1 });
  checkWeights(name, weights, subCenters);
  checkEmbeddings(name, embeddings);
  checkShape([name, 'embeddings'], embeddings, [null, weights.shape[1]]);
  checkLabels(name, labels, embeddings.shape[0], numNewClasses);
  return tf.tidy(() => {
    const centers = centersOf(embeddings, labels, numNewClasses);
    const rows = tf.reshape(tf.tile(centers, [1, subCenters]), [-1, weights.shape[1]]) as tf.Tensor2D;
    const norm = tf.mean(tf.norm(weights, 2, 1));
    return tf.concat([weights, tf.mul(rows, norm) as tf.Tensor2D], 0);
  });
}
