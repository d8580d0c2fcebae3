/** All-reduce as rounds of messages between ranks. Ranks of one host are neighbours: host h has ranks h k to h k + k - 1. */

export interface Message {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  /** Whether the receiver adds what it gets, or only takes it over. */
  readonly adds: boolean;
}

/** Messages of a round wait for those of the round before that reach or leave their sender, not for all. */
export type Schedule = Iterable<readonly Message[]>;

export type ScheduleName = 'ring' | 'tree' | 'hierarchical';

export const schedules: Record<ScheduleName, (ranks: number, bytes: number, perHost: number) => Schedule> = {
  ring: (ranks, bytes) => ring(range(ranks), bytes),
  tree: (ranks, bytes) => tree(range(ranks), bytes),
  hierarchical,
};

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Reduce-scatter, then all-gather: in each of 2 (n - 1) rounds every rank sends one slice to the next. */
function* ring(ranks: readonly number[], bytes: number): Schedule {
  const size = ranks.length;
  for (let round = 0; round < 2 * (size - 1); round++) {
    const adds = round < size - 1;
    yield ranks.map((from, index) => ({ from, to: ranks[(index + 1) % size]!, bytes: bytes / size, adds }));
  }
}

/** A binomial tree: all to the first rank in ceil(log2 n) rounds, and back. */
function* tree(ranks: readonly number[], bytes: number): Schedule {
  const size = ranks.length;
  const strides: number[] = [];
  for (let stride = 1; stride < size; stride *= 2) strides.push(stride);
  const pairs = (stride: number) =>
    ranks.flatMap((to, index) => {
      const other = ranks[index + stride];
      return index % (2 * stride) === 0 && other !== undefined ? [[other, to] as const] : [];
    });
  for (const stride of strides) yield pairs(stride).map(([from, to]) => ({ from, to, bytes, adds: true }));
  for (const stride of strides.reverse()) {
    yield pairs(stride).map(([to, from]) => ({ from, to, bytes, adds: false }));
  }
}

/** The ranks of a host reduce in their shared memory, the first of each host in a ring, then all read the result. */
function* hierarchical(ranks: number, bytes: number, perHost: number): Schedule {
  const hosts = Math.ceil(ranks / perHost);
  const leaders = range(hosts).map((host) => host * perHost);
  const members = range(ranks).filter((rank) => rank % perHost !== 0);
  const leaderOf = (rank: number) => rank - (rank % perHost);
  // Each rank of the arena reduces its share of the elements over the slots of all: 1 / perHost of the work.
  yield members.map((from) => ({ from, to: leaderOf(from), bytes: bytes / perHost, adds: true }));
  yield* ring(leaders, bytes);
}
