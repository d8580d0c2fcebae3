/**
 * Errors of the exporters. Each carries the code that the command line prints for the same mistake, so that one table
 * (README, "Messages") explains both.
 */

export type ErrorCode =
  | 'TFX001'
  | 'TFX002'
  | 'TFX003'
  | 'TFX004'
  | 'TFX005'
  | 'TFX006'
  | 'TFX007'
  | 'TFX008'
  | 'TFX009'
  | 'TFX010'
  | 'TFX011'
  | 'TFX012'
  | 'TFX013'
  | 'TFX014'
  | 'TFX015'
  | 'TFX016'
  | 'TFX017'
  | 'TFX020'
  | 'TFX021'
  | 'TFX022'
  | 'TFX030';

/** A rule that a declaration breaks: what the exporters throw and what the scanner reports with its place. */
export interface Problem {
  readonly code: ErrorCode;
  readonly text: string;
}

/** Any mistake in an export. `code` is stable; the message is `<code> <what is wrong and what to do>`. */
export class TfExportError extends Error {
  override name = 'TfExportError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, text: string) {
    super(`${code} ${text}`);
    this.code = code;
  }
}

/** A name is no dotted identifier, lacks the exporter's prefix, or lies in a reserved namespace. */
export class InvalidSymbolNameError extends TfExportError {
  override name = 'InvalidSymbolNameError';
}

/** The symbol was exported before, and `allowMultipleExports` was not given. */
export class SymbolAlreadyExposedError extends TfExportError {
  override name = 'SymbolAlreadyExposedError';
}

/** The name belongs to another symbol, or is a namespace and a symbol at once. */
export class DuplicateNameError extends TfExportError {
  override name = 'DuplicateNameError';
}

/** A second export of a symbol gives deprecated names again. */
export class DeprecatedNamesAlreadySetError extends TfExportError {
  override name = 'DeprecatedNamesAlreadySetError';
}

/** The export itself makes no sense: no names, an option of the wrong type, a value that cannot be exported. */
export class BadExportError extends TfExportError {
  override name = 'BadExportError';
}

/** The error class that stands for a problem's code. */
export function errorOf({ code, text }: Problem): TfExportError {
  switch (code) {
    case 'TFX001':
    case 'TFX002':
    case 'TFX016':
      return new InvalidSymbolNameError(code, text);
    case 'TFX003':
      return new SymbolAlreadyExposedError(code, text);
    case 'TFX004':
    case 'TFX005':
      return new DuplicateNameError(code, text);
    case 'TFX012':
      return new DeprecatedNamesAlreadySetError(code, text);
    default:
      return new BadExportError(code, text);
  }
}
