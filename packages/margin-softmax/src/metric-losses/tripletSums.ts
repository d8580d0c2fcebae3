/** The sum of max(0, d_ap - d_an + margin) over a batch's triplets, and its derivative by every distance. */
import * as tf from '@tensorflow/tfjs-core';
import { float, type PairMasks } from './masks';

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
  { positives, negatives }: PairMasks,
  margin: number,
  mining: 'all' | 'semi-hard',
): TripletSums {
  const batch = distances.shape[0];
  const step = Math.max(1, Math.floor(cubeSize / batch ** 2));
  const parts: tf.Tensor[][] = [];
  for (let start = 0; start < batch; start += step) {
    const rows = Math.min(step, batch - start);
    const part = (matrix: tf.Tensor2D) => tf.slice(matrix, [start, 0], [rows, batch]);
    parts.push(
      tf.tidy(() => {
        const d = part(distances);
        const gap = tf.sub(tf.expandDims(d, 1), tf.expandDims(d, 2));
        const triplets = tf.logicalAnd(tf.expandDims(part(positives), 2), tf.expandDims(part(negatives), 1));
        const inZone = () => tf.logicalAnd(tf.greater(gap, 0), tf.lessEqual(gap, margin));
        const mined = float(mining === 'all' ? triplets : tf.logicalAnd(triplets, inZone()));
        const losses = tf.mul(mined, tf.relu(tf.sub(margin, gap)));
        const active = float(tf.greater(losses, 0));
        return [tf.sum(losses), tf.sum(mined), tf.sum(active), tf.sub(tf.sum(active, 2), tf.sum(active, 1))];
      }),
    );
  }
  const total = (k: number) => tf.addN(parts.map((part) => part[k]!)) as tf.Scalar;
  const slopes = tf.concat(
    parts.map((part) => part[3] as tf.Tensor2D),
    0,
  );
  return { loss: total(0), count: total(1), nonzero: total(2), slopes };
}

/** For each anchor that has both, its farthest positive and nearest negative; of equal ones the first. */
export function hardestTriplets(
  distances: tf.Tensor2D,
  { positives, negatives }: PairMasks,
  margin: number,
): TripletSums {
  const batch = distances.shape[0];
  const beyond = tf.add(tf.max(distances), 1);
  const masked = (mask: tf.Tensor2D, filler: tf.Tensor) =>
    tf.where(mask, distances, tf.mul(tf.onesLike(distances), filler)) as tf.Tensor2D;
  const positiveDistances = masked(positives, tf.scalar(-1));
  const negativeDistances = masked(negatives, beyond);
  const valid = float(tf.logicalAnd(tf.any(positives, 1), tf.any(negatives, 1)));
  const gap = tf.sub(tf.min(negativeDistances, 1), tf.max(positiveDistances, 1));
  const losses = tf.mul(valid, tf.relu(tf.sub(margin, gap)));
  const active = float(tf.greater(losses, 0));
  const chosen = (index: tf.Tensor) => tf.oneHot(tf.cast(index, 'int32'), batch);
  const pull = chosen(tf.argMax(positiveDistances, 1));
  const push = chosen(tf.argMin(negativeDistances, 1));
  return {
    loss: tf.sum(losses),
    count: tf.sum(valid),
    nonzero: tf.sum(active),
    slopes: tf.mul(tf.expandDims(active, 1), tf.sub(pull, push)),
  };
}
