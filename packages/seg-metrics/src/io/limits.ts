/** What a decoder allocates at most unless told otherwise. */
export interface DecodeLimits {
  /** Largest number of pixels (voxels, elements) to decode. Default 2^28 = 268,435,456. */
  readonly maxPixels?: number;
}

export const defaultMaxPixels = 2 ** 28;
