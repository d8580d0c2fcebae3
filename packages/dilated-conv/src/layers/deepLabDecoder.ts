/** `deepLabDecoder` as a layer of two inputs. */
import * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger, formatValue, ShapeError } from '@tfkit/core';
import { deepLabDecoder } from '../blocks/decoder';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs } from './block';

export interface DeepLabDecoderArgs extends BlockLayerArgs {
  /** Channels of the 3x3 convolutions. Default 256. */
  readonly filters?: number;
  /** Channels that the low-level features are reduced to. Default 48. */
  readonly lowFilters?: number;
  /** 3x3 convolutions. Default 2. */
  readonly depth?: number;
  /** Channels of a last 1x1 convolution without activation. Default none. */
  readonly classes?: number;
}

/** The decoder of DeepLab v3+: see `deepLabDecoder`. [x, low] to [batch, h, w of low, classes or filters]. */
export class DeepLabDecoder extends BlockLayer {
  static readonly className = 'DilatedConvDeepLabDecoder';
  private readonly filters: number;
  private readonly lowFilters: number;
  private readonly depth: number;
  private readonly classes: number | undefined;
  private lowChannels = 0;
  private decode: (x: tf.Tensor4D, low: tf.Tensor4D) => tf.Tensor4D = (x) => x;

  constructor(args: DeepLabDecoderArgs = {}) {
    super(args);
    const { filters = 256, lowFilters = 48, depth = 2, classes } = args;
    const counts = { filters, lowFilters, depth, ...(classes === undefined ? {} : { classes }) };
    for (const [name, value] of Object.entries(counts)) {
      checkInteger(['DeepLabDecoder', name], value, { min: 1 });
    }
    this.filters = filters;
    this.lowFilters = lowFilters;
    this.depth = depth;
    this.classes = classes;
  }

  override build(inputShape: Shape | Shape[]): void {
    const [x, low] = pair(inputShape);
    this.lowChannels = low.at(-1) as number;
    checkInteger(['DeepLabDecoder', 'low-level channels'], this.lowChannels, { min: 1 });
    super.build(x);
  }

  protected override buildFor(channels: number): void {
    const { filters, lowFilters, depth, classes } = this;
    const reduce = this.addConv('reduce', [1, 1, this.lowChannels, lowFilters]);
    const refine = Array.from({ length: depth }, (_, i) =>
      this.addConv(`refine${i}`, [3, 3, i === 0 ? channels + lowFilters : filters, filters]),
    );
    const classify = classes === undefined ? undefined : this.addConv('classify', [1, 1, filters, classes]);
    this.decode = (x, low) =>
      deepLabDecoder(x, low, {
        reduce: reduce(),
        refine: refine.map((read) => read()),
        classify: classify?.(),
      });
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [x, low] = pair(inputs) as [tf.Tensor4D, tf.Tensor4D];
      return this.decode(x, low);
    });
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    return x;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [, low] = pair(inputShape as Shape[]);
    return [...low.slice(0, -1), this.classes ?? this.filters];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, lowFilters, depth, classes } = this;
    return {
      ...super.getConfig(),
      filters,
      lowFilters,
      depth,
      ...(classes === undefined ? {} : { classes }),
    };
  }

  override receptivePlan(): ReceptivePlan {
    throw new Error('DeepLabDecoder resizes one of its two inputs');
  }
}

function pair<T>(inputs: T | T[]): [T, T] {
  if (Array.isArray(inputs) && inputs.length === 2 && typeof inputs[0] !== 'number') {
    return inputs as [T, T];
  }
  throw new ShapeError(`DeepLabDecoder: inputs must be [x, low], got ${formatValue(inputs)}.`);
}
