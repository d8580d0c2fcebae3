/** One fault in a job of three threads, and what the job made of it. `scripts/faults.ts` runs many. */
import type { RankError } from '../src/index';
import { runThreads } from '../src/threads/run';
import { rankFile } from './ranks';

export const faultNames = [
  'throws',
  'exits',
  'hangs',
  'runs out of heap',
  'is terminated',
  'calls something else',
  'leaves early',
] as const;
export type FaultName = (typeof faultNames)[number];

export interface Fault {
  readonly fault: FaultName;
  readonly bad: number;
  readonly step: number;
}

export const size = 3;
export const timeout = 2000;

/** What the message must say of the fault. */
export const expected: Record<FaultName, RegExp> = {
  throws: /rank (\d) failed: TypeError: boom/,
  exits: /rank (\d) exited with code 3/,
  hangs: /timed out after 2 s in .*: rank (\d) did not reach it; its last collective was/,
  'runs out of heap': /rank (\d) ran out of heap/,
  'is terminated': /rank (\d) exited with code 1/,
  'calls something else':
    /every rank must make the same call, got .* on rank 0 and .* on rank (\d)|the same call|timed out/,
  'leaves early': /rank (\d) has left the group/,
};

/** Runs a job with a fault; resolves with its error and the milliseconds from the fault's possible moment on. */
export async function runFault({
  fault,
  bad,
  step,
}: Fault): Promise<{ error: RankError; milliseconds: number }> {
  const start = performance.now();
  try {
    await runThreads({
      size,
      timeout,
      task: {
        kind: 'module',
        url: rankFile('faulty').href,
        exportName: 'default',
        args: [{ fault, bad, step, steps: step + 50 }],
      },
      worker: { resourceLimits: { maxOldGenerationSizeMb: 64 } },
      onWorker: (worker) => {
        worker.on('message', (message) => {
          if (message === 'terminate me') void worker.terminate();
        });
      },
    });
  } catch (error) {
    return { error: error as RankError, milliseconds: performance.now() - start };
  }
  throw new Error(`the job ended well in spite of the fault: rank ${bad} ${fault}`);
}

/** Throws unless the error tells of the fault and names the rank. */
export function checkFault({ fault, bad }: Fault, error: RankError): void {
  if (error.name !== 'RankError') throw error;
  if (!expected[fault].test(error.message)) throw new Error(`${fault}: unexpected: ${error.message}`);
  // A call that differs is rank 0's or another's: the sentence names rank 0 and the first that differs from it.
  if (fault === 'calls something else') return;
  if (error.rank !== bad)
    throw new Error(`${fault}: rank ${bad} was to be named, got ${error.rank}: ${error.message}`);
}

/** Faults from a seed: the same list for the same seed. */
export function randomFaults(count: number, seed: number): Fault[] {
  let state = seed >>> 0;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: count }, () => ({
    fault: faultNames[next(faultNames.length)]!,
    bad: next(size),
    step: next(40),
  }));
}
