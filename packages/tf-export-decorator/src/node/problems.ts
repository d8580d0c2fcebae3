/** What the tools say: findings (exit code 1) with file, line and code, and bad input (exit code 2) as one error. */
import type { ErrorCode } from '../errors';

/** One finding in a source file, or about the package if it has no file. */
export interface Finding {
  readonly code: ErrorCode;
  /** Relative to the package, with forward slashes. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  readonly text: string;
}

/** `src/a.ts:3:1 TFX002 "a b" is not a dotted identifier` */
export function formatFinding({ code, file, line, column, text }: Finding): string {
  const place = file === undefined ? '' : line === undefined ? `${file} ` : `${file}:${line}:${column} `;
  return `${place}${code} ${text}`;
}

/** Input that no command can work with: one line with the place and the cure. The command line exits with 2. */
export class InputError extends Error {
  override name = 'InputError';
}

/** The code of an `unknown` caught from Node's file system, or undefined. */
export const errorCode = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** The message of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
