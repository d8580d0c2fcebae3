import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, checkNumber, checkRank, checkShape, ShapeError } from '@tfkit/core';
import { tidyAsync } from '@tfkit/core/tfjs';
import { unitRows } from './engine/chunk';
import { checkLabels } from './engine/labels';

export interface SubCenterOutliersOptions {
  /** K, the sub-centers a class. Default 3. */
  readonly count?: number;
  /** The angle beyond which a sample is an outlier, in radians, in (0, pi). Default 75 degrees, as in the paper. */
  readonly threshold?: number;
}

export interface SubCenterOutliers {
  /** Indices of the samples that are far from their class's dominant sub-center, ascending. */
  readonly outliers: Int32Array;
  /** The classes that occur in `labels`, ascending. */
  readonly classes: Int32Array;
  /** For each of `classes` the row of `weights` that is its dominant sub-center. */
  readonly dominantRows: Int32Array;
}

/**
 * Samples that a sub-center head thinks mislabelled: those further than a threshold from the dominant sub-center of their
 * class, the one that is closest to most of the class's samples (the first of equals).
 *
 * @param embeddings float32 [samples, features].
 * @param weights float32 [numClasses * count, features], as trained with `subCenter`.
 * @param labels class ids, one a sample.
 * @throws ShapeError, ValueError (a label out of range) or OptionError.
 * Source: Deng et al., Sub-center ArcFace, ECCV 2020, section 3.4.
 */
export async function subCenterOutliers(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  options: SubCenterOutliersOptions = {},
): Promise<SubCenterOutliers> {
  const name = 'subCenterOutliers';
  checkKnownOptions(name, options, ['count', 'threshold']);
  const { count = 3, threshold = (75 * Math.PI) / 180 } = options;
  checkInteger([name, 'count'], count, { min: 1 });
  checkNumber([name, 'threshold'], threshold, { min: 0, max: Math.PI, open: 'both' });
  checkRank([name, 'embeddings'], embeddings, 2, '[samples, features]');
  checkShape([name, 'weights'], weights, [null, embeddings.shape[1]]);
  if (labels.length !== embeddings.shape[0]) {
    throw new ShapeError(
      `${name}: labels must have one entry per embedding (${embeddings.shape[0]}), got ${labels.length}.`,
    );
  }
  checkLabels(name, labels, weights.shape[0] / count);
  const cosines = await cosinesToOwn(embeddings, weights, labels, count);
  const votes = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const own = cosines.subarray(i * count, (i + 1) * count);
    const tally = votes.get(labels[i]!) ?? new Array<number>(count).fill(0);
    tally[own.indexOf(Math.max(...own))]!++;
    votes.set(labels[i]!, tally);
  }
  const classes = Int32Array.from(votes.keys()).sort();
  const dominant = new Map(
    [...votes].map(([label, tally]) => [label, tally.indexOf(Math.max(...tally))] as const),
  );
  const limit = Math.cos(threshold);
  const isFar = (i: number) => cosines[i * count + dominant.get(labels[i]!)!]! < limit;
  return {
    outliers: Int32Array.from(Array.from(labels, (_, i) => i).filter(isFar)),
    classes,
    dominantRows: classes.map((label) => label * count + dominant.get(label)!),
  };
}

/** [samples * count]: each sample's cosines to the sub-centers of its class. */
function cosinesToOwn(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  count: number,
): Promise<Float32Array> {
  return tidyAsync(async (own) => {
    const cosines = own(
      tf.tidy(() => {
        const [samples, features] = embeddings.shape;
        const ids = Int32Array.from(
          { length: samples * count },
          (_, i) => labels[Math.floor(i / count)]! * count + (i % count),
        );
        const centres = tf.reshape(unitRows(tf.gather(weights, tf.tensor1d(ids, 'int32'))).centres, [
          samples,
          count,
          features,
        ]);
        const unit = tf.reshape(unitRows(embeddings).centres, [samples, 1, features]);
        return tf.sum(tf.mul(centres, unit), 2);
      }),
    );
    return (await cosines.data()) as Float32Array;
  });
}
