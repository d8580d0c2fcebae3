/** Pairs for verification as LFW has them: folds of as many pairs of one class as of two. */
import type { Random } from '../random';

export interface VerificationPairs {
  /** Positions into the list that the labels are of: pair i is 2i and 2i + 1. */
  readonly items: Int32Array;
  /** 1 where both are of one class. */
  readonly same: Uint8Array;
}

/**
 * `folds` blocks, each of `perFold` pairs of one class, then `perFold` of two. No item is in two folds.
 *
 * @param labels class of each item; every fold must get two of each class, or there are too few items.
 */
export function drawPairs(
  labels: ArrayLike<number>,
  folds: number,
  perFold: number,
  random: Random,
): VerificationPairs {
  const items = new Int32Array(4 * folds * perFold);
  const same = new Uint8Array(2 * folds * perFold);
  const size = Math.floor(labels.length / folds);
  let pair = 0;
  for (let fold = 0; fold < folds; fold++) {
    const draw = () => fold * size + random.integer(0, size - 1);
    for (let wanted = 1; wanted >= 0; wanted--) {
      for (let count = 0; count < perFold; pair++, count++) {
        let [a, b] = [draw(), draw()];
        while (a === b || Number(labels[a] === labels[b]) !== wanted) [a, b] = [draw(), draw()];
        items.set([a, b], 2 * pair);
        same[pair] = wanted;
      }
    }
  }
  return { items, same };
}
