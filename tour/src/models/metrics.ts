/** The scores of the first stage, from a confusion matrix. `@tfkit/seg-metrics` has these and many more. */

/** Pixels of true class i that were given class j, at [i * classes + j]. */
export function confusionMatrix(predictions: Uint8Array, targets: Uint8Array, classes: number): Float64Array {
  const counts = new Float64Array(classes * classes);
  for (let pixel = 0; pixel < targets.length; pixel++) {
    counts[targets[pixel]! * classes + predictions[pixel]!]!++;
  }
  return counts;
}

export interface SegmentationScores {
  /** Share of pixels with the right class. */
  readonly pixelAccuracy: number;
  /** |prediction and truth| / |prediction or truth| of each class; NaN for a class that is in neither. */
  readonly iou: readonly number[];
  /** Mean of `iou` over the classes that occur. */
  readonly meanIoU: number;
}

export function scoresOf(confusion: Float64Array, classes: number): SegmentationScores {
  let right = 0;
  let total = 0;
  const rows = new Float64Array(classes);
  const columns = new Float64Array(classes);
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) {
      const count = confusion[i * classes + j]!;
      total += count;
      rows[i]! += count;
      columns[j]! += count;
      if (i === j) right += count;
    }
  }
  const iou = Array.from(rows, (row, k) => {
    const both = confusion[k * classes + k]!;
    return both / (row + columns[k]! - both);
  });
  const present = iou.filter((value) => !Number.isNaN(value));
  return {
    pixelAccuracy: right / total,
    iou,
    meanIoU: present.reduce((sum, value) => sum + value, 0) / present.length,
  };
}
