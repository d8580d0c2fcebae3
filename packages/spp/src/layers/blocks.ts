/** Blocks with convolutions of their own: SPP and SPPF of YOLOv5, SPPCSPC of YOLOv7, PSPNet's pyramid pooling module. */
import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { Activation, ConvWeights } from '../blocks/convolution';
import { pyramidPoolingModule } from '../blocks/pyramidPoolingModule';
import { sppBlock, sppcspc, sppfBlock } from '../blocks/yolo';
import { type LayerArgs, OptionsLayer, type Shape } from './layer';

interface BlockOptions {
  /** Channels of the result. */
  readonly filters: number;
  /** Channels inside. Default half of the input's (of `filters` for SPPCSPC). */
  readonly hidden?: number;
  /** After each convolution. */
  readonly activation?: Activation;
}

/** [kernel size, in, out] of each convolution. */
type ConvShapes = Readonly<Record<string, readonly [size: number, from: number, to: number]>>;

abstract class ConvolutionBlock<O extends object> extends OptionsLayer<O> {
  private readonly convolutions = new Map<string, readonly [tfl.LayerVariable, tfl.LayerVariable]>();

  protected abstract convShapes(channels: number): ConvShapes;

  override build(inputShape: Shape): void {
    const channels = inputShape[inputShape.length - 1]!;
    for (const [name, [size, from, to]] of Object.entries(this.convShapes(channels))) {
      const kernel = this.addWeight(
        `${name}.kernel`,
        [size, size, from, to],
        'float32',
        tfl.initializers.heNormal({}),
      );
      const bias = this.addWeight(`${name}.bias`, [to], 'float32', tfl.initializers.zeros());
      this.convolutions.set(name, [kernel, bias]);
    }
    super.build(inputShape);
  }

  protected weightsOf(name: string): ConvWeights {
    const [kernel, bias] = this.convolutions.get(name)!;
    return { kernel: kernel.read() as tf.Tensor4D, bias: bias.read() as tf.Tensor1D };
  }

  protected allWeights(): Record<string, ConvWeights> {
    return Object.fromEntries([...this.convolutions.keys()].map((name) => [name, this.weightsOf(name)]));
  }
}

abstract class YoloBlock<O extends BlockOptions> extends ConvolutionBlock<O> {
  override computeOutputShape([batch, height, width]: Shape): Shape {
    return [batch!, height!, width!, this.options.filters];
  }
}

export interface SppBlockLayerOptions extends BlockOptions {
  /** Odd integers. Default [5, 9, 13]. */
  readonly kernels?: readonly number[];
}

export interface SppfBlockLayerOptions extends BlockOptions {
  /** An odd integer. Default 5. */
  readonly kernel?: number;
}

const cv1cv2 = (
  channels: number,
  { hidden = channels >> 1, filters }: BlockOptions,
  pools: number,
): ConvShapes => ({
  cv1: [1, channels, hidden],
  cv2: [1, hidden * (1 + pools), filters],
});

/** `sppBlock` with trainable convolutions. */
export class SppBlock extends YoloBlock<SppBlockLayerOptions> {
  static readonly className = 'SppSppBlock';

  constructor(args: SppBlockLayerOptions & LayerArgs) {
    super(args, ['filters', 'hidden', 'kernels', 'activation']);
  }

  protected convShapes(channels: number) {
    return cv1cv2(channels, this.options, (this.options.kernels ?? [5, 9, 13]).length);
  }

  pool([x]: tf.Tensor[]) {
    const { kernels, activation } = this.options;
    return sppBlock(x as tf.Tensor4D, this.allWeights() as never, { kernels, activation });
  }
}

/** `sppfBlock` with trainable convolutions. */
export class SppfBlock extends YoloBlock<SppfBlockLayerOptions> {
  static readonly className = 'SppSppfBlock';

  constructor(args: SppfBlockLayerOptions & LayerArgs) {
    super(args, ['filters', 'hidden', 'kernel', 'activation']);
  }

  protected convShapes(channels: number) {
    return cv1cv2(channels, this.options, 3);
  }

  pool([x]: tf.Tensor[]) {
    const { kernel, activation } = this.options;
    return sppfBlock(x as tf.Tensor4D, this.allWeights() as never, { kernel, activation });
  }
}

/** `sppcspc` with trainable convolutions. */
export class Sppcspc extends YoloBlock<SppBlockLayerOptions> {
  static readonly className = 'SppSppcspc';

  constructor(args: SppBlockLayerOptions & LayerArgs) {
    super(args, ['filters', 'hidden', 'kernels', 'activation']);
  }

  protected convShapes(channels: number): ConvShapes {
    const { filters, hidden = filters >> 1, kernels = [5, 9, 13] } = this.options;
    return {
      cv1: [1, channels, hidden],
      cv2: [1, channels, hidden],
      cv3: [3, hidden, hidden],
      cv4: [1, hidden, hidden],
      cv5: [1, hidden * (1 + kernels.length), hidden],
      cv6: [3, hidden, hidden],
      cv7: [1, 2 * hidden, filters],
    };
  }

  pool([x]: tf.Tensor[]) {
    const { kernels, activation } = this.options;
    return sppcspc(x as tf.Tensor4D, this.allWeights() as never, { kernels, activation });
  }
}

export interface PyramidPoolingLayerOptions {
  /** Bins along both axes of each branch. Default [1, 2, 3, 6]. */
  readonly bins?: readonly number[];
  /** Channels of each branch. Default the input's divided by the number of branches. */
  readonly filters?: number;
  /** Corners on corners rather than half-pixel centres. Default false. */
  readonly alignCorners?: boolean;
  /** Default 'relu'. */
  readonly activation?: Activation;
}

/** `pyramidPoolingModule` with trainable convolutions. */
export class PyramidPoolingModule extends ConvolutionBlock<PyramidPoolingLayerOptions> {
  static readonly className = 'SppPyramidPoolingModule';

  constructor(args: PyramidPoolingLayerOptions & LayerArgs = {}) {
    super(args, ['bins', 'filters', 'alignCorners', 'activation']);
  }

  private branch(channels: number): { bins: readonly number[]; filters: number } {
    const { bins = [1, 2, 3, 6] } = this.options;
    const { filters = Math.max(1, Math.floor(channels / bins.length)) } = this.options;
    return { bins, filters };
  }

  protected convShapes(channels: number): ConvShapes {
    const { bins, filters } = this.branch(channels);
    return Object.fromEntries(bins.map((n, i) => [`branch${i}.bins${n}`, [1, channels, filters] as const]));
  }

  pool([x]: tf.Tensor[]) {
    const { bins, alignCorners, activation } = this.options;
    return pyramidPoolingModule(x as tf.Tensor4D, Object.values(this.allWeights()), {
      bins,
      alignCorners,
      activation,
    });
  }

  override computeOutputShape([batch, height, width, channels]: Shape): Shape {
    const { bins, filters } = this.branch(channels!);
    return [batch!, height!, width!, channels! + bins.length * filters];
  }
}
