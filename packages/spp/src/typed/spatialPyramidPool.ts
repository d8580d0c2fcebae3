import { checkOneOf } from '@tfkit/core';
import { binCount, levelsOf, type PyramidLevel } from '../bins';
import { loopMap, type TypedMap, type TypedOptions } from './map';
import { averages, maxima } from './pools';

export interface TypedPyramidOptions extends TypedOptions {
  /** Default [1, 2, 4]. */
  readonly levels?: readonly PyramidLevel[];
  /** Default 'max'. */
  readonly mode?: 'max' | 'avg';
  /** Default that of the layout: 'channel-major' for 'NCHW', 'channel-minor' for 'NHWC'. */
  readonly order?: 'channel-minor' | 'channel-major';
}

/**
 * A vector of fixed length for each map, [batch, sppLength(channels, levels, dims)].
 *
 * @param x Float32Array `data` with `dims`, see `TypedMap`.
 * @throws DTypeError, ShapeError, OptionError.
 *
 * Source: He et al., Spatial Pyramid Pooling, ECCV 2014 (arXiv:1406.4729).
 */
export function spatialPyramidPool(x: TypedMap, options: TypedPyramidOptions = {}): TypedMap {
  const { levels = [1, 2, 4], mode = 'max', layout = 'NCHW' } = options;
  const { order = layout === 'NCHW' ? 'channel-major' : 'channel-minor' } = options;
  checkOneOf(['spatialPyramidPool', 'mode'], mode, ['max', 'avg']);
  checkOneOf(['spatialPyramidPool', 'order'], order, ['channel-minor', 'channel-major']);
  const map = loopMap('spatialPyramidPool', x, options);
  const bins = levelsOf('spatialPyramidPool', levels, map.dims);
  const batch = x.dims[0]!;
  const channels = layout === 'NCHW' ? x.dims[1]! : map.channels;
  const all = mode === 'max' ? maxima(map, bins).values : undefined;
  const total = bins.reduce((sum, level) => sum + binCount(level), 0);
  const out = new Float32Array(batch * total * channels);
  let first = 0;
  for (const level of bins) {
    const count = binCount(level);
    const own = all ? undefined : averages(map, level);
    for (let image = 0; image < map.images; image++) {
      for (let bin = 0; bin < count; bin++) {
        for (let c = 0; c < map.channels; c++) {
          const [n, channel] =
            layout === 'NCHW' ? [Math.floor(image / channels), image % channels] : [image, c];
          const inLevel = order === 'channel-major' ? channel * count + bin : bin * channels + channel;
          const value = own
            ? own[(image * count + bin) * map.channels + c]!
            : all![(image * total + first + bin) * map.channels + c]!;
          out[(n * total + first) * channels + inLevel] = value;
        }
      }
    }
    first += count;
  }
  return { data: out, dims: [batch, total * channels] };
}
