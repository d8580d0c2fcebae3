/**
 * 1:N identification: probes are searched in a gallery. A probe is mated if its identity is enrolled. An identity may
 * have several gallery entries; the best of them counts.
 */
import { checkInteger, checkNumber, checkOneOf, ValueError } from '@tfkit/core';
import { checkLength, type NumberArray } from './checks';
import type { Similarities } from './embeddings';
import { largestOf } from './largest';

/**
 * How equal similarities are ranked. 'lower-index-first': by gallery index, what a stable sort gives.
 * 'pessimistic': entries of another identity come before an equal mate.
 */
export type RankTies = 'lower-index-first' | 'pessimistic';

export interface MateRanks {
  /** 1-based rank of the best entry with the probe's identity, one for each mated probe, in order of the probes. */
  readonly ranks: Int32Array;
  /** Which probes these are. */
  readonly matedProbes: Int32Array;
}

/**
 * The rank of each mated probe's identity in the gallery: closed-set identification.
 *
 * @param galleryIds identity of each gallery entry (integers).
 * @param probeIds identity of each probe. Probes that are not enrolled are left out.
 * @throws ShapeError if the ids do not fit the similarities; ValueError if no probe is mated.
 */
export function mateRanks(
  similarities: Similarities,
  galleryIds: NumberArray,
  probeIds: NumberArray,
  options: { readonly ties?: RankTies } = {},
): MateRanks {
  const { ties = 'lower-index-first' } = options;
  checkOneOf(['mateRanks', 'ties'], ties, ['lower-index-first', 'pessimistic']);
  checkIds('mateRanks', similarities, galleryIds, probeIds);
  const matedProbes = Int32Array.from(matedOf(galleryIds, probeIds));
  if (matedProbes.length === 0) {
    throw new ValueError('mateRanks: probeIds must have an identity of the gallery, got none.');
  }
  const ranks = matedProbes.map((probe) =>
    rankOfMate(similarities.row(probe), galleryIds, probeIds[probe]!, ties),
  );
  return { ranks, matedProbes };
}

function rankOfMate(row: NumberArray, galleryIds: NumberArray, id: number, ties: RankTies): number {
  const mate = bestMate(row, galleryIds, id);
  const value = row[mate]!;
  let rank = 1;
  for (let entry = 0; entry < row.length; entry++) {
    if (row[entry]! > value) rank++;
    else if (row[entry] === value && entry !== mate) {
      if (ties === 'pessimistic' ? galleryIds[entry] !== id : entry < mate) rank++;
    }
  }
  return rank;
}

/** The first most similar entry of an identity, -1 if it is not enrolled. */
function bestMate(row: NumberArray, galleryIds: NumberArray, id: number): number {
  let best = -1;
  for (let entry = 0; entry < row.length; entry++) {
    if (galleryIds[entry] === id && (best < 0 || row[entry]! > row[best]!)) best = entry;
  }
  return best;
}

function* matedOf(galleryIds: NumberArray, probeIds: NumberArray): Generator<number> {
  const enrolled = new Set(Array.from(galleryIds));
  for (let probe = 0; probe < probeIds.length; probe++) if (enrolled.has(probeIds[probe]!)) yield probe;
}

function checkIds(
  name: string,
  { probes, gallery }: Similarities,
  galleryIds: NumberArray,
  probeIds: NumberArray,
) {
  checkLength(name, 'galleryIds', galleryIds, gallery, 'one a gallery entry');
  checkLength(name, 'probeIds', probeIds, probes, 'one a probe');
}

/**
 * The share of mated probes whose identity is among the first `rank` entries: rank-1, rank-5 accuracy.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function rankRate({ ranks }: MateRanks, rank: number): number {
  checkInteger(['rankRate', 'rank'], rank, { min: 1 });
  let hits = 0;
  for (const value of ranks) if (value <= rank) hits++;
  return hits / ranks.length;
}

/**
 * The cumulative match characteristic: `rankRate` for rank 1 to `length`.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function cumulativeMatch(mates: MateRanks, length: number): Float64Array {
  checkInteger(['cumulativeMatch', 'length'], length, { min: 1 });
  const counts = new Float64Array(length);
  for (const rank of mates.ranks) if (rank <= length) counts[rank - 1]!++;
  let hits = 0;
  return counts.map((count) => {
    hits += count;
    return hits / mates.ranks.length;
  });
}

/** One operating point of open-set identification: rates in [0, 1] at a threshold. */
export interface OpenSetPoint {
  readonly fpirTarget: number;
  /** A probe is accepted if its similarity is > threshold. */
  readonly threshold: number;
  /** False positive identification rate met: unmated probes with an accepted entry. */
  readonly fpir: number;
  /** Detection and identification rate (TPIR): mated probes whose identity is accepted and within `rank`. */
  readonly dir: number;
}

/**
 * Open-set identification as in NIST's and IJB's reports: the threshold is set on the best similarity of each probe
 * that is *not* enrolled, as element floor(target * n) of the n, descending, so that at most that many are above it.
 *
 * @param options.fpirTargets false positive identification rates, in [0, 1].
 * @param options.rank the mate must be among the first `rank` entries (ties by gallery index). Default 1.
 * @throws ValueError if all probes are mated, or none.
 */
export function openSetIdentification(
  similarities: Similarities,
  galleryIds: NumberArray,
  probeIds: NumberArray,
  options: { readonly fpirTargets: readonly number[]; readonly rank?: number },
): OpenSetPoint[] {
  const name = 'openSetIdentification';
  const { fpirTargets, rank = 1 } = options;
  for (const target of fpirTargets) checkNumber([name, 'fpirTargets'], target, { min: 0, max: 1 });
  checkInteger([name, 'rank'], rank, { min: 1 });
  checkIds(name, similarities, galleryIds, probeIds);
  const tops: number[] = [];
  const mates: { similarity: number; rank: number }[] = [];
  for (let probe = 0; probe < similarities.probes; probe++) {
    const row = similarities.row(probe);
    const id = probeIds[probe]!;
    const mate = bestMate(row, galleryIds, id);
    if (mate < 0) tops.push(maximum(row));
    else mates.push({ similarity: row[mate]!, rank: rankOfMate(row, galleryIds, id, 'lower-index-first') });
  }
  if (tops.length === 0 || mates.length === 0) {
    throw new ValueError(
      `${name}: probeIds must have probes inside and outside the gallery, got ${mates.length} and ${tops.length}.`,
    );
  }
  const sorted = Float64Array.from(tops).sort().reverse();
  return fpirTargets.map((fpirTarget) => {
    const threshold = sorted[Math.floor(fpirTarget * sorted.length)] ?? -Infinity;
    const found = mates.filter((mate) => mate.similarity > threshold && mate.rank <= rank);
    const fpir = sorted.filter((top) => top > threshold).length / sorted.length;
    return { fpirTarget, threshold, fpir, dir: found.length / mates.length };
  });
}

function maximum(row: NumberArray): number {
  let largest = -Infinity;
  for (let entry = 0; entry < row.length; entry++) if (row[entry]! > largest) largest = row[entry]!;
  return largest;
}

/** True positive identification rate at a rate of false positives, both in [0, 1]. */
export interface TpirPoint {
  readonly fpirTarget: number;
  readonly threshold: number;
  /** Share of mated probes whose mate's similarity is > threshold, whatever its rank. */
  readonly tpir: number;
}

/**
 * TPIR at FPIR as insightface's `ijb_1n.py` prints it: the threshold is the ceil(target * probes)-th largest
 * similarity over *all* pairs of probe and gallery entry of different identity. It needs no unmated probes, and is
 * another number than `openSetIdentification` gives.
 *
 * @param options.fpirTargets in (0, 1].
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree;
 * ValueError if a value is not as described.
 */
export function tpirOverAllPairs(
  similarities: Similarities,
  galleryIds: NumberArray,
  probeIds: NumberArray,
  options: { readonly fpirTargets: readonly number[] },
): TpirPoint[] {
  const name = 'tpirOverAllPairs';
  const { fpirTargets } = options;
  for (const target of fpirTargets)
    checkNumber([name, 'fpirTargets'], target, { min: 0, max: 1, open: 'min' });
  checkIds(name, similarities, galleryIds, probeIds);
  const { probes } = similarities;
  const positions = fpirTargets.map((target) => Math.ceil(target * probes));
  const impostors = largestOf(Math.max(...positions, 1));
  const mates: number[] = [];
  for (let probe = 0; probe < probes; probe++) {
    const row = similarities.row(probe);
    const mate = bestMate(row, galleryIds, probeIds[probe]!);
    if (mate >= 0) mates.push(row[mate]!);
    for (let entry = 0; entry < row.length; entry++) {
      if (galleryIds[entry] !== probeIds[probe]) impostors.add(row[entry]!);
    }
  }
  if (mates.length === 0) {
    throw new ValueError(`${name}: probeIds must have an identity of the gallery, got none.`);
  }
  const sorted = impostors.descending();
  return fpirTargets.map((fpirTarget, i) => {
    const threshold = sorted[positions[i]! - 1] ?? -Infinity;
    const found = mates.filter((similarity) => similarity > threshold).length;
    return { fpirTarget, threshold, tpir: found / mates.length };
  });
}
