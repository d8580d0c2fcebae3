/** Layers without weights: adaptive pools, pyramids, sliding pools. */
import type * as tf from '@tensorflow/tfjs-core';
import * as pools from '../adaptivePool';
import { binsOf, type PyramidLevel, sppLength } from '../bins';
import { sppf, yoloSpp } from '../blocks/slidingPools';
import { type PyramidOptions, spatialPyramidPool } from '../spatialPyramidPool';
import { type LayerArgs, OptionsLayer, type Shape } from './layer';

export interface AdaptivePoolingOptions {
  /** Bins along every spatial axis alike, or one number an axis. */
  readonly bins: PyramidLevel;
}

abstract class AdaptivePooling extends OptionsLayer<AdaptivePoolingOptions> {
  protected abstract readonly dims: number;

  constructor(args: AdaptivePoolingOptions & LayerArgs) {
    super(args, ['bins']);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    const bins = binsOf(this.getClassName(), 'bins', this.options.bins, this.dims).slice(3 - this.dims);
    return [inputShape[0]!, ...bins, inputShape[inputShape.length - 1]!];
  }
}

/** Adaptive maxima as a layer: [batch, length, channels] to [batch, bins, channels]. */
export class AdaptiveMaxPooling1D extends AdaptivePooling {
  static readonly className = 'SppAdaptiveMaxPooling1D';
  protected readonly dims = 1;
  pool([x]: tf.Tensor[]) {
    return pools.adaptiveMaxPool1d(x as tf.Tensor3D, this.options.bins);
  }
}

/** Adaptive maxima as a layer: [batch, height, width, channels] to [batch, rows, columns, channels]. */
export class AdaptiveMaxPooling2D extends AdaptivePooling {
  static readonly className = 'SppAdaptiveMaxPooling2D';
  protected readonly dims = 2;
  pool([x]: tf.Tensor[]) {
    return pools.adaptiveMaxPool2d(x as tf.Tensor4D, this.options.bins);
  }
}

/** Adaptive maxima as a layer: [batch, depth, height, width, channels] to [batch, ...bins, channels]. */
export class AdaptiveMaxPooling3D extends AdaptivePooling {
  static readonly className = 'SppAdaptiveMaxPooling3D';
  protected readonly dims = 3;
  pool([x]: tf.Tensor[]) {
    return pools.adaptiveMaxPool3d(x as tf.Tensor5D, this.options.bins);
  }
}

/** Adaptive averages as a layer: [batch, length, channels] to [batch, bins, channels]. */
export class AdaptiveAveragePooling1D extends AdaptivePooling {
  static readonly className = 'SppAdaptiveAveragePooling1D';
  protected readonly dims = 1;
  pool([x]: tf.Tensor[]) {
    return pools.adaptiveAvgPool1d(x as tf.Tensor3D, this.options.bins);
  }
}

/** Adaptive averages as a layer: [batch, height, width, channels] to [batch, rows, columns, channels]. */
export class AdaptiveAveragePooling2D extends AdaptivePooling {
  static readonly className = 'SppAdaptiveAveragePooling2D';
  protected readonly dims = 2;
  pool([x]: tf.Tensor[]) {
    return pools.adaptiveAvgPool2d(x as tf.Tensor4D, this.options.bins);
  }
}

/** Adaptive averages as a layer: [batch, depth, height, width, channels] to [batch, ...bins, channels]. */
export class AdaptiveAveragePooling3D extends AdaptivePooling {
  static readonly className = 'SppAdaptiveAveragePooling3D';
  protected readonly dims = 3;
  pool([x]: tf.Tensor[]) {
    return pools.adaptiveAvgPool3d(x as tf.Tensor5D, this.options.bins);
  }
}

/** `spatialPyramidPool` for maps of any size: give `inputShape: [null, null, channels]` to the model's first layer. */
export class SpatialPyramidPooling extends OptionsLayer<PyramidOptions> {
  static readonly className = 'SppSpatialPyramidPooling';

  constructor(args: PyramidOptions & LayerArgs = {}) {
    super(args, ['levels', 'mode', 'order']);
  }

  pool([x]: tf.Tensor[]) {
    return spatialPyramidPool(x!, this.options);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    const channels = inputShape[inputShape.length - 1]!;
    return [
      inputShape[0]!,
      sppLength(channels, this.options.levels ?? [1, 2, 4], (inputShape.length - 2) as 1 | 2 | 3),
    ];
  }
}

export interface YoloSppOptions {
  /** Odd integers. Default [5, 9, 13]. */
  readonly kernels?: readonly number[];
}

/** The map and its maxima over several windows, along the channels. */
export class YoloSpp extends OptionsLayer<YoloSppOptions> {
  static readonly className = 'SppYoloSpp';

  constructor(args: YoloSppOptions & LayerArgs = {}) {
    super(args, ['kernels']);
  }

  pool([x]: tf.Tensor[]) {
    return yoloSpp(x as tf.Tensor4D, this.options);
  }

  override computeOutputShape([batch, height, width, channels]: Shape): Shape {
    return [batch!, height!, width!, channels! * (1 + (this.options.kernels ?? [5, 9, 13]).length)];
  }
}

export interface SppfOptions {
  /** An odd integer. Default 5. */
  readonly kernel?: number;
  /** Default 3. */
  readonly repeats?: number;
}

/** The map and its repeated maxima, along the channels. */
export class Sppf extends OptionsLayer<SppfOptions> {
  static readonly className = 'SppSppf';

  constructor(args: SppfOptions & LayerArgs = {}) {
    super(args, ['kernel', 'repeats']);
  }

  pool([x]: tf.Tensor[]) {
    return sppf(x as tf.Tensor4D, this.options);
  }

  override computeOutputShape([batch, height, width, channels]: Shape): Shape {
    return [batch!, height!, width!, channels! * (1 + (this.options.repeats ?? 3))];
  }
}
