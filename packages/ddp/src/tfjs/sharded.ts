/** ZeRO stage 1: each rank keeps the optimizer's state of its share of the parameters alone. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkOneOf } from '@tfkit/core';
import type { ProcessGroup } from '../processGroup';
import { assignAll, flatLayout, gradientsOf, pack } from './flat';
import { broadcastVariables, checkSameVariables, type DdpTarget, trainedOf } from './variables';

/** Options of `shardOptimizer`: the ranks that train together and the optimizer of the share (both required), and the reduction. */
export interface ShardedOptimizerOptions {
  readonly group: ProcessGroup;
  /** Works on this rank's share, as one vector: sgd, momentum, adam and all others that treat elements alike. */
  readonly optimizer: tf.Optimizer;
  /** What becomes of the gradients of all ranks. Default 'mean'. */
  readonly reduction?: 'mean' | 'sum';
}

/** Made by `shardOptimizer`. */
export class ShardedOptimizer {
  private readonly flat: Float32Array;

  /** @internal */
  constructor(
    private readonly options: Required<ShardedOptimizerOptions>,
    private readonly parameters: readonly tf.Variable[],
    /** This rank's share of the parameters, float32 [ceil(elements / size)]. */
    readonly shard: tf.Variable,
  ) {
    this.flat = new Float32Array(shard.size * options.group.size);
  }

  /**
   * One step: gradients are reduced to the rank that owns them (reduceScatter), each rank moves its share, and all take
   * over all shares (allGather). A collective call.
   *
   * @returns the loss of this rank's batch, which the caller disposes.
   */
  async minimize(loss: () => tf.Scalar): Promise<tf.Scalar> {
    const { group, optimizer, reduction } = this.options;
    const { value, grads } = gradientsOf(loss, this.parameters);
    await pack(grads, this.flat);
    tf.dispose(grads);
    const own = group.sync.reduceScatter(this.flat, reduction);
    const tensor = tf.tensor1d(own);
    optimizer.applyGradients([{ name: this.shard.name, tensor }]);
    tensor.dispose();
    const shares = group.sync.allGather((await this.shard.data()) as Float32Array);
    for (const [rank, share] of shares.entries()) this.flat.set(share, rank * share.length);
    assignAll(this.parameters, this.flat);
    return value;
  }

  /** Disposes the share. The optimizer is the caller's. */
  dispose(): void {
    this.shard.dispose();
  }
}

/**
 * Data-parallel training that keeps the optimizer's state once over all ranks instead of once on each: of Adam's two
 * moments a rank holds 1 / size. It moves as many bytes as an all-reduce. A collective call; all ranks take over rank 0's
 * variables. Use it instead of `ddp`, with a fresh optimizer.
 *
 * @param target a tf.layers model, or variables; float32.
 * @throws CollectiveError if shapes differ between ranks; OptionError for a bad option.
 * @example
 * const sharded = await shardOptimizer(variables, { group, optimizer: tf.train.adam(1e-3) });
 * const loss = await sharded.minimize(() => lossOf(batch));
 *
 * Source: Rajbhandari et al., ZeRO, SC 2020 (arXiv:1910.02054), stage 1.
 */
export async function shardOptimizer(
  target: DdpTarget,
  options: ShardedOptimizerOptions,
): Promise<ShardedOptimizer> {
  checkKnownOptions('shardOptimizer', options, ['group', 'optimizer', 'reduction']);
  const { group, optimizer, reduction = 'mean' } = options;
  checkOneOf(['shardOptimizer', 'options.reduction'], reduction, ['mean', 'sum'] as const);
  const trained = trainedOf(target);
  const { parameters, buffers } = trained;
  checkSameVariables(group, trained);
  await broadcastVariables(group, [...parameters, ...buffers]);
  const { length } = flatLayout(
    parameters.map(({ size }) => size),
    group.size,
  );
  const flat = new Float32Array(length);
  await pack(parameters, flat);
  const share = length / group.size;
  const own = flat.slice(group.rank * share, (group.rank + 1) * share);
  const shard = tf.tidy(() => tf.variable(tf.tensor1d(own)));
  return new ShardedOptimizer({ group, optimizer, reduction }, parameters, shard);
}
