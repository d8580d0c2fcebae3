/**
 * Errors that a caller can tell apart by `name`, even when two copies of core are loaded and `instanceof` fails.
 *
 * The message is `<function>: <argument> must <rule>, got <value>. <hint>`, thrown at the public edge only.
 */

/** A tensor or array has a rank or shape that the function does not take. */
export class ShapeError extends Error {
  override name = 'ShapeError' as const;
}

/** A tensor or array has a dtype that the function does not take. */
export class DTypeError extends Error {
  override name = 'DTypeError' as const;
}

/** An option is missing, unknown, or outside its range. */
export class OptionError extends Error {
  override name = 'OptionError' as const;
}

/** A value inside an array is not allowed: a label out of range, a NaN box. */
export class ValueError extends Error {
  override name = 'ValueError' as const;
}

/** A backend, kernel or gradient that was asked for cannot be had; the message names the line that installs it. */
export class BackendError extends Error {
  override name = 'BackendError' as const;
}

/** Bytes or text from outside (a file, a header, JSON) do not have the form they claim. */
export class FormatError extends Error {
  override name = 'FormatError' as const;
}

/** The names of core's error classes, by which `isTfkitError` knows those of another copy. */
export type TfkitErrorName =
  | 'ShapeError'
  | 'DTypeError'
  | 'OptionError'
  | 'ValueError'
  | 'BackendError'
  | 'FormatError';

/** True if `error` is one of core's errors, from whichever copy of core it came. */
export function isTfkitError(error: unknown, name?: TfkitErrorName): error is Error {
  if (!(error instanceof Error)) return false;
  const names: readonly string[] = [
    'ShapeError',
    'DTypeError',
    'OptionError',
    'ValueError',
    'BackendError',
    'FormatError',
  ];
  return name === undefined ? names.includes(error.name) : error.name === name;
}
