import { describe, expect, inject, it } from 'vitest';
import { spawn } from '../src/index';
import { difference, paths, rankFile, timeout } from './ranks';

interface Trained {
  losses: number[];
  values: Float32Array[];
  leaked: number;
}

const onTwoRanks = <T>(exportName: string, argument: Record<string, unknown>): Promise<[T, T]> =>
  spawn<unknown, readonly unknown[]>(rankFile('savings'), 2, {
    exportName,
    args: [{ paths, ...argument }],
    timeout,
  }) as Promise<[T, T]>;

for (const { name: backend, available, install } of inject('backends')) {
  if (backend === 'webgpu' || backend === 'wasm') continue;
  if (!available) it.skip(`less memory and traffic on ${backend} (skipped: absent, brought by: ${install})`);
  else describe(`on 2 ranks of ${backend}`, { timeout: 120_000 }, () => testBackend(backend));
}

function testBackend(backend: string): void {
  interface Sharded {
    plain: Trained;
    found: Trained;
    elements: number;
    shard: number;
    state: number;
    plainState: number;
  }
  for (const [optimizer, moments] of [
    ['sgd', 0],
    ['momentum', 1],
    ['adam', 2],
  ] as const) {
    it(`a sharded ${optimizer} trains as ddp does, with half of the state on each rank`, async () => {
      const [first, second] = await onTwoRanks<Sharded>('sharded', { backend, optimizer, steps: 30 });
      expect(first.found.values).toEqual(second.found.values);
      expect(difference(first.found.values, first.plain.values)).toBeLessThan(2e-6);
      expect(first.plain.losses.at(-1)).toBeLessThan(first.plain.losses[0]!);
      expect(difference([first.found.losses], [first.plain.losses])).toBeLessThan(2e-6);
      expect(first.shard).toBe(Math.ceil(first.elements / 2));
      expect([first.state, first.plainState]).toEqual([moments * first.shard, moments * first.elements]);
      expect([first.found.leaked, second.found.leaked]).toEqual([0, 0]);
    });
  }

  interface Local {
    plain: Trained;
    found: Trained;
    averaged: boolean[];
  }
  it('local SGD with period 1 is data-parallel SGD', async () => {
    const [first, second] = await onTwoRanks<Local>('local', { backend, period: 1, steps: 20 });
    expect(first.found.values).toEqual(second.found.values);
    expect(difference(first.found.values, first.plain.values)).toBeLessThan(2e-6);
    expect(first.found.leaked).toBe(0);
  });

  it('local SGD with period 5 averages every fifth step and comes near', async () => {
    const [first, second] = await onTwoRanks<Local>('local', { backend, period: 5, steps: 40 });
    expect(first.averaged).toEqual(Array.from({ length: 40 }, (_, step) => step % 5 === 4));
    expect(first.found.values).toEqual(second.found.values);
    const apart = difference(first.found.values, first.plain.values);
    // It is another method: not the same numbers, and not far from them either.
    expect(apart).toBeGreaterThan(1e-6);
    expect(apart).toBeLessThan(0.1);
  });

  interface Power {
    plain: Trained;
    found: Trained;
    sent: { compressed: number; plain: number };
  }
  it('PowerSGD of rank 2 sends 165 numbers for 419 and trains near ddp', async () => {
    const [first, second] = await onTwoRanks<Power>('power', { backend, rank: 2, steps: 60 });
    expect(first.found.values).toEqual(second.found.values);
    // Of 16 x 16, 6 x 16 and 16 x 3 with rank 2: 64, 44 and 38 numbers; 19 of offsets.
    expect(first.sent).toEqual({ compressed: 64 + 44 + 38 + 19, plain: 256 + 96 + 48 + 19 });
    const change = (run: Trained) => run.losses.at(-1)! - run.losses[0]!;
    expect(change(first.plain)).toBeLessThan(-0.1);
    expect(change(first.found)).toBeLessThan(0.8 * change(first.plain));
    expect([first.found.leaked, second.found.leaked]).toEqual([0, 0]);
  });

  interface Feedback {
    mean: Float32Array;
    first: Float32Array;
    average: Float32Array;
  }
  it('PowerSGD gives back later what it leaves out', async () => {
    const argument = { backend, rank: 1, steps: 200, rows: 8, columns: 6 };
    const [{ mean, first, average }] = await onTwoRanks<Feedback>('feedback', argument);
    const distance = (a: Float32Array) => Math.hypot(...a.map((value, i) => value - mean[i]!));
    expect(distance(first)).toBeGreaterThan(0.3 * Math.hypot(...mean));
    expect(distance(average)).toBeLessThan(0.05 * Math.hypot(...mean));
  });

  it('PowerSGD of a gradient that has its rank gives the mean of ddp', async () => {
    const argument = { backend, rank: 2, steps: 1, rows: 8, columns: 6, outer: true };
    const [{ mean, first }] = await onTwoRanks<Feedback>('feedback', argument);
    expect(Math.hypot(...mean)).toBeGreaterThan(1);
    expect(difference([first], [mean])).toBeLessThan(2e-6);
  });
}
