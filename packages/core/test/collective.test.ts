import { describe, expect, it } from 'vitest';
import { OptionError, soloCollective } from '../src/index';

describe('soloCollective', () => {
  it('is the group of one: every reduction is the identity, in a new array', async () => {
    const data = Float64Array.of(1, -2);
    for (const op of ['sum', 'mean', 'max', 'min'] as const) {
      const reduced = await soloCollective.allReduce(data, op);
      expect(reduced).toEqual(data);
      expect(reduced).not.toBe(data);
      expect(soloCollective.sync.allReduce(data, op)).toEqual(data);
    }
    expect(await soloCollective.allGather(data)).toEqual([data]);
    expect(await soloCollective.broadcast(data)).toEqual(data);
    await soloCollective.barrier();
    expect([soloCollective.rank, soloCollective.size]).toEqual([0, 1]);
  });

  it('refuses a root that is no rank', async () => {
    await expect(soloCollective.broadcast(new Int32Array(1), 1)).rejects.toThrow(OptionError);
  });
});
