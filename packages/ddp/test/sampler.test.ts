import { key, permutation } from '@tfkit/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DistributedSampler } from '../src/index';

const all = (count: number, size: number, options = {}) =>
  Array.from({ length: size }, (_, rank) =>
    Array.from(new DistributedSampler(count, { group: { rank, size }, ...options })),
  );

describe('DistributedSampler', () => {
  // torch 2.13: [list(DistributedSampler(range(10), num_replicas=4, rank=r, shuffle=False, drop_last=d)) for r in range(4)]
  it('gives the indices of PyTorch without shuffling', () => {
    expect(all(10, 4, { shuffle: false })).toEqual([
      [0, 4, 8],
      [1, 5, 9],
      [2, 6, 0],
      [3, 7, 1],
    ]);
    expect(all(10, 4, { shuffle: false, dropLast: true })).toEqual([
      [0, 4],
      [1, 5],
      [2, 6],
      [3, 7],
    ]);
    // Fewer samples than ranks: repeated as often as needed.
    expect(all(2, 5, { shuffle: false })).toEqual([[0], [1], [0], [1], [0]]);
  });

  it('deals every sample, in the order of the epoch, to one rank', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(1000),
        fc.boolean(),
        (count, size, seed, dropLast) => {
          const parts = all(count, size, { seed, dropLast });
          const lengths = new Set(parts.map((part) => part.length));
          expect(lengths.size).toBe(1);
          const dealt = parts[0]!.flatMap((_, i) => parts.map((part) => part[i]!));
          const order = permutation(key(seed), count);
          expect(dealt).toEqual(dealt.map((_, i) => order[i % count]));
          expect(dealt.length).toBe(dropLast ? count - (count % size) : Math.ceil(count / size) * size);
        },
      ),
    );
  });

  it('has another order in each epoch, and the same in the same', () => {
    const sampler = new DistributedSampler(50, { seed: 3 });
    const first = sampler.indices();
    sampler.setEpoch(1);
    const second = sampler.indices();
    expect(second).not.toEqual(first);
    expect(second).toEqual(permutation(key(4), 50));
    sampler.setEpoch(0);
    expect(sampler.indices()).toEqual(first);
  });

  it('gives batches, the last one smaller', () => {
    const sampler = new DistributedSampler(10, { shuffle: false });
    expect(Array.from(sampler.batches(4), (batch) => Array.from(batch))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(Array.from(new DistributedSampler(0).batches(4))).toEqual([]);
  });

  it('checks its arguments', () => {
    expect(() => new DistributedSampler(-1)).toThrow(
      'DistributedSampler: count must be an integer in [0, 4294967295], got -1.',
    );
    expect(() => new DistributedSampler(1, { group: { rank: 2, size: 2 } })).toThrow(
      /options.group.rank must be an integer in \[0, 1\], got 2/,
    );
    expect(() => new DistributedSampler(1, { droplast: true } as never)).toThrow(/options must be among/);
  });
});
