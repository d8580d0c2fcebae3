/** Label maps as they come: any typed array (or plain array) of class ids, flat, in any pixel order. */

/** Class ids, one a pixel. Whole numbers; floats that are whole (NIfTI float32 labels) are accepted. */
export type LabelArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | readonly number[];

/** Labels as plain numbers: 64-bit integers are converted (exact to 2^53), all else is returned as it is. */
export function numericLabels(labels: LabelArray): Exclude<LabelArray, BigInt64Array | BigUint64Array> {
  const signed = labels instanceof BigInt64Array;
  if (!signed && !(labels instanceof BigUint64Array)) return labels;
  // By halves, low first as on every machine of JavaScript's, many times as fast as Number(bigint).
  const halves = new (signed ? Int32Array : Uint32Array)(
    labels.buffer as ArrayBuffer,
    labels.byteOffset,
    2 * labels.length,
  );
  const numbers = new Float64Array(labels.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = halves[2 * i + 1]! * 2 ** 32 + (halves[2 * i]! >>> 0);
  return numbers;
}
