/** Triplet loss: the anchor is nearer to the positive than to the negative by a margin. Given triplets, or a batch's own. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber, checkOneOf, checkSameShape } from '@tfkit/core';
import { safeNormalize } from '@tfkit/core/tfjs';
import type { Labels } from '../engine/labels';
import { safeNorm, safeSqrt, squaredDistances } from './gradients';
import { checkEmbeddings, checkLabels, checkMatrix, labelTensor } from './inputs';
import { pairMasks } from './masks';
import { allReductions, checkReduction, type Reduction, reduce, scalarReductions } from './reduction';
import { type BatchMining, hardestTriplets, type TripletSums, tripletSums } from './tripletSums';

export interface TripletForm {
  /** How much nearer the positive must be, in the unit of the distance. Default 0.2. */
  readonly margin?: number;
  /** Default 'squared-euclidean', as FaceNet. */
  readonly distance?: 'squared-euclidean' | 'euclidean';
  /** Divide embeddings by their norm first. Default true, as FaceNet. */
  readonly normalize?: boolean;
}

/** The form of the triplet loss, and what becomes of the losses of the triplets. */
export interface TripletOptions extends TripletForm {
  readonly reduction?: Reduction;
}

/** The form of the triplet loss, and which triplets of the batch count. */
export interface BatchTripletOptions extends TripletForm {
  /**
   * Which triplets of the batch count:
   * - 'all': every anchor, positive, negative (each pair both ways);
   * - 'hard': for each anchor its farthest positive and nearest negative (batch hard, Hermans et al., arXiv:1703.07737);
   * - 'semi-hard': all whose negative is farther than the positive, but within the margin (FaceNet).
   * Default 'semi-hard'.
   */
  readonly mining?: BatchMining;
  readonly reduction?: 'mean' | 'sum' | 'mean-nonzero';
}

const formOptions = ['margin', 'distance', 'normalize', 'reduction'];

/**
 * The triplet loss of given triplets: max(0, d(anchor, positive) - d(anchor, negative) + margin).
 *
 * @param anchors float32 [triplets, features].
 * @param positives float32 [triplets, features], of the anchor's identity.
 * @param negatives float32 [triplets, features], of another.
 * @param options.reduction 'mean' (default), 'sum', 'mean-nonzero' or 'none' [triplets].
 * @returns float32, a scalar or [triplets].
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree.
 * Source: Schroff, Kalenichenko, Philbin, FaceNet, CVPR 2015 (arXiv:1503.03832), eq. 3.
 */
export function tripletLoss(
  anchors: tf.Tensor2D,
  positives: tf.Tensor2D,
  negatives: tf.Tensor2D,
  options: TripletOptions = {},
): tf.Tensor {
  const name = 'tripletLoss';
  checkMatrix(name, 'anchors', anchors, '[triplets, features]');
  checkSameShape([name, 'positives'], positives, 'anchors', anchors);
  checkSameShape([name, 'negatives'], negatives, 'anchors', anchors);
  checkMatrix(name, 'positives', positives, '[triplets, features]');
  checkMatrix(name, 'negatives', negatives, '[triplets, features]');
  checkKnownOptions(name, options, formOptions);
  const { margin, distance, normalize } = checkForm(name, options);
  const { reduction = 'mean' } = options;
  checkReduction(name, reduction, allReductions);
  return tf.tidy(() => {
    const unit = (x: tf.Tensor2D) => (normalize ? safeNormalize(x) : x);
    const between = (a: tf.Tensor2D, b: tf.Tensor2D) => {
      const difference = tf.sub(a, b);
      return distance === 'euclidean' ? safeNorm(difference) : tf.sum(tf.square(difference), 1);
    };
    const [a, p, n] = [unit(anchors), unit(positives), unit(negatives)];
    return reduce(tf.relu(tf.add(tf.sub(between(a, p), between(a, n)), margin)), reduction);
  });
}

/**
 * The triplet loss of the triplets that a batch holds under a mining rule. Mining is not differentiated. Memory is
 * O(batch^2): the triplets of a few anchors at a time exist.
 *
 * @param embeddings float32 [batch, features].
 * @param labels int32 [batch]; only their equality matters. Draw several samples of each class into a batch.
 * @param options.reduction 'mean' over the mined triplets (default), 'sum', or 'mean-nonzero' over those with a loss > 0.
 * @returns float32 scalar; 0 if no triplet is mined.
 * @throws DTypeError for another dtype; OptionError if an option or a number is out of its range; ShapeError if ranks
 * or shapes disagree; ValueError if a value is not as described.
 */
export function batchTripletLoss(
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: BatchTripletOptions = {},
): tf.Scalar {
  const name = 'batchTripletLoss';
  checkEmbeddings(name, embeddings);
  checkLabels(name, labels, embeddings.shape[0]);
  checkKnownOptions(name, options, [...formOptions, 'mining']);
  const form = checkForm(name, options);
  const { mining = 'semi-hard', reduction = 'mean' } = options;
  checkMining(name, mining);
  checkReduction(name, reduction, scalarReductions);
  return tf.tidy(() => {
    const masks = pairMasks(labelTensor(labels));
    const distances = batchDistances(embeddings, form);
    const loss = tf.customGrad((input, save) => {
      const d = input as tf.Tensor2D;
      const sums: TripletSums =
        mining === 'hard'
          ? hardestTriplets(d, masks, form.margin)
          : tripletSums(d, masks, form.margin, mining);
      const count = reduction === 'mean' ? sums.count : sums.nonzero;
      const divisor = reduction === 'sum' ? tf.scalar(1) : tf.maximum(count, 1);
      (save as tf.GradSaveFunc)([tf.div(sums.slopes, divisor)]);
      return {
        value: tf.div(sums.loss, divisor),
        gradFunc: (dy: tf.Tensor, [slopes]: tf.Tensor[]) => tf.mul(dy, slopes!),
      };
    });
    return loss(distances) as tf.Scalar;
  });
}

/** Rows of a batch that are triplets: element i of each array makes triplet i. */
export interface MinedTriplets {
  /** Row of the anchor, positive and negative of each triplet. */
  readonly anchors: Int32Array;
  readonly positives: Int32Array;
  readonly negatives: Int32Array;
}

/**
 * The triplets that `batchTripletLoss` would use, as rows of `embeddings`: to look at, or to weight by hand
 * (`tripletLoss(tf.gather(x, anchors), ...)`).
 *
 * @param embeddings float32 [batch, features].
 * @param labels int32 [batch] or integers.
 * @param options.mining, margin, distance, normalize as in `batchTripletLoss`.
 * @throws OptionError if an option is out of its range; ShapeError if ranks or lengths disagree.
 */
export async function mineTriplets(
  embeddings: tf.Tensor2D,
  labels: Labels,
  options: TripletForm & { readonly mining?: BatchMining } = {},
): Promise<MinedTriplets> {
  const name = 'mineTriplets';
  checkEmbeddings(name, embeddings);
  checkLabels(name, labels, embeddings.shape[0]);
  checkKnownOptions(name, options, ['margin', 'distance', 'normalize', 'mining']);
  const form = checkForm(name, options);
  const { mining = 'semi-hard' } = options;
  checkMining(name, mining);
  const distances = tf.tidy(() => batchDistances(embeddings, form));
  try {
    const ids = labels instanceof tf.Tensor ? await labels.data() : labels;
    return triplesOf((await distances.data()) as Float32Array, ids, form.margin, mining);
  } finally {
    distances.dispose();
  }
}

function triplesOf(
  distances: Float32Array,
  labels: ArrayLike<number>,
  margin: number,
  mining: BatchMining,
): MinedTriplets {
  const size = labels.length;
  const triples: [number, number, number][] = [];
  const all = Array.from({ length: size }, (_, i) => i);
  for (const a of all) {
    const d = (i: number) => distances[a * size + i]!;
    const positives = all.filter((i) => i !== a && labels[i] === labels[a]);
    const negatives = all.filter((i) => labels[i] !== labels[a]);
    if (positives.length === 0 || negatives.length === 0) continue;
    if (mining === 'hard') {
      const farthest = positives.reduce((best, i) => (d(i) > d(best) ? i : best));
      triples.push([a, farthest, negatives.reduce((best, i) => (d(i) < d(best) ? i : best))]);
      continue;
    }
    for (const p of positives) {
      for (const n of negatives) {
        const gap = Math.fround(d(n) - d(p));
        if (mining === 'all' || (gap > 0 && gap <= Math.fround(margin))) triples.push([a, p, n]);
      }
    }
  }
  const column = (k: 0 | 1 | 2) => Int32Array.from(triples, (triple) => triple[k]);
  return { anchors: column(0), positives: column(1), negatives: column(2) };
}

function batchDistances(
  embeddings: tf.Tensor2D,
  { distance, normalize }: Required<TripletForm>,
): tf.Tensor2D {
  const squared = squaredDistances(normalize ? safeNormalize(embeddings) : embeddings);
  return distance === 'euclidean' ? (safeSqrt(squared) as tf.Tensor2D) : squared;
}

function checkForm(name: string, options: TripletForm): Required<TripletForm> {
  const { margin = 0.2, distance = 'squared-euclidean', normalize = true } = options;
  checkNumber([name, 'margin'], margin, { min: 0 });
  checkOneOf([name, 'distance'], distance, ['squared-euclidean', 'euclidean']);
  return { margin, distance, normalize };
}

const checkMining = (name: string, mining: unknown): void =>
  checkOneOf([name, 'mining'], mining, ['all', 'hard', 'semi-hard']);
