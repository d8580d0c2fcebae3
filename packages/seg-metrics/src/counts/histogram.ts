/**
 * Counting pairs (target, prediction): the inner loops.
 *
 * 8-bit maps use a 256 x 256 table with four counters a cell, so that consecutive equal pixels do not wait for one
 * counter's store, and read four labels a load: the label in byte k of a word goes to counter k. Where maps are coherent, equal neighbouring words are counted as one run;
 * on noise that test costs a third, so a sample of the map decides. Ignored labels and those that are no class stay in
 * the table and are sorted out when it is folded: the block of the classes first, the rest only if pixels are left.
 */
import { ValueError } from '@tfkit/core';
import { sum } from '../scores/sum';
import { type LabelArray, numericLabels } from './labels';
import { emptyPairCounts, hasInvalid, type PairCounts } from './pairCounts';

export interface PairRules {
  readonly numClasses: number;
  readonly ignore: ReadonlySet<number>;
  /** Labels that are no class are an error. */
  readonly strict: boolean;
}

/** Of an index into the table: the target, the prediction, and two bits for which of the cell's four counters. */
const [targetBits, predictionBits] = [255 << 10, 255 << 2];
const tableSize = 1 << 18;
/** A table cell is 32 bits; no more pixels than this go into it between two folds. */
const pixelsPerFold = 2 ** 30;
/** Below this many pixels clearing and folding the table costs more than it saves. */
const smallMap = 1 << 15;

/** Kept between calls: one megabyte, whatever the size of the maps. */
let scratch: Uint32Array | undefined;

/** The counts of a pair of maps. Throws ValueError for labels that are not whole, and under `strict` for those that are no class. */
export function countPairs(predictions: LabelArray, targets: LabelArray, rules: PairRules): PairCounts {
  const counts = emptyPairCounts(rules.numClasses);
  if (predictions instanceof Uint8Array && targets instanceof Uint8Array && targets.length >= smallMap) {
    countBytes(predictions, targets, rules, counts);
    if (!rules.strict || !hasInvalid(counts)) return counts;
    // Counted again below for the first such pixel, which the error names.
  }
  countGeneric(numericLabels(predictions), numericLabels(targets), rules, counts);
  return counts;
}

function countBytes(predictions: Uint8Array, targets: Uint8Array, rules: PairRules, counts: PairCounts) {
  scratch ??= new Uint32Array(tableSize);
  for (let start = 0; start < targets.length; start += pixelsPerFold) {
    const end = Math.min(start + pixelsPerFold, targets.length);
    scratch.fill(0);
    tally(targets.subarray(start, end), predictions.subarray(start, end), scratch);
    fold(scratch, end - start, rules, counts);
  }
}

function tally(targets: Uint8Array, predictions: Uint8Array, h: Uint32Array): void {
  const aligned = targets.byteOffset % 4 === 0 && predictions.byteOffset % 4 === 0;
  let done = 0;
  if (aligned) {
    const words = targets.length >> 2;
    const t = new Int32Array(targets.buffer, targets.byteOffset, words);
    const p = new Int32Array(predictions.buffer, predictions.byteOffset, words);
    if (hasRuns(t, p)) tallyRuns(t, p, h);
    else tallyWords(t, p, h);
    done = words << 2;
  }
  for (let i = done; i < targets.length; i++) {
    h[(targets[i]! << 10) | (predictions[i]! << 2) | (i & 3)]!++;
  }
}

function tallyWords(targets: Int32Array, predictions: Int32Array, h: Uint32Array): void {
  for (let i = 0; i < targets.length; i++) {
    const t = targets[i]!;
    const p = predictions[i]!;
    h[((t << 10) & targetBits) | ((p << 2) & predictionBits)]!++;
    h[((t << 2) & targetBits) | ((p >>> 6) & predictionBits) | 1]!++;
    h[((t >>> 6) & targetBits) | ((p >>> 14) & predictionBits) | 2]!++;
    h[((t >>> 14) & targetBits) | ((p >>> 22) & predictionBits) | 3]!++;
  }
}

function tallyRuns(targets: Int32Array, predictions: Int32Array, h: Uint32Array): void {
  const words = targets.length;
  for (let i = 0; i < words; ) {
    const t = targets[i]!;
    const p = predictions[i]!;
    let end = i + 1;
    while (end < words && targets[end] === t && predictions[end] === p) end++;
    const run = end - i;
    i = end;
    h[((t << 10) & targetBits) | ((p << 2) & predictionBits)]! += run;
    h[((t << 2) & targetBits) | ((p >>> 6) & predictionBits) | 1]! += run;
    h[((t >>> 6) & targetBits) | ((p >>> 14) & predictionBits) | 2]! += run;
    h[((t >>> 14) & targetBits) | ((p >>> 22) & predictionBits) | 3]! += run;
  }
}

/** True if most of a sample of neighbouring words are equal: eight stretches spread over the map. */
function hasRuns(targets: Int32Array, predictions: Int32Array): boolean {
  const stretch = Math.min(256, targets.length >> 4);
  let equal = 0;
  for (let part = 0; part < 8; part++) {
    const start = Math.floor(((part + 0.5) * (targets.length - stretch - 1)) / 8);
    for (let i = start; i < start + stretch; i++) {
      if (targets[i] === targets[i + 1] && predictions[i] === predictions[i + 1]) equal++;
    }
  }
  return equal > stretch * 8 * 0.6;
}

/** Adds the table, which holds so many pixels, to `counts`. */
function fold(h: Uint32Array, pixels: number, { numClasses, ignore }: PairRules, counts: PairCounts): void {
  const at = (cell: number) => h[4 * cell]! + h[4 * cell + 1]! + h[4 * cell + 2]! + h[4 * cell + 3]!;
  const rowSum = (t: number, from: number) => {
    let sum = 0;
    for (let p = from; p < 256; p++) sum += at((t << 8) | p);
    return sum;
  };
  const classes = Math.min(numClasses, 256);
  let left = pixels;
  for (let t = 0; t < classes; t++) {
    if (ignore.has(t)) continue;
    for (let p = 0; p < classes; p++) {
      const count = at((t << 8) | p);
      counts.cells[t * numClasses + p]! += count;
      left -= count;
    }
  }
  for (const label of ignore) {
    if (label < 0 || label > 255) continue;
    const count = rowSum(label, 0);
    counts.ignored += count;
    left -= count;
  }
  for (let t = 0; t < classes && left > 0; t++) {
    if (ignore.has(t)) continue;
    const count = rowSum(t, classes);
    counts.invalidPredictions[t]! += count;
    left -= count;
  }
  counts.invalidTargets += left;
}

function countGeneric(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  rules: PairRules,
  counts: PairCounts,
): void {
  const { numClasses, ignore } = rules;
  const { cells } = counts;
  const isClass = (label: number) => (label | 0) === label && label >= 0 && label < numClasses;
  for (let i = 0; i < targets.length; i++) {
    const t = targets[i]!;
    const p = predictions[i]!;
    if (isClass(t) && isClass(p)) {
      cells[t * numClasses + p]!++;
    } else if (ignore.has(t)) {
      counts.ignored++;
    } else if (!isClass(t)) {
      checkNoClass('targets', t, i, rules);
      counts.invalidTargets++;
    } else {
      checkNoClass('predictions', p, i, rules);
      counts.invalidPredictions[t]!++;
    }
  }
  // Ignored labels that are classes were counted as such: cheaper than asking at every pixel.
  for (const label of ignore) {
    if (!isClass(label)) continue;
    const row = cells.subarray(label * numClasses, (label + 1) * numClasses);
    counts.ignored += sum(row);
    row.fill(0);
  }
}

/** A label that is no class must be a whole number, and is refused under `strict`. */
function checkNoClass(
  argument: string,
  label: number,
  pixel: number,
  { numClasses, strict }: PairRules,
): void {
  const whole = Number.isInteger(label);
  if (whole && !strict) return;
  const [rule, hint] = whole
    ? [
        `in [0, ${numClasses - 1}]`,
        "Name it as ignoreIndex, or count such predictions as false negatives: outOfRange: 'count'.",
      ]
    : ['whole numbers', 'Scores and probabilities go through updateLogits.'];
  throw new ValueError(`update: ${argument} must be ${rule}, got ${label} at pixel ${pixel}. ${hint}`);
}
