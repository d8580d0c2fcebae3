/** Which classes a rank holds, and which of them take part in a step. On the host, no tensors. */
import { checkInteger, checkNumber, type Key, OptionError, uniform, ValueError } from '@tfkit/core';

export interface ClassShard {
  /** The first class of the shard. */
  readonly start: number;
  /** The number of its classes. */
  readonly count: number;
}

/**
 * The classes of one rank: contiguous, the first `numClasses mod size` ranks having one more (insightface's layout).
 *
 * @throws OptionError if numClasses < size or rank is not in [0, size).
 */
export function classShard(numClasses: number, rank: number, size: number): ClassShard {
  const name = 'classShard';
  checkInteger([name, 'size'], size, { min: 1 });
  checkInteger([name, 'rank'], rank, { min: 0, max: size - 1 });
  checkInteger([name, 'numClasses'], numClasses, { min: size });
  const rest = numClasses % size;
  const whole = Math.floor(numClasses / size);
  return { start: whole * rank + Math.min(rank, rest), count: whole + (rank < rest ? 1 : 0) };
}

/**
 * The classes of a shard that take part in a step, ascending, as ids local to the shard: every class that has a sample in
 * the (whole, gathered) batch, and random others until there are floor(rate * count), or just the former if they are more.
 *
 * @param labels [batch], global class ids of the whole batch; the same on all ranks.
 * @param rate in (0, 1].
 * @param key a new one each step and rank: `foldIn(foldIn(key, step), rank)`.
 * @throws OptionError if the rate is out of range.
 * Source: An et al., Partial FC, CVPR 2022, section 3.2 (arXiv:2203.15565).
 */
export function sampleClasses(
  labels: ArrayLike<number>,
  shard: ClassShard,
  rate: number,
  key: Key,
): Int32Array {
  checkNumber(['sampleClasses', 'rate'], rate, { min: 0, max: 1, open: 'min' });
  const { start, count } = shard;
  const positive = new Uint8Array(count);
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    const local = labels[i]! - start;
    if (local < 0 || local >= count || positive[local]) continue;
    positive[local] = 1;
    positives++;
  }
  const total = Math.max(positives, Math.floor(rate * count));
  const chosen = new Int32Array(total);
  // Each other class in turn with the share of places still open (Knuth, The Art of Computer Programming 2, 3.4.2 S).
  const draws = total > positives ? uniform(key, count) : undefined;
  let wanted = total - positives;
  let left = count - positives;
  let filled = 0;
  for (let local = 0; local < count && filled < total; local++) {
    if (positive[local]) chosen[filled++] = local;
    else if (wanted > 0 && draws![local]! * left-- < wanted) {
      chosen[filled++] = local;
      wanted--;
    }
  }
  return chosen;
}

/** Where each label stands among ascending class ids; -1 if it does not. */
export function positionsOf(labels: ArrayLike<number>, classes: ArrayLike<number>): Int32Array {
  return Int32Array.from({ length: labels.length }, (_, i) => {
    let low = 0;
    let high = classes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (classes[middle]! < labels[i]!) low = middle + 1;
      else high = middle;
    }
    return classes[low] === labels[i] ? low : -1;
  });
}

/** Ids of a shard must be ascending (so distinct), inside it, and hold every label that is. */
export function checkSampledClasses(
  functionName: string,
  sampled: ArrayLike<number>,
  labels: ArrayLike<number>,
  { start, count }: ClassShard,
): void {
  for (let i = 0; i < sampled.length; i++) {
    const inside = Number.isInteger(sampled[i]) && sampled[i]! >= 0 && sampled[i]! < count;
    if (!inside || (i > 0 && sampled[i]! <= sampled[i - 1]!)) {
      throw new ValueError(
        `${functionName}: sampledClasses must be distinct ids in [0, ${count}) in ascending order, got ${sampled[i]} ` +
          `at ${i}${i > 0 ? ` after ${sampled[i - 1]}` : ''}.`,
      );
    }
  }
  const positions = positionsOf(
    Int32Array.from(labels, (label) => label - start),
    sampled,
  );
  for (let i = 0; i < labels.length; i++) {
    const local = labels[i]! - start;
    if (positions[i]! < 0 && local >= 0 && local < count) {
      throw new ValueError(
        `${functionName}: sampledClasses must hold the class of every sample, got none for class ${labels[i]}. ` +
          'sampleClasses() keeps them.',
      );
    }
  }
  if (sampled.length === 0) {
    throw new OptionError(`${functionName}: sampledClasses must hold at least one class, got none.`);
  }
}
