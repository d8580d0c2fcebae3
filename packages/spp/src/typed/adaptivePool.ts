import { type Bins3, binsOf, type PyramidLevel } from '../bins';
import { type LoopMap, loopMap, type TypedMap, type TypedOptions } from './map';
import { averages, maxima } from './pools';

const spatial = (map: LoopMap, bins: Bins3) => map.dimsWith(bins.slice(3 - map.dims));

/**
 * Maxima over adaptive bins of a map with one, two or three spatial axes, in the layout of the map.
 *
 * @param x Float32Array `data` with `dims` [batch, channels, ...spatial] ('NCHW') or [batch, ...spatial, channels] ('NHWC').
 * @param bins an integer >= 1 for every axis, or one number an axis.
 * @throws DTypeError, ShapeError, OptionError.
 */
export function adaptiveMaxPool(x: TypedMap, bins: PyramidLevel, options: TypedOptions = {}): TypedMap {
  return adaptiveMaxPoolWithArgmax(x, bins, options).result;
}

/** The maxima, and for each element the cell row W + column as an Int32Array in the same order; of equal cells the first. */
export function adaptiveMaxPoolWithArgmax(
  x: TypedMap,
  bins: PyramidLevel,
  options: TypedOptions = {},
): { readonly result: TypedMap; readonly indexes: Int32Array } {
  const map = loopMap('adaptiveMaxPool', x, options);
  const level = binsOf('adaptiveMaxPool', 'bins', bins, map.dims);
  const { values, cells } = maxima(map, [level]);
  return { result: { data: values, dims: spatial(map, level) }, indexes: cells };
}

/** Averages over adaptive bins; else as `adaptiveMaxPool`. */
export function adaptiveAvgPool(x: TypedMap, bins: PyramidLevel, options: TypedOptions = {}): TypedMap {
  const map = loopMap('adaptiveAvgPool', x, options);
  const level = binsOf('adaptiveAvgPool', 'bins', bins, map.dims);
  return { data: averages(map, level), dims: spatial(map, level) };
}
