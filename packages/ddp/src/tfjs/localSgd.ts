/** Local SGD: ranks train by themselves and take the mean of their parameters every few steps. */
import type * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions } from '@tfkit/core';
import type { ProcessGroup } from '../processGroup';
import { assignAll, flatLayout, pack } from './flat';
import { broadcastVariables, checkSameVariables, type DdpTarget, trainedOf } from './variables';

/** Options of `localSgd`: the ranks that train together, and how often they average; both are required. */
export interface LocalSgdOptions {
  readonly group: ProcessGroup;
  /** Steps between two means; 1 with plain SGD is data-parallel training. */
  readonly period: number;
}

/** Made by `localSgd`. */
export class LocalSgd {
  private steps = 0;
  private readonly flat: Float32Array;

  /** @internal */
  constructor(
    private readonly options: LocalSgdOptions,
    private readonly parameters: readonly tf.Variable[],
  ) {
    this.flat = new Float32Array(flatLayout(parameters.map(({ size }) => size)).length);
  }

  /** To be called after each step of the optimizer, on all ranks alike; true if the parameters were averaged. */
  async step(): Promise<boolean> {
    this.steps++;
    if (this.steps % this.options.period !== 0) return false;
    await this.average();
    return true;
  }

  /** Gives all ranks the mean of their parameters: also at the end, before evaluating or saving. A collective call. */
  async average(): Promise<void> {
    await pack(this.parameters, this.flat);
    this.options.group.sync.allReduceInPlace(this.flat, 'mean');
    assignAll(this.parameters, this.flat);
  }
}

/**
 * Training with `period` times less communication: each rank's optimizer moves its own copy of the variables, and every
 * `period` steps all take the mean. Optimizer states stay local. A collective call; all ranks take over rank 0's variables.
 *
 * @throws CollectiveError if shapes differ between ranks; OptionError for a bad option.
 * @example
 * const local = await localSgd(variables, { group, period: 8 });
 * for (const batch of batches) {
 *   optimizer.minimize(() => lossOf(batch));
 *   await local.step();
 * }
 * await local.average();
 *
 * Source: Stich, Local SGD Converges Fast and Communicates Little, ICLR 2019 (arXiv:1805.09767), algorithm 1.
 */
export async function localSgd(target: DdpTarget, options: LocalSgdOptions): Promise<LocalSgd> {
  checkKnownOptions('localSgd', options, ['group', 'period']);
  checkInteger(['localSgd', 'options.period'], options.period, { min: 1 });
  const trained = trainedOf(target);
  checkSameVariables(options.group, trained);
  await broadcastVariables(options.group, [...trained.parameters, ...trained.buffers]);
  return new LocalSgd(options, trained.parameters);
}
