import { describe, expect, it } from 'vitest';
import { type ScheduleName, schedules } from '../bench/simulation/schedules';
import { type Machine, simulate, simulateStep } from '../bench/simulation/simulate';

const link = { alpha: 2e-5, beta: 1e-9 };
const machine: Machine = { inside: link, between: link, gamma: 2e-10, call: 0, copy: 0, ranksPerHost: 1 };
const bytes = 16 * 2 ** 20;
const cost = (name: ScheduleName, ranks: number, made: Machine = machine) =>
  simulate(schedules[name](ranks, bytes, made.ranksPerHost), ranks, bytes, made);

describe('the simulated all-reduce', () => {
  for (const ranks of [2, 3, 8, 1024]) {
    it(`costs what the closed forms say, ${ranks} ranks`, () => {
      const { alpha, beta } = link;
      const { gamma } = machine;
      const slice = bytes / ranks;
      const ring = 2 * (ranks - 1) * (alpha + slice * beta) + (ranks - 1) * slice * gamma;
      expect(cost('ring', ranks)).toBeCloseTo(ring, 8);
      const rounds = Math.ceil(Math.log2(ranks));
      const tree = 2 * rounds * (alpha + bytes * beta) + rounds * bytes * gamma;
      expect(cost('tree', ranks)).toBeCloseTo(tree, 8);
    });
  }

  it('of small arrays is cheaper by the tree, of large ones by the ring', () => {
    const at = (name: ScheduleName, length: number) =>
      simulate(schedules[name](64, length, 1), 64, length, machine);
    expect(at('tree', 1024)).toBeLessThan(at('ring', 1024));
    expect(at('ring', bytes)).toBeLessThan(at('tree', bytes));
  });

  it('crosses a slow cable less often in a hierarchy', () => {
    const slow: Machine = {
      ...machine,
      inside: { alpha: 1e-6, beta: 1e-10 },
      between: { alpha: 5e-5, beta: 8e-9 },
      ranksPerHost: 8,
    };
    expect(cost('hierarchical', 1024, slow)).toBeLessThan(cost('ring', 1024, slow));
    expect(cost('hierarchical', 1024, slow)).toBeLessThan(cost('tree', 1024, slow));
    // Within one host nothing crosses it.
    expect(cost('hierarchical', 8, slow)).toBeLessThan(0.01);
  });

  it('brings every rank the sum', () => {
    for (const name of ['ring', 'tree'] as const) {
      // Sets of the ranks whose data a rank's whole array contains, slice by slice for the ring.
      const ranks = 6;
      const slices = name === 'ring' ? ranks : 1;
      let has = Array.from({ length: ranks }, (_, rank) =>
        Array.from({ length: slices }, () => new Set([rank])),
      );
      let round = 0;
      for (const messages of schedules[name](ranks, 1, 1)) {
        const after = has.map((parts) => parts.map((part) => new Set(part)));
        for (const { from, to, adds } of messages) {
          // The ring sends slice (from - round) mod n in each round, first to be added and then to be kept.
          const which = name === 'ring' ? [(((from - round) % ranks) + ranks) % ranks] : [0];
          for (const slice of which) {
            const sent = has[from]![slice]!;
            after[to]![slice] = adds ? new Set([...has[to]![slice]!, ...sent]) : new Set(sent);
          }
        }
        has = after;
        round++;
      }
      for (const parts of has) for (const part of parts) expect(part.size).toBe(ranks);
    }
  });
});

describe('the simulated step', () => {
  const step = { forward: 0.01, backward: 0.1, buckets: [1, 3, 4] };
  it('adds communication after the backward pass, or hides it behind', () => {
    const costOf = (size: number) => 0.01 * size;
    expect(simulateStep(step, costOf, false)).toBeCloseTo(0.19, 10);
    // Full at 0.0225, 0.06 and 0.11: the first two are done before the last is full.
    expect(simulateStep(step, costOf, true)).toBeCloseTo(0.15, 10);
  });
});
