import { checkOneOf, ShapeError } from '@tfkit/core';
import type { ConfusionMatrix, UpdateOptions } from './confusionMatrix';
import type { LabelArray } from './labels';

/** Where the classes are: [pixels, classes], or [images, classes, pixels]. */
export type LogitsLayout = 'channels-last' | 'channels-first';

export interface LogitsOptions {
  /** Default 'channels-last' (TensorFlow's order); 'channels-first' is PyTorch's. */
  readonly layout?: LogitsLayout;
}

/**
 * Counts images given as logits or probabilities into `matrix`, and returns it: the class with the largest value, ties to
 * the lowest; a pixel with a NaN is a prediction that is no class. No one-hot, and no map of the argmax beyond its 4 bytes
 * a pixel.
 *
 * @param logits flat, [pixels, classes] ('channels-last', default) or [images, classes, pixels] ('channels-first').
 * @param targets class ids [pixels].
 * @throws ShapeError if `logits` has another size; what `update` throws.
 */
export function updateLogits(
  matrix: ConfusionMatrix,
  logits: ArrayLike<number>,
  targets: LabelArray,
  options: UpdateOptions & LogitsOptions = {},
): ConfusionMatrix {
  const { layout = 'channels-last', ...rest } = options;
  const labels = argMaxLabels(logits, targets.length, matrix.numClasses, layout, rest.images ?? 1);
  return matrix.update(labels, targets, rest);
}

/**
 * The class of the largest value of each pixel, ties to the lowest class; numClasses where a value is NaN.
 * Int32Array [pixels].
 */
function argMaxLabels(
  logits: ArrayLike<number>,
  pixels: number,
  numClasses: number,
  layout: LogitsLayout,
  images: number,
): Int32Array {
  checkOneOf(['updateLogits', 'layout'], layout, ['channels-last', 'channels-first']);
  if (logits.length !== pixels * numClasses) {
    throw new ShapeError(
      `updateLogits: logits must have ${pixels} pixels x ${numClasses} classes, got ${logits.length} values.`,
    );
  }
  const labels = new Int32Array(pixels);
  const size = pixels / images;
  const step = layout === 'channels-last' ? 1 : size;
  for (let i = 0; i < pixels; i++) {
    const image = Math.floor(i / size);
    const first = layout === 'channels-last' ? i * numClasses : image * size * (numClasses - 1) + i;
    let best = logits[first]!;
    let label = Number.isNaN(best) ? numClasses : 0;
    for (let c = 1; c < numClasses; c++) {
      const value = logits[first + c * step]!;
      if (value > best) {
        best = value;
        label = label === numClasses ? label : c;
      } else if (Number.isNaN(value)) {
        label = numClasses;
      }
    }
    labels[i] = label;
  }
  return labels;
}
