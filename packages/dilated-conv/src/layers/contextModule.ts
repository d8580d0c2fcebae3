/** `contextModule` as a layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger, key } from '@tfkit/core';
import { contextModule, contextRates, identityKernel } from '../blocks/contextModule';
import { checkRates } from '../design/receptiveField';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, sameWindow, withChannels } from './block';

export interface ContextModuleArgs extends Omit<BlockLayerArgs, 'kernelInitializer'> {
  /** Default [1, 1, 2, 4, 8, 16, 1], the paper's. */
  readonly rates?: readonly number[];
  /**
   * Width of each layer over that of the input, one a rate; whole numbers. Default 1 for all, the paper's basic form; its
   * large form has [2, 2, 4, 8, 16, 32, 32].
   */
  readonly widths?: readonly number[];
  /** Standard deviation of the noise around the identity that the module starts from. Default 0.01. */
  readonly noise?: number;
}

/** Context aggregation that starts as the identity: see `contextModule`. [batch, h, w, c] to [batch, h, w, c]. */
export class ContextModule extends BlockLayer {
  static readonly className = 'DilatedConvContextModule';
  private readonly rates: readonly number[];
  private readonly widths: readonly number[];
  private readonly noise: number;
  private read: () => Parameters<typeof contextModule>[1] = () => {
    throw new Error('ContextModule: the layer is not built.');
  };

  constructor(args: ContextModuleArgs = {}) {
    super(args);
    const { rates = contextRates, noise = 0.01 } = args;
    const { widths = rates.map(() => 1) } = args;
    checkRates('ContextModule', rates, 3);
    checkInteger(['ContextModule', 'widths.length'], widths.length, { min: rates.length, max: rates.length });
    for (const width of widths) checkInteger(['ContextModule', 'widths'], width, { min: 1 });
    this.rates = rates;
    this.widths = widths;
    this.noise = noise;
  }

  protected override buildFor(classes: number): void {
    let inputs = classes;
    const identity = (name: string, kernelSize: number, outputs: number, index: number) => {
      const from = inputs;
      inputs = outputs;
      const options = { kernelSize, classes, noise: this.noise, key: key((this.seed ?? 0) + index) };
      return this.addConv(name, [kernelSize, kernelSize, from, outputs], () =>
        identityKernel(from, outputs, options),
      );
    };
    const layers = this.widths.map((width, i) => identity(`layer${i}`, 3, width * classes, i));
    const final = identity('final', 1, classes, this.widths.length);
    this.read = () => ({ layers: layers.map((read) => read()), final: final() });
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    return contextModule(x as tf.Tensor4D, this.read(), { rates: this.rates });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return withChannels(inputShape, (inputShape as Shape).at(-1)!);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { rates, widths, noise } = this;
    return { ...super.getConfig(), rates: [...rates], widths: [...widths], noise };
  }

  override receptivePlan(): ReceptivePlan {
    return { kind: 'chain', parts: this.rates.map((rate) => sameWindow(3, rate)) };
  }
}
