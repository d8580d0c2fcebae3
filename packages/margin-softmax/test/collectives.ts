/** A process group of k ranks in one process: every call waits until all ranks have made it. */
import type { Collective, CollectiveArray, ReduceOp } from '@tfkit/core';

interface Round {
  readonly given: unknown[];
  count: number;
  readonly done: Promise<void>;
  finish(): void;
}

export function inProcess(size: number): Collective[] {
  const rounds: Round[] = [];
  const round = (index: number): Round => {
    rounds[index] ??= (() => {
      let finish = () => {};
      const done = new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { given: new Array(size), count: 0, done, finish };
    })();
    return rounds[index];
  };
  return Array.from({ length: size }, (_, rank) => {
    let calls = 0;
    const exchange = async <T>(value: T): Promise<T[]> => {
      const mine = round(calls++);
      mine.given[rank] = value;
      mine.count++;
      if (mine.count === size) mine.finish();
      await mine.done;
      return mine.given as T[];
    };
    return {
      rank,
      size,
      allReduce: async <T extends CollectiveArray>(data: T, op: ReduceOp = 'sum') =>
        reduced(await exchange(data), op),
      allGather: async <T extends CollectiveArray>(data: T) =>
        (await exchange(data)).map((part) => part.slice() as T),
      broadcast: async <T extends CollectiveArray>(data: T, root = 0) =>
        (await exchange(data))[root]!.slice() as T,
      barrier: async () => void (await exchange(0)),
    };
  });
}

const combine: Record<ReduceOp, (a: number, b: number) => number> = {
  sum: (a, b) => a + b,
  mean: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

function reduced<T extends CollectiveArray>(parts: readonly T[], op: ReduceOp): T {
  const result = parts[0]!.slice() as T;
  for (const part of parts.slice(1)) {
    for (let i = 0; i < result.length; i++) result[i] = combine[op](result[i]!, part[i]!);
  }
  if (op === 'mean') for (let i = 0; i < result.length; i++) result[i] = result[i]! / parts.length;
  return result;
}
