/** `denseAspp` as a layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger } from '@tfkit/core';
import { type DenseAsppLayerWeights, denseAspp } from '../blocks/denseAspp';
import { checkRates } from '../design/receptiveField';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, onlyShape, sameWindow, withChannels } from './block';

export interface DenseAsppArgs extends BlockLayerArgs {
  /** Channels that each convolution adds. */
  readonly growth: number;
  /** Default [3, 6, 12, 18, 24]. */
  readonly rates?: readonly number[];
  /** Channels of a 1x1 convolution before each dilated one. Default none. */
  readonly reduce?: number;
}

/** Densely connected ASPP: see `denseAspp`. [batch, h, w, c] to [batch, h, w, c + growth * rates]. */
export class DenseAspp extends BlockLayer {
  static readonly className = 'DilatedConvDenseAspp';
  private readonly growth: number;
  private readonly rates: readonly number[];
  private readonly reduce: number | undefined;
  private readLayers: (() => DenseAsppLayerWeights)[] = [];

  constructor(args: DenseAsppArgs) {
    super(args);
    const { growth, rates = [3, 6, 12, 18, 24], reduce } = args;
    checkInteger(['DenseAspp', 'growth'], growth, { min: 1 });
    checkRates('DenseAspp', rates, 3);
    if (reduce !== undefined) checkInteger(['DenseAspp', 'reduce'], reduce, { min: 1 });
    this.growth = growth;
    this.rates = rates;
    this.reduce = reduce;
  }

  protected override buildFor(channels: number): void {
    const { growth } = this;
    this.readLayers = this.rates.map((_, i) => {
      const inputs = channels + i * growth;
      const reduce = this.reduce ? this.addConv(`layer${i}/reduce`, [1, 1, inputs, this.reduce]) : undefined;
      const conv = this.addConv(`layer${i}`, [3, 3, this.reduce ?? inputs, growth]);
      return () => ({ ...conv(), reduce: reduce?.() });
    });
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    return denseAspp(
      x as tf.Tensor4D,
      { layers: this.readLayers.map((read) => read()) },
      { rates: this.rates },
    );
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return withChannels(inputShape, onlyShape(inputShape).at(-1)! + this.growth * this.rates.length);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { growth, rates, reduce } = this;
    return { ...super.getConfig(), growth, rates: [...rates], ...(reduce ? { reduce } : {}) };
  }

  override receptivePlan(): ReceptivePlan {
    return {
      kind: 'chain',
      parts: this.rates.map((rate) => ({ kind: 'branches', parts: [sameWindow(3, rate), 'pointwise'] })),
    };
  }
}
