/** A compiler program over a package's entry points and sources, with the project's own options. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as ts from 'typescript';
import { createHost, type TypeScript } from '../compiler';
import type { Package } from '../package';
import { InputError } from '../problems';

/** @throws InputError for a missing or broken tsconfig (where sources are read), a syntax error, an unresolved import. */
export function createProgram(
  ts: TypeScript,
  { folder, config }: Package,
  files: readonly string[],
  from: 'source' | 'typings',
): ts.Program {
  const { options, ambient } =
    from === 'source'
      ? readProject(ts, folder, config.tsconfig)
      : { options: typingsOptions(ts), ambient: [] };
  const complete = { ...options, noEmit: true, incremental: false, composite: false, skipLibCheck: true };
  const program = ts.createProgram([...files, ...ambient], complete, createHost(ts, complete));
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile && from === 'source') continue;
    const [error] = program.getSyntacticDiagnostics(source);
    if (!error || !belongsTo(source.fileName, folder)) continue;
    const text = ts.flattenDiagnosticMessageText(error.messageText, ' ');
    throw new InputError(
      `${place(source, error.start ?? 0, folder)} syntax error: ${text} Mend it and run again.`,
    );
  }
  if (from === 'source') checkImports(ts, program, folder, options);
  return program;
}

const belongsTo = (file: string, folder: string) =>
  file.startsWith(`${folder}/`) && !file.slice(folder.length).includes('/node_modules/');

function place(source: ts.SourceFile, position: number, folder: string): string {
  const { line, character } = source.getLineAndCharacterOfPosition(position);
  return `${source.fileName.replace(`${folder}/`, '')}:${line + 1}:${character + 1}`;
}

/** The project's options, and its own `.d.ts` files: they declare modules that sources import. */
function readProject(
  ts: TypeScript,
  folder: string,
  file: string,
): { options: ts.CompilerOptions; ambient: readonly string[] } {
  const path = join(folder, file);
  if (!existsSync(path)) {
    throw new InputError(
      `${path}: does not exist; add it, or name another with "tsconfig" in the tfExport field of package.json`,
    );
  }
  const read = ts.readConfigFile(path, ts.sys.readFile);
  const parsed = read.error ? undefined : ts.parseJsonConfigFileContent(read.config, ts.sys, folder);
  // "No inputs were found" (18003) does not matter: the entry points are the inputs.
  const error =
    read.error ??
    parsed?.errors.find(({ code, category }) => code !== 18003 && category === ts.DiagnosticCategory.Error);
  if (error || !parsed) {
    throw new InputError(
      `${path}: ${ts.flattenDiagnosticMessageText(error?.messageText ?? 'cannot be read', ' ')}`,
    );
  }
  return { options: parsed.options, ambient: parsed.fileNames.filter((name) => /\.d\.[cm]?ts$/.test(name)) };
}

function typingsOptions(ts: TypeScript): ts.CompilerOptions {
  return {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    types: [],
  };
}

/** An import that is not found would turn its types into `any` without a word. */
function checkImports(
  ts: TypeScript,
  program: ts.Program,
  folder: string,
  options: ts.CompilerOptions,
): void {
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile || !belongsTo(source.fileName, folder)) continue;
    for (const statement of source.statements) {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
      const { moduleSpecifier } = statement;
      if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) continue;
      if (program.getTypeChecker().getSymbolAtLocation(moduleSpecifier)) continue;
      const { resolvedModule } = ts.resolveModuleName(moduleSpecifier.text, source.fileName, options, ts.sys);
      if (resolvedModule || (ts.isImportDeclaration(statement) && !statement.importClause)) continue;
      throw new InputError(
        `${place(source, moduleSpecifier.getStart(source), folder)} cannot find ${moduleSpecifier.text}; install it, or build the package it is in`,
      );
    }
  }
}
