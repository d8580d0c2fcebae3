/** Decoders of label maps for Node and browsers: PNG, panoptic PNG, NIfTI, npy; nnU-Net's files. */
export { encodePng, type PngSource } from './encodePng';
export { type ColorPalette, type LabelMap, labelsFromPng, panopticIds } from './labelMaps';
export type { DecodeLimits } from './limits';
export { decodeNifti } from './nifti';
export { type NnunetDataset, type NnunetSummary, nnunetSummary, parseNnunetDataset } from './nnunet';
export { decodeNpy } from './npy';
export { decodePng, isPng, type PngColor, type PngImage } from './png';
export { readLabelMap } from './readLabelMap';
