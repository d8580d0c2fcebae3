import { FormatError } from '@tfkit/core';
import { type ColorPalette, type LabelMap, labelsFromPng } from './labelMaps';
import type { DecodeLimits } from './limits';
import { decodeNifti } from './nifti';
import { decodeNpy } from './npy';
import { decodePng, isPng } from './png';

/** The label map of a PNG, NIfTI(.gz) or npy file, told apart by its first bytes. Throws FormatError or ValueError. */
export async function readLabelMap(
  bytes: Uint8Array,
  options: DecodeLimits & { readonly palette?: ColorPalette } = {},
): Promise<LabelMap> {
  if (isPng(bytes)) return labelsFromPng(await decodePng(bytes, options), options.palette);
  if (bytes[0] === 0x93) return decodeNpy(bytes, options);
  const [a, b, c, d] = bytes;
  const size = (a ?? 0) | ((b ?? 0) << 8);
  if (
    (a === 0x1f && b === 0x8b) ||
    [348, 540].includes(size) ||
    [348, 540].includes(((c ?? 0) << 8) | (d ?? 0))
  ) {
    return decodeNifti(bytes, options);
  }
  throw new FormatError('readLabelMap: file must be PNG, NIfTI(.gz) or npy, got other first bytes.');
}
