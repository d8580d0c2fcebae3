/** tf.layers layers of the pools. Importing this registers them, so that saved models load. */
import * as blocks from './blocks';
import { register } from './layer';
import * as pooling from './pooling';
import * as regions from './regions';

export {
  type PyramidPoolingLayerOptions,
  PyramidPoolingModule,
  SppBlock,
  type SppBlockLayerOptions,
  Sppcspc,
  SppfBlock,
  type SppfBlockLayerOptions,
} from './blocks';
export type { LayerArgs } from './layer';
export {
  AdaptiveAveragePooling1D,
  AdaptiveAveragePooling2D,
  AdaptiveAveragePooling3D,
  AdaptiveMaxPooling1D,
  AdaptiveMaxPooling2D,
  AdaptiveMaxPooling3D,
  type AdaptivePoolingOptions,
  SpatialPyramidPooling,
  Sppf,
  type SppfOptions,
  YoloSpp,
  type YoloSppOptions,
} from './pooling';
export { RoiAlign, RoiPool, SpatialPyramidWindows } from './regions';

for (const layer of Object.values({ ...blocks, ...pooling, ...regions })) register(layer);
