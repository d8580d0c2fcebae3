import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkOneOf, ShapeError } from '@tfkit/core';
import { ConfusionMatrix, type ConfusionMatrixOptions } from '../counts/confusionMatrix';
import { addTable } from '../counts/table';
import type { AbsentClassPolicy } from '../scores/policies';
import { type ClassMetric, classMetrics, score } from '../scores/score';

export interface SegmentationMetricOptions
  extends Pick<ConfusionMatrixOptions, 'numClasses' | 'ignoreIndex'> {
  /** Default 'iou': mIoU. */
  readonly metric?: ClassMetric;
  /** Default 'nan-skipped'. */
  readonly policy?: AbsentClassPolicy;
  /** The key in the logs. Default 'meanIou', 'meanDice', ... */
  readonly name?: string;
}

/** A metric for `model.compile`, and the callback that scores the whole epoch. */
export interface SegmentationMetric {
  /** For `model.compile({metrics})`: (targets, predictions) -> float32 scalar, the score of the batch alone. */
  readonly metric: (targets: tf.Tensor, predictions: tf.Tensor) => tf.Tensor;
  /** For `model.fit({callbacks})`: writes the score of the whole epoch into the logs, `val_` too. */
  readonly callback: {
    onBatchBegin(): void;
    onBatchEnd(): void;
    onEpochBegin(): void;
    onEpochEnd(epoch: number, logs?: Record<string, unknown>): Promise<void>;
  };
  /** The counts since the last reset: of training batches, and of all others (validation, evaluate). */
  counts(): Promise<{ readonly training: ConfusionMatrix; readonly validation: ConfusionMatrix }>;
  reset(): void;
}

/**
 * A metric for tf.layers models that streams over an epoch: `metric` counts each batch on the device, `callback` replaces
 * the logs' mean of batch scores (which is not mIoU) by the score of the epoch's summed counts.
 *
 * For the metric of one output. Targets are class ids [...] or [..., 1], or one-hot [..., numClasses]; predictions are scores [..., numClasses].
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * @example
 * const miou = segmentationMetric({ numClasses: 21, ignoreIndex: 255 });
 * model.compile({ optimizer: 'adam', loss, metrics: [miou.metric] });
 * await model.fit(x, y, { validationData, callbacks: miou.callback });
 */
export function segmentationMetric(options: SegmentationMetricOptions): SegmentationMetric {
  checkKnownOptions('segmentationMetric', options, ['numClasses', 'ignoreIndex', 'metric', 'policy', 'name']);
  const { numClasses, ignoreIndex, metric = 'iou', policy } = options;
  checkOneOf(['segmentationMetric', 'metric'], metric, classMetrics);
  const { name = `mean${metric[0]!.toUpperCase()}${metric.slice(1)}` } = options;
  const newMatrix = () => new ConfusionMatrix({ numClasses, ignoreIndex });
  let matrices = { training: newMatrix(), validation: newMatrix() };
  let pending: Promise<unknown>[] = [];
  let inTrainingBatch = false;

  const metricOfBatch = (targets: tf.Tensor, predictions: tf.Tensor) =>
    tf.tidy(() => {
      const table = countBatch(targets, predictions, newMatrix());
      // The table is read in the background; float32 holds a batch's counts exactly to 2^24 pixels.
      tf.keep(table);
      const into = matrices[inTrainingBatch ? 'training' : 'validation'];
      // tf.layers validates before it ends the epoch's last batch: only the first call of a batch is training.
      inTrainingBatch = false;
      const cells = numClasses * (numClasses + 1);
      pending.push(
        table.data().then((counts) => {
          table.dispose();
          addTable(into, counts.subarray(0, cells));
        }),
      );
      return batchIou(table, numClasses);
    });
  Object.defineProperty(metricOfBatch, 'name', { value: name });

  const counts = async () => {
    await Promise.all(pending);
    pending = [];
    return matrices;
  };
  const reset = () => {
    matrices = { training: newMatrix(), validation: newMatrix() };
  };
  return {
    metric: metricOfBatch,
    counts,
    reset,
    callback: {
      onBatchBegin() {
        inTrainingBatch = true;
      },
      onBatchEnd() {
        inTrainingBatch = false;
      },
      onEpochBegin: reset,
      async onEpochEnd(_, logs) {
        const { training, validation } = await counts();
        if (!logs) return;
        logs[name] = score(training, metric, { policy }).value;
        if (validation.numImages > 0) logs[`val_${name}`] = score(validation, metric, { policy }).value;
      },
    },
  };
}

/** int32 [numClasses * (numClasses + 1) + 1] counts of a batch by plain ops, as layers need: synchronous, any backend. */
function countBatch(targets: tf.Tensor, predictions: tf.Tensor, rules: ConfusionMatrix): tf.Tensor1D {
  const n = rules.numClasses;
  if (predictions.shape.at(-1) !== n) {
    throw new ShapeError(
      `segmentationMetric: predictions must have ${n} classes last, got [${predictions.shape}].`,
    );
  }
  const pixels = predictions.size / n;
  const ids =
    targets.size === pixels
      ? tf.reshape(tf.cast(targets, 'int32'), [pixels])
      : tf.argMax(tf.reshape(targets, [pixels, n]), -1);
  const p = tf.argMax(tf.reshape(predictions, [pixels, n]), -1);
  const isClass = tf.logicalAnd(tf.greaterEqual(ids, 0), tf.less(ids, n));
  const valid = rules.ignoreIndex.reduce<tf.Tensor>(
    (mask, label) => tf.logicalAnd(mask, tf.notEqual(ids, label)),
    isClass,
  );
  const cells = n * (n + 1);
  const cell = tf.add(tf.mul(tf.cast(ids, 'int32'), tf.scalar(n + 1, 'int32')), tf.cast(p, 'int32'));
  const binned = tf.where(valid, cell, tf.fill([pixels], cells, 'int32'));
  return tf.bincount(tf.cast(binned, 'int32') as tf.Tensor1D, tf.tensor1d([]), cells + 1);
}

/** Mean IoU of a batch's table over the classes that occur; 0 of none. */
function batchIou(table: tf.Tensor1D, n: number): tf.Tensor {
  const counts = tf.cast(tf.reshape(tf.slice(table, 0, n * (n + 1)), [n, n + 1]), 'float32');
  const inside = tf.slice(counts, [0, 0], [n, n]);
  const hits = tf.sum(tf.mul(inside, tf.eye(n)), 1);
  const union = tf.sub(tf.add(tf.sum(counts, 1), tf.sum(inside, 0)), hits);
  const occurs = tf.cast(tf.greater(union, 0), 'float32');
  return tf.div(tf.sum(tf.div(hits, tf.maximum(union, 1))), tf.maximum(tf.sum(occurs), 1));
}
