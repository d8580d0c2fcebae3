/** `tcn` as a layer. */
import * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger, checkNumber } from '@tfkit/core';
import { type CausalStream, tcnStream } from '../blocks/streams';
import { type TcnBlockWeights, tcn } from '../blocks/tcn';
import { checkRates } from '../design/receptiveField';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, withChannels } from './block';

export interface TcnArgs extends BlockLayerArgs {
  /** Channels of every block. */
  readonly filters: number;
  /** One rate a block. Default [1, 2, 4, 8]. */
  readonly rates?: readonly number[];
  /** Default 3. */
  readonly kernelSize?: number;
  /** Share of channels dropped after each convolution in training, for a whole sequence at once. Default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly weightNorm?: boolean;
}

/** A temporal convolutional network: see `tcn`. [batch, time, c] to [batch, time, filters]. */
export class Tcn extends BlockLayer {
  static readonly className = 'DilatedConvTcn';
  private readonly filters: number;
  private readonly rates: readonly number[];
  private readonly kernelSize: number;
  private readonly dropout: number;
  private readonly weightNorm: boolean;
  private readBlocks: (() => TcnBlockWeights)[] = [];

  constructor(args: TcnArgs) {
    super(args);
    const { filters, rates = [1, 2, 4, 8], kernelSize = 3, dropout = 0, weightNorm = true } = args;
    checkInteger(['Tcn', 'filters'], filters, { min: 1 });
    checkRates('Tcn', rates, kernelSize);
    checkNumber(['Tcn', 'dropout'], dropout, { min: 0, max: 1, open: 'max' });
    this.filters = filters;
    this.rates = rates;
    this.kernelSize = kernelSize;
    this.dropout = dropout;
    this.weightNorm = weightNorm;
  }

  protected override buildFor(channels: number): void {
    const { filters, kernelSize } = this;
    this.readBlocks = this.rates.map((_, i) => {
      const inputs = i === 0 ? channels : filters;
      const inner = this.addNormalized(`block${i}/1`, [kernelSize, inputs, filters]);
      const outer = this.addNormalized(`block${i}/2`, [kernelSize, filters, filters]);
      const residual =
        inputs === filters
          ? undefined
          : this.addConv<tf.Tensor3D>(`block${i}/residual`, [1, inputs, filters]);
      return () => {
        const [one, two] = [inner(), outer()];
        const first = { v1: one.v, g1: one.g, b1: one.b };
        return { ...first, v2: two.v, g2: two.g, b2: two.b, residual: residual?.() };
      };
    });
  }

  /** Direction, norm and bias; the norm starts as that of the direction, so that the kernel starts as initialized. */
  private addNormalized(name: string, shape: number[]) {
    const v = this.addKernel<tf.Tensor3D>(`${name}/v`, shape);
    const g = this.weightNorm
      ? this.addKernel<tf.Tensor1D>(`${name}/g`, [shape[2]!], () =>
          tf.tidy(() => tf.sqrt(tf.sum(tf.square(v()), [0, 1])) as tf.Tensor1D),
        )
      : undefined;
    const b = this.addVector(`${name}/bias`, shape[2]!, 'zeros');
    return () => ({ v: v(), g: g?.(), b: b() });
  }

  private readWeights() {
    return { blocks: this.readBlocks.map((read) => read()) };
  }

  protected override run(x: tf.Tensor, training: boolean): tf.Tensor {
    const { rates, dropout } = this;
    const between = (y: tf.Tensor3D) => tf.dropout(y, dropout, [y.shape[0], 1, y.shape[2]]) as tf.Tensor3D;
    const options = training && dropout > 0 ? { rates, between } : { rates };
    return tcn(x as tf.Tensor3D, this.readWeights(), options);
  }

  /** The network step by step, on a copy of the present weights. The caller disposes it. */
  stream(batch = 1): CausalStream {
    return tcnStream(this.readWeights(), { rates: this.rates, batch });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return withChannels(inputShape, this.filters);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, rates, kernelSize, dropout, weightNorm } = this;
    return { ...super.getConfig(), filters, rates: [...rates], kernelSize, dropout, weightNorm };
  }

  override receptivePlan(): ReceptivePlan {
    const parts = this.rates.map((dilationRate): ReceptivePlan => {
      const conv = { kind: 'window', kernelSize: this.kernelSize, dilationRate, padding: 'causal' } as const;
      return { kind: 'branches', parts: [{ kind: 'chain', parts: [conv, conv] }, 'pointwise'] };
    });
    return { kind: 'chain', parts };
  }
}
