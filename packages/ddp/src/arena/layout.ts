/**
 * Where things lie in the shared memory of a group: a header of 32-bit words, one staging slot for each rank and one
 * for results, then regions as they are allocated. All ranks see the same bytes at the same offsets.
 */

export const magic = 0x74664b44;
export const maxRanks = 256;

/** Bytes that one step of a collective moves at most. */
export const slotBytes = 4 * 2 ** 20;

/** Words of the header. */
export const word = {
  magic: 0,
  size: 1,
  /** 0, or the failed rank + 1. */
  abort: 2,
  abortReason: 3,
  /** Bytes of the text; written last. */
  abortLength: 4,
  /** The end of what is allocated, in units of 64 KiB. */
  end: 5,
  /** 1 while a thread enters names into tfjs-node's addon. */
  tfjsNode: 6,
  /** The rank of the first of this arena's ranks: 0, but where an arena is a part of a job over MPI. */
  firstRank: 7,
  /** Ranks of the whole job; 0 means `size`. */
  worldSize: 8,
  /** The text of the abort, UTF-8. */
  abortText: 16,
  abortTextEnd: 16 + 512,
  /** The link to other processes, see `mpi/mailbox.ts`. */
  link: 544,
  mail: 576,
  ranks: 1024,
} as const;

/** Words of each rank: 256 apart, so that ranks share no cache line. */
export const wordsPerRank = 1024;

export const rankWord = {
  /** 0 absent, 1 joined, 2 left. */
  state: 0,
  pid: 1,
  /** Requests to the comm worker: how many were posted, how many are done, and 1 to end it. */
  posted: 16,
  completed: 32,
  shutdown: 48,
  lanes: 64,
  requests: 256,
} as const;

/** Words of a lane of a rank: a lane is one sequence of collectives, with its own thread. */
export const laneWord = {
  /** How many barriers this rank has reached. */
  ticket: 0,
  /** Two records of a collective, of even and odd number. */
  records: 16,
} as const;

export const wordsPerLane = 64;
export const wordsPerRecord = 8;

/** The lane of the blocking calls, and that of the comm worker. */
export const lanes = { main: 0, comm: 1 } as const;
export type LaneNumber = 0 | 1;

export const requestSlots = 64;
export const wordsPerRequest = 8;

export const pageBytes = 65536;
export const pages = (bytes: number): number => Math.ceil(bytes / pageBytes);

export const reasons = ['mismatch', 'timeout', 'failed', 'left'] as const;

export const rankBase = (rank: number): number => word.ranks + rank * wordsPerRank;
export const laneBase = (rank: number, lane: LaneNumber): number =>
  rankBase(rank) + rankWord.lanes + lane * wordsPerLane;

export const headerBytes = (size: number): number => pages(rankBase(size) * 4) * pageBytes;

/** The staging slot of a rank; that of rank `size` holds results. */
export const stagingOffset = (size: number, rank: number): number => headerBytes(size) + rank * slotBytes;

/** The rank in the job of an arena's rank. */
export const worldRank = (words: Int32Array, rank: number): number =>
  Atomics.load(words, word.firstRank) + rank;

/** Bytes of a new arena. */
export const initialBytes = (size: number): number => stagingOffset(size, size + 1);

/** Marks a new memory as that of a group of `size` ranks. */
export function writeHeader(words: Int32Array, size: number): void {
  Atomics.store(words, word.size, size);
  Atomics.store(words, word.end, initialBytes(size) / pageBytes);
  Atomics.store(words, word.magic, magic);
}
