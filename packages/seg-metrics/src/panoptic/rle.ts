/** Masks as COCO's run lengths: runs down the columns, alternately of zeros and ones, the first of zeros. */
import { FormatError, ShapeError } from '@tfkit/core';

/** [rows, columns] as COCO writes `size`. */
export type MaskSize = readonly [rows: number, columns: number];

/** A mask as runs, column by column: lengths of 0, 1, 0, ... in turn. */
export interface Rle {
  readonly size: MaskSize;
  readonly counts: readonly number[];
}

/** COCO's form in JSON: counts as a list, or as its text of variable-length differences. */
export interface CocoRle {
  readonly size: MaskSize;
  readonly counts: string | readonly number[];
}

/**
 * The run lengths of a mask given row by row (truthy where set).
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export function encodeRle(mask: ArrayLike<number | boolean>, size: MaskSize): Rle {
  const [rows, columns] = size;
  if (mask.length !== rows * columns) {
    throw new ShapeError(`encodeRle: mask must have ${rows} x ${columns} pixels, got ${mask.length}.`);
  }
  const counts: number[] = [];
  let run = 0;
  let value = false;
  for (let x = 0; x < columns; x++) {
    for (let y = 0; y < rows; y++) {
      if (Boolean(mask[y * columns + x]) !== value) {
        counts.push(run);
        run = 0;
        value = !value;
      }
      run++;
    }
  }
  counts.push(run);
  return { size, counts };
}

/** The mask of run lengths (or of COCO's text), row by row, 0 or 1. Throws FormatError if runs do not fill the size. */
export function decodeRle(rle: CocoRle): Uint8Array {
  const { size, counts } = parseRle(rle);
  const [rows, columns] = size;
  const mask = new Uint8Array(rows * columns);
  let at = 0;
  counts.forEach((run, k) => {
    if (k % 2 === 1) {
      for (let i = at; i < at + run; i++) mask[(i % rows) * columns + Math.floor(i / rows)] = 1;
    }
    at += run;
  });
  return mask;
}

/** COCO's text of run lengths: from the third on, differences to the run two before; five bits a character. */
export function rleToString({ counts }: Rle): string {
  let text = '';
  counts.forEach((count, i) => {
    let x = i > 2 ? count - counts[i - 2]! : count;
    let more = true;
    while (more) {
      let bits = x & 31;
      x >>= 5;
      more = bits & 16 ? x !== -1 : x !== 0;
      if (more) bits |= 32;
      text += String.fromCharCode(bits + 48);
    }
  });
  return text;
}

/**
 * Run lengths of either JSON form, checked: whole, not negative, filling rows x columns.
 *
 * @throws FormatError if the input is malformed.
 */
export function parseRle(rle: CocoRle): Rle {
  const [rows, columns] = rle.size ?? [];
  const counts = typeof rle.counts === 'string' ? parseText(rle.counts) : rle.counts;
  const area = rows * columns;
  if (!Number.isSafeInteger(area) || rows < 0 || columns < 0 || area > 2 ** 31) {
    throw new FormatError(`parseRle: size must be [rows, columns], got [${rle.size}].`);
  }
  let total = 0;
  for (const count of counts) {
    if (!Number.isInteger(count) || count < 0) {
      throw new FormatError(`parseRle: counts must be whole and not negative, got ${count}.`);
    }
    total += count;
  }
  if (total !== area) {
    throw new FormatError(`parseRle: counts must sum to ${area} = ${rows} x ${columns}, got ${total}.`);
  }
  return { size: rle.size, counts };
}

function parseText(text: string): number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let x = 0;
    let shift = 0;
    let bits: number;
    do {
      bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64) || shift > 30) {
        throw new FormatError(`parseRle: counts must be COCO's text, got a wrong character at ${at - 1}.`);
      }
      x |= (bits & 31) << shift;
      shift += 5;
    } while (bits & 32);
    if (bits & 16 && shift < 32) x |= -1 << shift;
    counts.push(counts.length > 2 ? x + counts.at(-2)! : x);
  }
  return counts;
}

/** Number of set pixels. */
export const rleArea = ({ counts }: Rle): number =>
  counts.reduce((sum, count, i) => sum + (i % 2 === 1 ? count : 0), 0);

/** [column, row, width, height] of the box of set pixels; zeros if none. */
export function rleBox(rle: Rle): [x: number, y: number, width: number, height: number] {
  const [rows, columns] = rle.size;
  let [x0, y0, x1, y1] = [columns, rows, -1, -1];
  let at = 0;
  rle.counts.forEach((run, k) => {
    if (k % 2 === 1 && run > 0) {
      const last = at + run - 1;
      const firstColumn = Math.floor(at / rows);
      const lastColumn = Math.floor(last / rows);
      x0 = Math.min(x0, firstColumn);
      x1 = Math.max(x1, lastColumn);
      // A run over several columns holds the whole height.
      y0 = Math.min(y0, firstColumn < lastColumn ? 0 : at % rows);
      y1 = Math.max(y1, firstColumn < lastColumn ? rows - 1 : last % rows);
    }
    at += run;
  });
  return x1 < 0 ? [0, 0, 0, 0] : [x0, y0, x1 - x0 + 1, y1 - y0 + 1];
}

/**
 * The union or intersection of masks of one size.
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export function mergeRles(rles: readonly Rle[], operation: 'union' | 'intersection' = 'union'): Rle {
  const [first, ...rest] = rles;
  if (!first) throw new ShapeError('mergeRles: rles must hold at least one mask, got none.');
  return rest.reduce((a, b) => {
    const counts: number[] = [];
    let run = 0;
    let value = false;
    walkPair('mergeRles', a, b, (length, inA, inB) => {
      const set = operation === 'union' ? inA || inB : inA && inB;
      if (set !== value) {
        counts.push(run);
        run = 0;
        value = set;
      }
      run += length;
    });
    counts.push(run);
    return { size: a.size, counts };
  }, first);
}

/**
 * Pixels set in both masks.
 *
 * @throws ShapeError if the masks differ in size; FormatError if counts are not whole numbers.
 */
export function rleIntersection(a: Rle, b: Rle): number {
  let pixels = 0;
  walkPair('rleIntersection', a, b, (length, inA, inB) => {
    if (inA && inB) pixels += length;
  });
  return pixels;
}

/** IoU of two masks; with `crowd`, intersection over the area of `detection` (COCO's rule for crowd targets). 0 for 0/0. */
export function rleIou(detection: Rle, target: Rle, crowd = false): number {
  const intersection = rleIntersection(detection, target);
  const area = rleArea(detection);
  const denominator = crowd ? area : area + rleArea(target) - intersection;
  return denominator === 0 ? 0 : intersection / denominator;
}

function walkPair(
  functionName: string,
  a: Rle,
  b: Rle,
  visit: (length: number, inA: boolean, inB: boolean) => void,
): void {
  if (a.size[0] !== b.size[0] || a.size[1] !== b.size[1]) {
    throw new ShapeError(`${functionName}: masks must have one size, got [${a.size}] and [${b.size}].`);
  }
  let [i, j] = [0, 0];
  let [leftA, leftB] = [a.counts[0] ?? 0, b.counts[0] ?? 0];
  while (i < a.counts.length && j < b.counts.length) {
    const length = Math.min(leftA, leftB);
    if (!(length >= 0)) {
      throw new FormatError(`${functionName}: counts must be whole and not negative, got ${length}.`);
    }
    if (length > 0) visit(length, i % 2 === 1, j % 2 === 1);
    leftA -= length;
    leftB -= length;
    if (leftA === 0) leftA = a.counts[++i] ?? 0;
    if (leftB === 0) leftB = b.counts[++j] ?? 0;
  }
}
