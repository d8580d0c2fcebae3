import { FormatError } from '@tfkit/core';

/** The library's words for what the command line calls otherwise. */
const hints: readonly (readonly [library: RegExp | string, commandLine: string])[] = [
  [/^update: /, ''],
  [/^surfaceDistances: spacing/, '--spacing'],
  ['Raise maxPixels', 'Raise --max-pixels'],
  ['Name it as ignoreIndex', 'Name it with --ignore'],
  ["outOfRange: 'count'", '--out-of-range count'],
  ['Scores go through updateLogits', 'Write class ids, the argmax of scores'],
  ['Give the palette that turns colours into classes', 'Give --palette, which turns colours into classes'],
];

/** What is wrong with a file, in the command line's words. */
export function fileError(file: string, error: unknown): FormatError {
  const { message } = error as Error;
  const told = hints.reduce((text, [library, commandLine]) => text.replace(library, commandLine), message);
  return new FormatError(`${file}: ${told}`);
}
