/** The layer of batch normalisation over all ranks. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { currentGroup } from '../initProcessGroup';
import { type SyncGroup, syncBatchNorm } from '../tfjs/syncBatchNorm';

type StockArgs = NonNullable<Parameters<typeof layers.batchNormalization>[0]>;
type StockLayer = ReturnType<typeof layers.batchNormalization>;

/**
 * The arguments of `tf.layers.batchNormalization`, and the group; without one, the group that `initProcessGroup`
 * made.
 */
export type SyncBatchNormalizationArgs = StockArgs & {
  /** Default: the group that this rank has joined; the group of one where there is none. */
  readonly group?: SyncGroup;
};

interface Weight {
  read(): tf.Tensor;
  write(value: tf.Tensor): unknown;
}

/** The fields of tf.layers' BatchNormalization (4.22), whose class is not exported. */
interface Internals {
  axis: number;
  momentum: number;
  epsilon: number;
  gamma?: Weight;
  beta?: Weight;
  movingMean: Weight;
  movingVariance: Weight;
}

const Stock = layers.batchNormalization({ name: 'tfkit_ddp_probe' }).constructor as new (
  args?: StockArgs,
) => StockLayer;

type Call = StockLayer['call'];

/**
 * tf.layers' batch normalisation with the statistics of all ranks' batches in training. Elsewhere, and without a
 * group, it is the stock layer; so are its arguments and weights.
 */
export class SyncBatchNormalization extends Stock {
  static className = 'DdpSyncBatchNormalization';
  private readonly group: SyncGroup | undefined;

  constructor({ group, ...args }: SyncBatchNormalizationArgs = {}) {
    super(args);
    this.group = group;
  }

  override getClassName(): string {
    return SyncBatchNormalization.className;
  }

  override call(...[inputs, kwargs]: Parameters<Call>): ReturnType<Call> {
    return callSynced(this, super.call.bind(this), this.group, inputs, kwargs);
  }
}

/** A new `SyncBatchNormalization`. */
export function syncBatchNormalization(args?: SyncBatchNormalizationArgs): SyncBatchNormalization {
  return new SyncBatchNormalization(args);
}

/**
 * Makes every BatchNormalization of a model, nested ones too, use the statistics of all ranks; returns how many there are.
 * The layers keep their class: the model is saved as it would be without.
 */
export function convertSyncBatchNorm(
  model: { readonly layers: readonly unknown[] },
  { group }: { readonly group?: SyncGroup } = {},
): number {
  let count = 0;
  for (const layer of model.layers as (StockLayer & { layers?: readonly unknown[] })[]) {
    if (Array.isArray(layer.layers)) count += convertSyncBatchNorm({ layers: layer.layers }, { group });
    if (layer.getClassName() !== 'BatchNormalization') continue;
    const stock = layer.call.bind(layer);
    layer.call = (inputs, kwargs) => callSynced(layer, stock, group, inputs, kwargs);
    count++;
  }
  return count;
}

function callSynced(
  layer: StockLayer,
  stock: Call,
  givenGroup: SyncGroup | undefined,
  inputs: Parameters<Call>[0],
  kwargs: Parameters<Call>[1],
): ReturnType<Call> {
  const group = givenGroup ?? currentGroup();
  if (!kwargs?.training || !group || group.size === 1) return stock(inputs, kwargs);
  return tf.tidy(() => {
    const { axis, epsilon, momentum, gamma, beta, movingMean, movingVariance } =
      layer as unknown as Internals;
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor;
    const channels: [number] = [x.shape.at(axis)!];
    const scale = (gamma?.read() ?? tf.ones(channels)) as tf.Tensor1D;
    const offset = (beta?.read() ?? tf.zeros(channels)) as tf.Tensor1D;
    const { output, mean, variance } = syncBatchNorm(x, scale, offset, { group, axis, epsilon });
    move(movingMean, mean, momentum);
    move(movingVariance, variance, momentum);
    return output;
  });
}

/** weight = momentum weight + (1 - momentum) value, with tf.layers' arithmetic. */
function move(weight: Weight, value: tf.Tensor, momentum: number): void {
  tf.tidy(() => {
    const before = weight.read();
    weight.write(tf.sub(before, tf.mul(tf.sub(before, value), 1 - momentum)));
  });
}
