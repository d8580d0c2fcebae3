import type { Collective } from '@tfkit/core';
import type { ConfusionMatrix } from './confusionMatrix';
import { parseConfusionMatrix } from './parse';

/** The sum of `matrix` over all ranks of a process group, on every rank; images keep rank order. `matrix` stays as it is. */
export async function mergeAll(matrix: ConfusionMatrix, group: Collective): Promise<ConfusionMatrix> {
  const all = await group.allGather(new TextEncoder().encode(JSON.stringify(matrix)));
  return all
    .map((bytes) => parseConfusionMatrix(JSON.parse(new TextDecoder().decode(bytes))))
    .reduce((sum, other) => sum.merge(other));
}
