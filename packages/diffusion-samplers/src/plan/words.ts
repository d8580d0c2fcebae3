/**
 * How a program is written as one list of numbers. Plans of 1000 steps have some ten thousand instructions; as numbers they
 * cost the garbage collector nothing.
 *
 * Each instruction is (op, output, extra, n) and n pairs (register, coefficient): what it reads. `extra` is the index of
 * the level of a model call, or the number of a draw. The end of a step has the state as output, the preview as pairs, and
 * as `extra` the index of the level where the step starts, which is followed by that where it ends.
 */
export const modelOp = 0;
export const noiseOp = 1;
export const limitOp = 2;
export const combineOp = 3;
export const endOp = 4;
export const releaseOp = 5;
export const liveOp = 6;

/** The first of them, as steps name them. */
export const names = ['model', 'noise', 'limit', 'combine'] as const;

/** Words of an instruction before its pairs. */
export const header = 4;

/** Where the instruction after that at `at` begins. */
export const after = (words: readonly number[], at: number): number => at + header + 2 * words[at + 3]!;
