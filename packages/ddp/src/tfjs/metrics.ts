/** Metrics of all ranks. */
import { checkNumber, ValueError } from '@tfkit/core';
import type { ProcessGroup } from '../processGroup';

/** The group, and how much this rank counts. */
export interface ReduceMetricsOptions {
  readonly group: ProcessGroup;
  /** How many samples this rank's numbers are the mean of. Default 1. */
  readonly weight?: number;
}

/**
 * The mean of each number over the ranks, weighted by their samples: the loss and accuracy of the whole batch. The same
 * on all ranks, computed in float64. Scores that are no means (mIoU, AUC) cannot be averaged: merge their counts.
 *
 * @throws ValueError if the names differ between ranks or all weights are 0.
 * @example
 * const { loss } = await reduceMetrics({ loss: sum / count }, { group, weight: count });
 */
export async function reduceMetrics<K extends string>(
  metrics: Readonly<Record<K, number>>,
  { group, weight = 1 }: ReduceMetricsOptions,
): Promise<Record<K, number>> {
  checkNumber(['reduceMetrics', 'options.weight'], weight, { min: 0 });
  const all = group.sync.allGatherObject({ metrics, weight });
  const names = Object.keys(all[0]!.metrics).sort() as K[];
  for (const [rank, { metrics: other }] of all.entries()) {
    const found = Object.keys(other).sort();
    if (found.join('\0') === names.join('\0')) continue;
    throw new ValueError(
      `reduceMetrics: metrics must have the same names on all ranks, got ${names.join(', ')} on rank 0 and ` +
        `${found.join(', ')} on rank ${rank}.`,
    );
  }
  const total = all.reduce((sum, part) => sum + part.weight, 0);
  if (total === 0) throw new ValueError('reduceMetrics: weight must be > 0 on some rank, got 0 on all.');
  // A rank without samples may have NaN: it does not count.
  const mean = (name: K) =>
    all.reduce((sum, part) => sum + (part.weight === 0 ? 0 : part.metrics[name] * part.weight), 0) / total;
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as Record<K, number>;
}
