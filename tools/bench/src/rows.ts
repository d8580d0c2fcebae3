/** What a package's `bench/index.ts` gives: rows that set our time (or rate) beside another program's. */

export interface BenchRow {
  readonly package: string;
  /** What was done, with shapes: "conv2d forward, x 4x64x64x64, filter 3x3x64x64". */
  readonly case: string;
  readonly backend: string;
  /** The other program with its version; '' where a row states a figure alone. */
  readonly peer: string;
  readonly ours: number;
  readonly theirs: number | null;
  /** 'ms', 'Mpixel/s', 'kB', ... */
  readonly unit: string;
  /** ours / theirs. For times below 1 is faster, for rates above 1. */
  readonly ratio: number | null;
  readonly note?: string;
}

export interface BenchContext {
  /** A Python that has the peers (`PEER_PYTHON`); without it their rows are left out, and said to be. */
  readonly peerPython: string | undefined;
  /** Fewer repetitions: a check that the benchmark runs, not a measurement. */
  readonly quick: boolean;
  /** Progress, on stderr. */
  log(text: string): void;
}

export type Bench = (context: BenchContext) => Promise<BenchRow[]>;
