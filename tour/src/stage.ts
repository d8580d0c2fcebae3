/**
 * What a stage of the tour is. One file each, `stages/<name>.ts`, exports a `stage`; `stages/index.ts` lists
 * them in the order in which they run.
 */
import type { SelectedBackend } from '@tfkit/core/tfjs';
import type { Block } from './report/blocks';

export interface Stage {
  /** As `--stage` takes it: the package's folder name, or the task's. */
  readonly name: string;
  /** The heading of its part of the report. */
  readonly title: string;
  /** One sentence on the method, for a reader who has not met it. */
  readonly method: string;
  readonly paper: { readonly citation: string; readonly url: string };
  /** The package that it shows: '@tfkit/seg-metrics'. */
  readonly package: string;
  /** Wall time in seconds that it may take on 2 cores and the wasm backend. The report says when it took more. */
  readonly budget: number;
  /** Names of the stages whose saved results it loads. They come before it in the list. */
  readonly needs: readonly string[];
  /** Does the work and returns its part of the report, from the functions of `report/blocks.ts`. */
  run(context: StageContext): Promise<readonly Block[]>;
}

/** What a stage is given. It writes nothing to the terminal or the disk by itself. */
export interface StageContext {
  /** Integer from which all randomness comes (`createRandom(seed)`): same seed, same numbers on the same backend. */
  readonly seed: number;
  /** Fewer steps and smaller data, for CI: seconds, and the scores mean little. */
  readonly quick: boolean;
  /** Threads that train together, from 1 to 8. */
  readonly ranks: number;
  /** The tfjs backend that is set; gradients and kernels are ensured. */
  readonly backend: SelectedBackend['name'];
  /** Aborted by Ctrl-C. `progress` rejects by itself; pass it on to what takes an AbortSignal. */
  readonly signal: AbortSignal;
  /**
   * Draws the progress bar at `fraction` in [0, 1] and lets the event loop turn. Await it after every step: that is
   * where Ctrl-C takes effect, by a rejection with the signal's reason, so dispose tensors in a `finally`.
   */
  progress(fraction: number, text: string): Promise<void>;
  /**
   * Keeps a result for later stages and runs: anything that structured cloning takes, typed arrays above all. It is
   * written to `<out>/data/<stage>/<name>.bin` once the stage has succeeded.
   */
  save(name: string, value: unknown): void;
  /** A result that `stage` (one of `needs`) saved in this run or an earlier one. */
  load<T>(stage: string, name: string): Promise<T>;
}
