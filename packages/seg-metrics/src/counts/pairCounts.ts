/** Dense counts of pairs (target, prediction). */

/** What pairs of maps give; what `ConfusionMatrix.addCounts` takes. */
export interface PairCounts {
  /** [numClasses, numClasses], rows are targets. */
  readonly cells: Float64Array;
  /** Pixels of target i whose prediction is no class. */
  readonly invalidPredictions: Float64Array;
  ignored: number;
  /** Pixels whose target is neither a class nor ignored. */
  invalidTargets: number;
}

export function emptyPairCounts(numClasses: number): PairCounts {
  return {
    cells: new Float64Array(numClasses * numClasses),
    invalidPredictions: new Float64Array(numClasses),
    ignored: 0,
    invalidTargets: 0,
  };
}

/** Adds `counts` to `sum`. */
export function addPairCounts(sum: PairCounts, counts: PairCounts): void {
  const add = (into: Float64Array, values: Float64Array) => {
    for (let i = 0; i < into.length; i++) into[i]! += values[i]!;
  };
  add(sum.cells, counts.cells);
  add(sum.invalidPredictions, counts.invalidPredictions);
  sum.ignored += counts.ignored;
  sum.invalidTargets += counts.invalidTargets;
}

/** Whether any pixel that counts, or its target, is no class. */
export const hasInvalid = (counts: PairCounts) =>
  counts.invalidTargets > 0 || counts.invalidPredictions.some((pixels) => pixels > 0);
