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
  return labels instanceof BigInt64Array || labels instanceof BigUint64Array
    ? Float64Array.from(labels as BigInt64Array, Number)
    : labels;
}
