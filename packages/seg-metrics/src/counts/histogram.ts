/**
 * Counting pairs (target, prediction): the inner loops.
 *
 * 8-bit maps use a 256 x 256 table with four counters a cell, so that consecutive equal pixels do not wait for one
 * counter's store, and read four labels a load: the label in byte k of a word goes to counter k. Where maps are coherent,
 * equal neighbouring words are counted as one run; on noise that test costs a third, so a sample of the map decides. Ignored
 * labels and those that are no class stay in the table and are sorted out when it is folded: the block of the classes first,
 * the rest only if pixels are left.
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
const targetBits = 0x3fc00;
const predictionBits = 0x3fc;
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
  const oneByOne = () => countGeneric(numericLabels(predictions), numericLabels(targets), rules, counts);
  if (predictions instanceof Uint8Array && targets instanceof Uint8Array && targets.length >= smallMap) {
    countBytes(predictions, targets, rules, counts);
  } else {
    oneByOne();
  }
  leaveOutIgnoredClasses(rules, counts);
  // Counted one by one, `strict` has thrown by now; bytes are gone through again for the pixel that the error names.
  if (rules.strict && hasInvalid(counts)) oneByOne();
  return counts;
}

/** Ignored labels that are classes are counted as such first: cheaper than asking at every pixel. */
function leaveOutIgnoredClasses({ numClasses, ignore }: PairRules, counts: PairCounts): void {
  for (const label of ignore) {
    if (label < 0 || label >= numClasses) continue;
    const row = counts.cells.subarray(label * numClasses, (label + 1) * numClasses);
    counts.ignored += sum(row) + counts.invalidPredictions[label]!;
    counts.invalidPredictions[label] = 0;
    row.fill(0);
  }
}

function countBytes(predictions: Uint8Array, targets: Uint8Array, rules: PairRules, counts: PairCounts) {
  scratch ??= new Uint32Array(tableSize);
  for (let start = 0; start < targets.length; start += pixelsPerFold) {
    const part = targets.subarray(start, start + pixelsPerFold);
    scratch.fill(0);
    tally(part, predictions.subarray(start, start + pixelsPerFold), scratch);
    fold(scratch, part.length, rules, counts);
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
  for (let i = 0; i < targets.length; i++) addWord(h, targets[i]!, predictions[i]!, 1);
}

function tallyRuns(targets: Int32Array, predictions: Int32Array, h: Uint32Array): void {
  const words = targets.length;
  for (let i = 0; i < words; ) {
    const t = targets[i]!;
    const p = predictions[i]!;
    const start = i;
    do i++;
    while (i < words && targets[i] === t && predictions[i] === p);
    addWord(h, t, p, i - start);
  }
}

/** Counts the four pairs of labels in a word of each map, as often as the word comes. */
function addWord(h: Uint32Array, t: number, p: number, times: number): void {
  h[((t << 10) & targetBits) | ((p << 2) & predictionBits)]! += times;
  h[((t << 2) & targetBits) | ((p >>> 6) & predictionBits) | 1]! += times;
  h[((t >>> 6) & targetBits) | ((p >>> 14) & predictionBits) | 2]! += times;
  h[((t >>> 14) & targetBits) | ((p >>> 22) & predictionBits) | 3]! += times;
}

/** True if over 60 % of a sample of neighbouring words are equal: eight stretches of 256 spread over the map; beyond its ends all is equal. */
function hasRuns(targets: Int32Array, predictions: Int32Array): boolean {
  let equal = 0;
  for (let middle = 0.5; middle < 8; middle++) {
    const start = Math.floor((middle * (targets.length - 257)) / 8);
    for (let i = start; i < start + 256; i++) {
      if (targets[i] === targets[i + 1] && predictions[i] === predictions[i + 1]) equal++;
    }
  }
  return equal > 1229;
}

/** Adds the table, which holds `left` pixels, to `counts`. */
function fold(h: Uint32Array, left: number, { numClasses, ignore }: PairRules, counts: PairCounts): void {
  const take = (t: number, p: number) => {
    const cell = (t << 10) | (p << 2);
    const pixels = h[cell]! + h[cell + 1]! + h[cell + 2]! + h[cell + 3]!;
    left -= pixels;
    return pixels;
  };
  const classes = Math.min(numClasses, 256);
  for (let t = 0; t < classes; t++) {
    for (let p = 0; p < classes; p++) counts.cells[t * numClasses + p]! += take(t, p);
  }
  for (let t = 0; t < 256 && left > 0; t++) {
    if (t < classes) for (let p = classes; p < 256; p++) counts.invalidPredictions[t]! += take(t, p);
    else if (ignore.has(t)) for (let p = 0; p < 256; p++) counts.ignored += take(t, p);
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
    ? [`in [0, ${numClasses - 1}]`, "Name it as ignoreIndex, or use outOfRange: 'count'."]
    : ['whole numbers', 'Scores go through updateLogits.'];
  throw new ValueError(`update: ${argument} must be ${rule}, got ${label} at pixel ${pixel}. ${hint}`);
}
