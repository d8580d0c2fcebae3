/** Which samples each rank trains on. */
import { checkInteger, checkKnownOptions, key, permutation } from '@tfkit/core';

export interface DistributedSamplerOptions {
  /** The ranks, as a group has them. Default: rank 0 of 1. */
  readonly group?: { readonly rank: number; readonly size: number };
  /** A new order each epoch. Default true. */
  readonly shuffle?: boolean;
  /** Seed of the order, the same on all ranks; the order of epoch e is that of `key(seed + e)`. Default 0. */
  readonly seed?: number;
  /** Leave out the samples beyond a multiple of the size, instead of taking the first ones twice. Default false. */
  readonly dropLast?: boolean;
}

/**
 * Splits the indices 0 to count - 1 over the ranks: rank r takes every size-th of a common order, from r on.
 *
 * All ranks get the same number: the order is filled up with its own beginning, repeated if need be, or cut off at
 * the end (`dropLast`). Without shuffling the indices are those of PyTorch's `DistributedSampler`.
 *
 * @example
 * const sampler = new DistributedSampler(60_000, { group, seed: 1 });
 * for (let epoch = 0; epoch < 3; epoch++) {
 *   sampler.setEpoch(epoch);
 *   for (const indices of sampler.batches(64)) train(indices);
 * }
 */
export class DistributedSampler implements Iterable<number> {
  /** Samples of this rank in an epoch. */
  readonly length: number;
  private readonly rank: number;
  private readonly size: number;
  private readonly shuffle: boolean;
  private readonly seed: number;
  private epoch = 0;

  /** @throws OptionError if count, seed or an option is out of range. */
  constructor(
    readonly count: number,
    options: DistributedSamplerOptions = {},
  ) {
    const name = 'DistributedSampler';
    checkKnownOptions(name, options, ['group', 'shuffle', 'seed', 'dropLast']);
    const { group = { rank: 0, size: 1 }, shuffle = true, seed = 0, dropLast = false } = options;
    checkInteger([name, 'count'], count, { min: 0, max: 2 ** 32 - 1 });
    checkInteger([name, 'options.seed'], seed, { min: 0, max: 2 ** 52 });
    checkInteger([name, 'options.group.size'], group.size, { min: 1 });
    checkInteger([name, 'options.group.rank'], group.rank, { min: 0, max: group.size - 1 });
    this.rank = group.rank;
    this.size = group.size;
    this.shuffle = shuffle;
    this.seed = seed;
    this.length = dropLast ? Math.floor(count / this.size) : Math.ceil(count / this.size);
  }

  /** Chooses the order of an epoch. Call it with the same number on all ranks, or every epoch has the order of the first. */
  setEpoch(epoch: number): void {
    checkInteger(['setEpoch', 'epoch'], epoch, { min: 0, max: 2 ** 52 });
    this.epoch = epoch;
  }

  /** The indices of this rank, in order. */
  indices(): Uint32Array {
    const order = this.shuffle ? permutation(key(this.seed + this.epoch), this.count) : undefined;
    const out = new Uint32Array(this.length);
    for (let i = 0; i < out.length; i++) {
      const position = (this.rank + i * this.size) % this.count;
      out[i] = order ? order[position]! : position;
    }
    return out;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.indices()[Symbol.iterator]();
  }

  /** The indices of this rank in batches; the last may be smaller. All ranks get batches of the same sizes. */
  *batches(batchSize: number): Generator<Uint32Array> {
    checkInteger(['batches', 'batchSize'], batchSize, { min: 1 });
    const indices = this.indices();
    for (let start = 0; start < indices.length; start += batchSize) {
      yield indices.subarray(start, start + batchSize);
    }
  }
}
