/** `waveNet` as a layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger } from '@tfkit/core';
import { type CausalStream, waveNetStream } from '../blocks/streams';
import { type WaveNetWeights, waveNet } from '../blocks/waveNet';
import { checkRates } from '../design/receptiveField';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, withChannels } from './block';

export interface WaveNetArgs extends BlockLayerArgs {
  /** Channels of the residual path. */
  readonly filters: number;
  /** Channels of the output. */
  readonly skip: number;
  /** Channels of the gates. Default `filters`. */
  readonly gates?: number;
  /** One rate a layer. Default [1, 2, 4, ..., 512]. */
  readonly rates?: readonly number[];
  /** Default 2. */
  readonly kernelSize?: number;
}

/** The WaveNet stack: see `waveNet`. [batch, time, c] to [batch, time, skip], the sum of the skip outputs. */
export class WaveNet extends BlockLayer {
  static readonly className = 'DilatedConvWaveNet';
  private readonly filters: number;
  private readonly skip: number;
  private readonly gates: number;
  private readonly rates: readonly number[];
  private readonly kernelSize: number;
  private read: () => WaveNetWeights = () => {
    throw new Error('WaveNet: the layer is not built.');
  };

  constructor(args: WaveNetArgs) {
    super(args);
    const { filters, skip, gates = filters, kernelSize = 2 } = args;
    const { rates = Array.from({ length: 10 }, (_, i) => 2 ** i) } = args;
    for (const [name, value] of Object.entries({ filters, skip, gates })) {
      checkInteger(['WaveNet', name], value, { min: 1 });
    }
    checkRates('WaveNet', rates, kernelSize);
    this.filters = filters;
    this.skip = skip;
    this.gates = gates;
    this.rates = rates;
    this.kernelSize = kernelSize;
  }

  protected override buildFor(channels: number): void {
    const { filters, gates, kernelSize } = this;
    const conv = (name: string, shape: number[]) => this.addConv<tf.Tensor3D>(name, shape);
    const input = conv('input', [1, channels, filters]);
    const layers = this.rates.map((_, i) => {
      const filter = conv(`layer${i}/filter`, [kernelSize, filters, gates]);
      const gate = conv(`layer${i}/gate`, [kernelSize, filters, gates]);
      const skip = conv(`layer${i}/skip`, [1, gates, this.skip]);
      const last = i === this.rates.length - 1;
      const residual = last ? undefined : conv(`layer${i}/residual`, [1, gates, filters]);
      return () => ({ filter: filter(), gate: gate(), skip: skip(), residual: residual?.() });
    });
    this.read = () => ({ input: input(), layers: layers.map((read) => read()) });
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    return waveNet(x as tf.Tensor3D, this.read(), { rates: this.rates });
  }

  /** The network step by step, on a copy of the present weights. The caller disposes it. */
  stream(batch = 1): CausalStream {
    return waveNetStream(this.read(), { rates: this.rates, batch });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return withChannels(inputShape, this.skip);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, skip, gates, rates, kernelSize } = this;
    return { ...super.getConfig(), filters, skip, gates, rates: [...rates], kernelSize };
  }

  /** Layer i reads through the residual path of those before it. */
  override receptivePlan(): ReceptivePlan {
    const convs = this.rates.map(
      (dilationRate): ReceptivePlan => ({
        kind: 'window',
        kernelSize: this.kernelSize,
        dilationRate,
        padding: 'causal',
      }),
    );
    const residual = convs.map((conv): ReceptivePlan => ({ kind: 'branches', parts: [conv, 'pointwise'] }));
    return {
      kind: 'branches',
      parts: convs.map((conv, i) => ({ kind: 'chain', parts: [...residual.slice(0, i), conv] })),
    };
  }
}
