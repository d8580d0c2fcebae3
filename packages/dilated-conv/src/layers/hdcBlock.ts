/** `hdcBlock` as a layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger } from '@tfkit/core';
import { hdcBlock } from '../blocks/hdcBlock';
import { checkRates } from '../design/receptiveField';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, type ReadConv, sameWindow, withChannels } from './block';

export interface HdcBlockArgs extends BlockLayerArgs {
  /** Channels of every convolution. */
  readonly filters: number;
  /** Default [1, 2, 5]. */
  readonly rates?: readonly number[];
  /** Default 3. */
  readonly kernelSize?: number;
}

/** Stacked dilated convolutions without gridding: see `hdcBlock`. [batch, h, w, c] to [batch, h, w, filters]. */
export class HdcBlock extends BlockLayer {
  static readonly className = 'DilatedConvHdcBlock';
  private readonly filters: number;
  private readonly rates: readonly number[];
  private readonly kernelSize: number;
  private readLayers: ReadConv[] = [];

  constructor(args: HdcBlockArgs) {
    super(args);
    const { filters, rates = [1, 2, 5], kernelSize = 3 } = args;
    checkInteger(['HdcBlock', 'filters'], filters, { min: 1 });
    checkRates('HdcBlock', rates, kernelSize);
    this.filters = filters;
    this.rates = rates;
    this.kernelSize = kernelSize;
  }

  protected override buildFor(channels: number): void {
    const { kernelSize: k, filters } = this;
    this.readLayers = this.rates.map((_, i) =>
      this.addConv(`layer${i}`, [k, k, i === 0 ? channels : filters, filters]),
    );
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    const layers = this.readLayers.map((read) => read());
    return hdcBlock(x as tf.Tensor4D, { layers }, { rates: this.rates });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return withChannels(inputShape, this.filters);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, rates, kernelSize } = this;
    return { ...super.getConfig(), filters, rates: [...rates], kernelSize };
  }

  override receptivePlan(): ReceptivePlan {
    return { kind: 'chain', parts: this.rates.map((rate) => sameWindow(this.kernelSize, rate)) };
  }
}
