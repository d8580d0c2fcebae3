/** `duc` as a layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger, checkOneOf } from '@tfkit/core';
import { duc, type PixelOrder } from '../blocks/duc';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, onlyShape, type ReadConv, sameWindow } from './block';

export interface DucArgs extends BlockLayerArgs {
  /** Channels of the output. */
  readonly classes: number;
  /** Upsampling factor. */
  readonly factor: number;
  /** Default 'depthToSpace'. */
  readonly order?: PixelOrder;
  /** Default 3. */
  readonly kernelSize?: number;
}

/** Dense upsampling convolution: see `duc`. [batch, h, w, c] to [batch, h * factor, w * factor, classes]. */
export class Duc extends BlockLayer {
  static readonly className = 'DilatedConvDuc';
  private readonly classes: number;
  private readonly factor: number;
  private readonly order: PixelOrder;
  private readonly kernelSize: number;
  private read: ReadConv = () => {
    throw new Error('Duc: the layer is not built.');
  };

  constructor(args: DucArgs) {
    super(args);
    const { classes, factor, order = 'depthToSpace', kernelSize = 3 } = args;
    for (const [name, value] of Object.entries({ classes, factor, kernelSize })) {
      checkInteger(['Duc', name], value, { min: 1 });
    }
    checkOneOf(['Duc', 'order'], order, ['depthToSpace', 'pixelShuffle']);
    this.classes = classes;
    this.factor = factor;
    this.order = order;
    this.kernelSize = kernelSize;
  }

  protected override buildFor(channels: number): void {
    const { kernelSize: k, classes, factor } = this;
    this.read = this.addConv('conv', [k, k, channels, classes * factor ** 2]);
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    return duc(x as tf.Tensor4D, this.read(), { factor: this.factor, order: this.order });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, ...sizes] = onlyShape(inputShape).slice(0, -1);
    return [batch!, ...sizes.map((size) => size && size * this.factor), this.classes];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { classes, factor, order, kernelSize } = this;
    return { ...super.getConfig(), classes, factor, order, kernelSize };
  }

  override receptivePlan(): ReceptivePlan {
    const { factor } = this;
    return {
      kind: 'chain',
      parts: [sameWindow(this.kernelSize, 1), { kind: 'upsample', factor: [factor, factor] }],
    };
  }
}
