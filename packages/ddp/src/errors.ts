/** What goes wrong in a group: told apart by `name` and `reason`, always with the rank. */

/**
 * - 'mismatch': ranks called different collectives, or with other shapes;
 * - 'timeout': a rank did not come;
 * - 'failed': a rank threw, ended or was killed;
 * - 'left': a rank ended well while others still waited for it.
 */
export type CollectiveErrorReason = 'mismatch' | 'timeout' | 'failed' | 'left';

/** Which rank failed, and how. */
export interface CollectiveErrorDetails {
  readonly rank: number;
  readonly reason: CollectiveErrorReason;
}

/** A collective could not be completed. Thrown on every rank that waits; the group cannot be used afterwards. */
export class CollectiveError extends Error {
  override name = 'CollectiveError' as const;
  /** The rank that is to blame: the one that failed, hung or called something else. */
  readonly rank: number;
  readonly reason: CollectiveErrorReason;

  constructor(message: string, { rank, reason }: CollectiveErrorDetails) {
    super(message);
    this.rank = rank;
    this.reason = reason;
  }
}

export interface RankErrorDetails {
  /** The rank that failed first; -1 when the whole process died and it cannot be known. */
  readonly rank: number;
  /** Its last collective, as `no. 17: allReduce sum of float32 [1000]`; undefined before the first. */
  readonly collective: string | undefined;
  /** What it threw, if it did. */
  readonly cause?: unknown;
}

/** A job of several ranks failed. Thrown where the job was started: by `spawn`, and reported by `tfkit-ddp run`. */
export class RankError extends Error {
  override name = 'RankError' as const;
  readonly rank: number;
  readonly collective: string | undefined;

  constructor(message: string, { rank, collective, cause }: RankErrorDetails) {
    super(message, { cause });
    this.rank = rank;
    this.collective = collective;
  }
}

/** `Error: boom` of whatever was thrown. */
export function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`;
  const { name, message } = (thrown ?? {}) as { name?: unknown; message?: unknown };
  return typeof message === 'string' ? `${name ?? 'Error'}: ${message}` : String(thrown);
}
