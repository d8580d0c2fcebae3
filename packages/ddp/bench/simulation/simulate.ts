/**
 * What a schedule costs by the alpha-beta model (Hockney 1994; Thakur et al. 2005): a message of n bytes takes
 * alpha + n beta, an addition n gamma. A rank sends one message at a time and receives one at a time; a host's cable
 * carries one at a time in each direction.
 */
import type { Schedule } from './schedules';

export interface Link {
  /** Seconds a message. */
  readonly alpha: number;
  /** Seconds a byte. */
  readonly beta: number;
}

export interface Machine {
  /** Between ranks of one host, and between hosts. */
  readonly inside: Link;
  readonly between: Link;
  /** Seconds a byte that is added. */
  readonly gamma: number;
  /** Seconds that a call costs before data moves: its check against those of the others, waking threads. */
  readonly call: number;
  /** Seconds a byte that is copied in or out of the arena; counted once a byte of the call. */
  readonly copy: number;
  readonly ranksPerHost: number;
}

/** Seconds from the call on all ranks until the last has the result. */
export function simulate(schedule: Schedule, ranks: number, bytes: number, machine: Machine): number {
  const { inside, between, gamma, call, copy, ranksPerHost } = machine;
  const hosts = Math.ceil(ranks / ranksPerHost);
  /** When a rank has what it sends next, and when a host's cable is free. */
  let ready = new Float64Array(ranks).fill(call + copy * bytes);
  const out = new Float64Array(hosts);
  const into = new Float64Array(hosts);
  for (const round of schedule) {
    const after = ready.slice();
    for (const { from, to, bytes: length, adds } of round) {
      const [source, target] = [Math.floor(from / ranksPerHost), Math.floor(to / ranksPerHost)];
      const link = source === target ? inside : between;
      let start = Math.max(ready[from]!, ready[to]!);
      if (source !== target) start = Math.max(start, out[source]!, into[target]!);
      const sent = start + link.alpha + length * link.beta;
      if (source !== target) out[source] = into[target] = sent;
      after[from] = Math.max(after[from]!, sent);
      after[to] = Math.max(after[to]!, sent + (adds ? length * gamma : 0));
    }
    ready = after;
  }
  return ready.reduce((latest, time) => Math.max(latest, time), 0);
}

export interface Step {
  /** Seconds of a step's computation before gradients come, and of its backward pass. */
  readonly forward: number;
  readonly backward: number;
  /** Bytes of the buckets, in the order in which they are full. */
  readonly buckets: readonly number[];
}

/** Seconds of a training step: bucket b is full when its share of the backward pass is done; buckets go one by one. */
export function simulateStep(step: Step, costOf: (bytes: number) => number, overlap: boolean): number {
  const { forward, backward, buckets } = step;
  const total = buckets.reduce((sum, bytes) => sum + bytes, 0);
  let seen = 0;
  let free = 0;
  for (const bytes of buckets) {
    seen += bytes;
    const full = forward + backward * (overlap ? seen / total : 1);
    free = Math.max(free, full) + costOf(bytes);
  }
  return free;
}
