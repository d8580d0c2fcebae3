/**
 * How a program is written as one list of numbers. Plans of 1000 steps have some ten thousand instructions; as numbers they
 * cost the garbage collector nothing.
 *
 * Each instruction is (op, output, extra, n) and n pairs (register, coefficient): what it reads. `extra` is the index of
 * the level of a model call, or the number of a draw. The end of a step has the state as output, the preview as pairs, and
 * as `extra` the index of the level where the step starts, which is followed by that where it ends.
 */
export const ops = { model: 0, noise: 1, limit: 2, combine: 3, end: 4, release: 5, live: 6 } as const;

/** Words of an instruction before its pairs. */
export const header = 4;

/** Where the instruction after that at `at` begins. */
export const after = (words: readonly number[], at: number): number => at + header + 2 * words[at + 3]!;
