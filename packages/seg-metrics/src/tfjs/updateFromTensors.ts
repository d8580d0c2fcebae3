import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkInteger, formatShape, OptionError, ShapeError, ValueError } from '@tfkit/core';
import { tidyAsync } from '@tfkit/core/tfjs';
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import { updateLogits } from '../counts/logits';
import { addTable } from '../counts/table';
import { cellsPerImage, hasPairCountKernel, runPairCounts } from './pairCounts';

/** How many images the tensors hold, and their names. */
export interface TensorUpdateOptions {
  /** How many images the tensors hold, along the first axis. Default: 1, or the first axis if the matrix keeps images. */
  readonly images?: number;
  readonly names?: readonly string[];
}

/**
 * Counts images held by tensors into `matrix`, and resolves to it. Inputs are not disposed.
 *
 * On webgpu one kernel counts (argmax included) and only the matrix is read back; on other backends argmax runs on the
 * device and the ids are read. No one-hot anywhere. A pixel with NaN logits is counted as an unspecified class, except
 * on cpu, where it is a prediction that is no class.
 *
 * @param predictions class ids of the shape of `targets` (int32, bool, or whole float32), or logits or probabilities
 *   (float32) [...targets.shape, numClasses].
 * @param targets class ids, any shape.
 * @throws DTypeError for another dtype; ShapeError if ranks or shapes disagree.
 * @example
 * import { ConfusionMatrix, meanIou } from '@tfkit/seg-metrics';
 * import { updateFromTensors } from '@tfkit/seg-metrics/tfjs';
 * const matrix = new ConfusionMatrix({ numClasses: 21, ignoreIndex: 255 });
 * await updateFromTensors(matrix, model.predict(images), labels);
 */
export function updateFromTensors(
  matrix: ConfusionMatrix,
  predictions: tf.Tensor,
  targets: tf.Tensor,
  options: TensorUpdateOptions = {},
): Promise<ConfusionMatrix> {
  const name = 'updateFromTensors';
  for (const [argument, tensor] of Object.entries({ predictions, targets })) {
    checkDType([name, argument], tensor, ['int32', 'float32', 'bool']);
  }
  const same = predictions.shape.join() === targets.shape.join();
  if (!same && predictions.shape.join() !== [...targets.shape, matrix.numClasses].join()) {
    throw new ShapeError(
      `${name}: predictions must have shape ${formatShape(targets.shape)} or ${formatShape([...targets.shape, matrix.numClasses])}, got ${formatShape(predictions.shape)}.`,
    );
  }
  const images = options.images ?? (matrix.keepImages ? (targets.shape[0] ?? 1) : 1);
  checkInteger([name, 'images'], images, { min: 1 });
  if (targets.size % images !== 0) {
    throw new ShapeError(
      `${name}: targets must hold ${images} images of one size, got ${formatShape(targets.shape)}.`,
    );
  }
  if (options.names && options.names.length !== images) {
    throw new OptionError(`${name}: names must have ${images} entries, got ${options.names.length}.`);
  }
  const settings = { images, names: options.names };
  return hasPairCountKernel()
    ? updateOnDevice(matrix, predictions, targets, !same, settings)
    : updateOnHost(matrix, predictions, targets, !same, settings);
}

interface Settings {
  readonly images: number;
  readonly names?: readonly string[];
}

async function updateOnDevice(
  matrix: ConfusionMatrix,
  predictions: tf.Tensor,
  targets: tf.Tensor,
  logits: boolean,
  { images, names }: Settings,
): Promise<ConfusionMatrix> {
  const n = matrix.numClasses;
  const counts = tf.tidy(() =>
    runPairCounts(logits ? predictions : tf.cast(predictions, 'int32'), tf.cast(targets, 'int32'), {
      ...{ numClasses: n, ignore: matrix.ignoreIndex, images, logits },
    }),
  );
  const table = await tidyAsync(async (own) => own(counts).data());
  const cells = cellsPerImage(n);
  const parts = Array.from({ length: images }, (_, i) => table.subarray(i * cells, (i + 1) * cells));
  // All parts are checked before any is added: a refused batch leaves the matrix as it was.
  if (matrix.outOfRange === 'error')
    parts.forEach((part) => {
      refuseInvalid(part, n);
    });
  parts.forEach((part, i) => {
    addTable(matrix, part.subarray(0, cells - 2), {
      name: names?.[i],
      ignored: part[cells - 2],
      invalidTargets: part[cells - 1],
    });
  });
  return matrix;
}

function refuseInvalid(part: ArrayLike<number>, n: number): void {
  let invalid = part[n * (n + 1) + 1]!;
  for (let t = 0; t < n; t++) invalid += part[t * (n + 1) + n]!;
  if (invalid === 0) return;
  throw new ValueError(
    `updateFromTensors: labels must be in [0, ${n - 1}], got ${invalid} pixels that are no class. Name the value as ignoreIndex, or use outOfRange: 'count'.`,
  );
}

async function updateOnHost(
  matrix: ConfusionMatrix,
  predictions: tf.Tensor,
  targets: tf.Tensor,
  logits: boolean,
  settings: Settings,
): Promise<ConfusionMatrix> {
  const onCpu = tf.getBackend() === 'cpu';
  return tidyAsync(async (own) => {
    const ids = logits && !onCpu ? own(tf.argMax(predictions, -1)) : predictions;
    const [p, t] = await Promise.all([ids.data(), targets.data()]);
    return logits && onCpu ? updateLogits(matrix, p, t, settings) : matrix.update(p, t, settings);
  });
}
