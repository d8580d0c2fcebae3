/** What the layers of this package share: weights named as in the functions, and seeds. */
import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, type Shape } from '@tensorflow/tfjs-layers';
import { checkInteger, checkOneOf } from '@tfkit/core';
import type { ConvWeights } from '../blocks/convWeights';
import type { ReceptivePlan } from '../design/receptivePlan';

const initializerNames = ['heNormal', 'heUniform', 'glorotNormal', 'glorotUniform', 'leCunNormal'] as const;

/** What all layers of blocks take, as tf.layers names it. */
export interface BlockLayerArgs {
  readonly name?: string;
  readonly trainable?: boolean;
  readonly inputShape?: (number | null)[];
  readonly batchInputShape?: (number | null)[];
  readonly dtype?: tf.DataType;
  /** How kernels start. Default 'heNormal'. */
  readonly kernelInitializer?: (typeof initializerNames)[number];
  /** Makes the kernels reproducible. Default none. */
  readonly seed?: number;
}

/** What `analyzeModel` asks of layers that it does not know. */
export interface HasReceptivePlan {
  receptivePlan(): ReceptivePlan;
}

type Read<T extends tf.Tensor> = () => T;
/** Reads the present kernel and bias of a convolution. */
export type ReadConv<F extends tf.Tensor = tf.Tensor4D> = () => Required<ConvWeights<F>>;

/** A layer whose `call` is one of this package's functions on weights that `build` makes. */
export abstract class BlockLayer extends layers.Layer implements HasReceptivePlan {
  protected readonly kernelInitializer: NonNullable<BlockLayerArgs['kernelInitializer']>;
  protected readonly seed: number | undefined;
  private weightCount = 0;

  constructor(args: BlockLayerArgs) {
    super(args as ConstructorParameters<typeof layers.Layer>[0]);
    this.kernelInitializer = args.kernelInitializer ?? 'heNormal';
    this.seed = args.seed;
    const { className } = this.constructor as unknown as { className: string };
    checkOneOf([className, 'kernelInitializer'], this.kernelInitializer, initializerNames);
    if (this.seed !== undefined) checkInteger([className, 'seed'], this.seed);
  }

  abstract receptivePlan(): ReceptivePlan;
  /** Makes the weights for inputs of that many channels. */
  protected abstract buildFor(channels: number): void;
  protected abstract run(x: tf.Tensor, training: boolean): tf.Tensor;

  override build(inputShape: Shape | Shape[]): void {
    const channels = onlyShape(inputShape).at(-1);
    const { className } = this.constructor as unknown as { className: string };
    checkInteger(
      [className, 'input channels'],
      channels,
      { min: 1 },
      'The last axis of the input must be known.',
    );
    this.weightCount = 0;
    this.buildFor(channels);
    super.build(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.tidy(() => this.run(x, kwargs?.training ?? false));
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { kernelInitializer, seed } = this;
    return { ...super.getConfig(), kernelInitializer, ...(seed === undefined ? {} : { seed }) };
  }

  /** A kernel; from `value` where given, else from the initializer. */
  protected addKernel<F extends tf.Tensor>(name: string, shape: number[], value?: () => F): Read<F> {
    const seed = this.seed === undefined ? undefined : this.seed + this.weightCount++;
    const random = initializers[this.kernelInitializer]({ seed });
    const start = value ? ({ apply: value } as unknown as typeof random) : random;
    const weight = this.addWeight(name, shape, 'float32', start);
    return () => weight.read() as F;
  }

  protected addVector(name: string, size: number, start: 'zeros' | 'ones'): Read<tf.Tensor1D> {
    const weight = this.addWeight(name, [size], 'float32', initializers[start]());
    return () => weight.read() as tf.Tensor1D;
  }

  /** Kernel and bias. */
  protected addConv<F extends tf.Tensor = tf.Tensor4D>(
    name: string,
    shape: number[],
    value?: () => F,
  ): ReadConv<F> {
    const kernel = this.addKernel<F>(`${name}/kernel`, shape, value);
    const bias = this.addVector(`${name}/bias`, shape.at(-1)!, 'zeros');
    return () => ({ kernel: kernel(), bias: bias() });
  }
}

export const onlyShape = (shape: Shape | Shape[]): Shape =>
  Array.isArray(shape[0]) ? (shape[0] as Shape) : (shape as Shape);

/** The input's shape with another number of channels. */
export const withChannels = (shape: Shape | Shape[], channels: number): Shape => [
  ...onlyShape(shape).slice(0, -1),
  channels,
];

/** A 'same' convolution in the plan of a block. */
export const sameWindow = (kernelSize: number, dilationRate: number): ReceptivePlan => ({
  kind: 'window',
  kernelSize,
  dilationRate,
  padding: 'same',
});
