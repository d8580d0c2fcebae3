/** The sum of max(0, d_ap - d_an + margin) over a batch's triplets, and its derivative by every distance. */
import * as tf from '@tensorflow/tfjs-core';
import { float, indicator, type PairMasks } from './masks';

/** Which triplets of a batch count. */
export type BatchMining = 'all' | 'hard' | 'semi-hard';

export interface TripletSums {
  readonly loss: tf.Scalar;
  /** Triplets, and those of them with a loss > 0. */
  readonly count: tf.Scalar;
  readonly nonzero: tf.Scalar;
  /** d loss / d distance [batch, batch]; row = anchor. */
  readonly slopes: tf.Tensor2D;
}

/** Elements of the [anchors, batch, batch] arrays that exist at a time: 16 MB each. */
const cubeSize = 2 ** 22;

/** Over all triplets, or those with 0 < d_an - d_ap <= margin. */
export function tripletSums(
  distances: tf.Tensor2D,
  masks: PairMasks,
  margin: number,
  mining: 'all' | 'semi-hard',
  elements = cubeSize,
): TripletSums {
  const batch = distances.shape[0];
  const { toPositives, toNegatives } = maskedDistances(distances, masks, margin);
  const step = Math.max(1, Math.floor(elements / batch ** 2));
  const parts: tf.Tensor[][] = [];
  for (let start = 0; start < batch; start += step) {
    const rows = Math.min(step, batch - start);
    const part = (matrix: tf.Tensor2D) => tf.slice(matrix, [start, 0], [rows, batch]);
    parts.push(
      tf.tidy(() => {
        // Only triplets have a gap below the margin.
        const gap = tf.sub(tf.expandDims(part(toNegatives), 1), tf.expandDims(part(toPositives), 2));
        let losses = tf.relu(tf.sub(margin, gap));
        let count = tf.scalar(0);
        if (mining === 'semi-hard') {
          const mined = float(tf.logicalAnd(tf.greater(gap, 0), tf.lessEqual(gap, margin)));
          losses = tf.mul(losses, mined);
          count = tf.sum(mined);
        }
        const active = tf.step(losses);
        const byPositive = tf.sum(active, 2);
        const slopes = tf.sub(byPositive, tf.sum(active, 1));
        return [tf.sum(losses), count, tf.sum(byPositive), slopes];
      }),
    );
  }
  const total = (k: number) => tf.addN(parts.map((part) => part[k]!)) as tf.Scalar;
  const slopes = tf.concat(
    parts.map((part) => part[3] as tf.Tensor2D),
    0,
  );
  const count = mining === 'all' ? countTriplets(masks) : total(1);
  return { loss: total(0), count, nonzero: total(2), slopes };
}

function countTriplets({ positives, negatives }: PairMasks): tf.Scalar {
  return tf.sum(tf.mul(tf.sum(float(positives), 1), tf.sum(float(negatives), 1)));
}

/** Distances with what is no positive at less than any, and what is no negative at more than any, by the margin. */
function maskedDistances(distances: tf.Tensor2D, { positives, negatives }: PairMasks, margin: number) {
  const beyond = tf.mul(tf.onesLike(distances), tf.add(tf.max(distances), margin + 1));
  return {
    toPositives: tf.where(positives, distances, tf.neg(beyond)) as tf.Tensor2D,
    toNegatives: tf.where(negatives, distances, beyond) as tf.Tensor2D,
  };
}

/** For each anchor that has both, its farthest positive and nearest negative; of equal ones the first. */
export function hardestTriplets(distances: tf.Tensor2D, masks: PairMasks, margin: number): TripletSums {
  const batch = distances.shape[0];
  const { toPositives, toNegatives } = maskedDistances(distances, masks, margin);
  const valid = float(tf.logicalAnd(tf.any(masks.positives, 1), tf.any(masks.negatives, 1)));
  const gap = tf.sub(tf.min(toNegatives, 1), tf.max(toPositives, 1));
  const losses = tf.mul(valid, tf.relu(tf.sub(margin, gap)));
  const active = tf.step(losses);
  const pull = indicator(tf.argMax(toPositives, 1), batch);
  const push = indicator(tf.argMin(toNegatives, 1), batch);
  return {
    loss: tf.sum(losses),
    count: tf.sum(valid),
    nonzero: tf.sum(active),
    slopes: tf.mul(tf.expandDims(active, 1), tf.sub(pull, push)),
  };
}
