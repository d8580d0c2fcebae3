/** The names-only scan: which symbols of the sources are exported under which names. User code is never run. */
import { join, resolve } from 'node:path';
import type * as ts from 'typescript';
import type { Problem } from '../../errors';
import { type Declared, declarationProblem, NameTable, tableNames } from '../../names';
import { loadTypeScript, type TypeScript } from '../compiler';
import { type ExporterConfig, readConfig } from '../config';
import { isSource, listFiles, readText, relativePath } from '../files';
import { type Finding, InputError } from '../problems';
import { type Exporter, ExporterResolver, packageName } from './exporters';
import { readUse } from './read';
import { type FileSyntax, parseFile, readSyntax } from './syntax';
import { type ExportForm, findUses, type Use } from './uses';

/** What a name stands for. */
export type SymbolKind = 'function' | 'class' | 'constant' | 'type';

/** A name found in the sources, with its place. */
export interface ScannedExport extends Declared {
  readonly apiName: string;
  /** File that defines and exports the symbol, relative to the package. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The name under which the file exports it. */
  readonly symbol: string;
  readonly kind: SymbolKind;
  readonly form: ExportForm;
  readonly since?: string;
}

/** Where and for which exporters to look. */
export interface ScanOptions {
  readonly exporters?: Readonly<Record<string, ExporterConfig>>;
  readonly src?: string;
  /** Folder of generated files, left out. */
  readonly out?: string;
  readonly reserved?: readonly string[];
}

/** The names found in the sources, and what is wrong with them. */
export interface ScanResult {
  readonly exports: readonly ScannedExport[];
  readonly findings: readonly Finding[];
  /** Number of files read. */
  readonly files: number;
}

/**
 * The exports of a package's sources, in order of file and line, with what is wrong with them.
 *
 * @param folder the package. Options left out come from its configuration.
 * @throws InputError for a file with a syntax error.
 */
export function scan(folder: string, options: ScanOptions = {}): ScanResult {
  const root = resolve(folder);
  const { exporters, src, out, reserved } = { ...readConfig(root), ...options };
  const ts = loadTypeScript(root);
  const outFolder = out === undefined ? undefined : `${join(root, out)}/`;
  const paths = listFiles(
    join(root, src),
    (path) => isSource(path) && !(outFolder && path.startsWith(outFolder)),
  );
  const files = paths.map((path) => readFile(ts, root, path));
  const resolver = new ExporterResolver(files, exporters, reserved);
  const tags = resolver.tags();
  const collector = new Collector(ts);
  for (const file of files) {
    if (!mayExport(file, tags)) continue;
    const { uses, misuses } = findUses(ts, file.source, (text) => resolver.resolve(file, text), tags);
    for (const use of uses) collector.add(file, use);
    for (const [node, code, text] of misuses) collector.report(file, node, code, text);
  }
  return { exports: collector.exports, findings: collector.sorted(), files: files.length };
}

/** A file that imports nothing and has no tag of ours needs no walk. */
function mayExport(
  { source, imports, madeExporters }: FileSyntax,
  tags: ReadonlyMap<string, Exporter>,
): boolean {
  if (madeExporters.size > 0) return true;
  for (const { module } of imports.values())
    if (module === packageName || module.startsWith('.')) return true;
  return [...tags.keys()].some((tag) => source.text.includes(`@${tag}`)) || imports.size > 0;
}

function readFile(ts: TypeScript, root: string, path: string): FileSyntax {
  const source = parseFile(ts, path, readText(path) ?? '');
  const relative = relativePath(root, path);
  const errors =
    (source as unknown as { parseDiagnostics?: readonly ts.Diagnostic[] }).parseDiagnostics ?? [];
  const [error] = errors;
  if (error) {
    const { line, character } = source.getLineAndCharacterOfPosition(error.start ?? 0);
    const text = ts.flattenDiagnosticMessageText(error.messageText, ' ');
    throw new InputError(
      `${relative}:${line + 1}:${character + 1} syntax error: ${text} Mend it and run again.`,
    );
  }
  return readSyntax(ts, source, relative);
}

class Collector {
  readonly exports: ScannedExport[] = [];
  private readonly findings: Finding[] = [];
  private readonly tables = new Map<string, NameTable<ScannedExport>>();
  private readonly bySymbol = new Map<string, ScannedExport>();

  constructor(private readonly ts: TypeScript) {}

  sorted(): Finding[] {
    const place = (finding: Finding) => [finding.file ?? '', finding.line ?? 0, finding.column ?? 0] as const;
    return this.findings.sort((a, b) => {
      const [fileA, lineA, columnA] = place(a);
      const [fileB, lineB, columnB] = place(b);
      return fileA < fileB ? -1 : fileA > fileB ? 1 : lineA - lineB || columnA - columnB;
    });
  }

  report(file: FileSyntax, node: ts.Node, code: Finding['code'], text: string): void {
    this.findings.push({ code, text, ...placeOf(file, node) });
  }

  add(file: FileSyntax, use: Use): void {
    const { exporter, form, local } = use;
    const read = readUse(this.ts, use);
    if ('notLiteral' in read) {
      const text = `${exporter.exporter} needs literal names and options`;
      this.report(file, read.notLiteral, 'TFX006', text);
      return;
    }
    const symbol = exportedName(file, local);
    if (symbol === undefined) {
      const text = `${exporter.exporter}: symbol ${local} is not exported by this file`;
      this.report(file, use.node, 'TFX008', text);
    }
    const problem = declarationProblem(read, exporter);
    if (problem) this.report(file, use.carrier, problem.code, problem.text);
    if (problem || symbol === undefined) return;
    if ((form === 'call' || form === 'constant') && !isPure(file, use.node)) {
      const text = 'missing /* @__PURE__ */: this export cannot be tree-shaken (tf-export lint --fix)';
      this.report(file, use.node, 'TFX010', text);
    }
    const { allowMultipleExports, ...declared } = read;
    const kind = kindOf(this.ts, use, file);
    const { apiName } = exporter;
    const entry: ScannedExport = { apiName, symbol, kind, form, ...declared, ...placeOf(file, use.node) };
    const refused = this.record(entry, allowMultipleExports);
    if (refused) this.report(file, use.node, refused.code, refused.text);
  }

  /** Takes the names of an export, or says why it cannot have them. */
  private record(entry: ScannedExport, allowMultipleExports: boolean): Problem | undefined {
    const key = `${entry.apiName}\0${entry.file}\0${entry.symbol}`;
    const known = this.bySymbol.get(key);
    if (known && !allowMultipleExports) {
      const text = `${entry.symbol} is already exported as ${tableNames(known)[0]} (${shortPlace(known)}); pass allowMultipleExports to add names`;
      return { code: 'TFX003', text };
    }
    if (known && known.deprecated.length > 0 && entry.deprecated.length > 0) {
      const text = `${entry.symbol} has deprecated names already: ${known.deprecated.join(', ')}`;
      return { code: 'TFX012', text };
    }
    const table = this.tables.get(entry.apiName) ?? new NameTable<ScannedExport>(shortPlace);
    this.tables.set(entry.apiName, table);
    const owner = known ?? entry;
    for (const name of tableNames(entry)) {
      const problem = table.problem(name, owner);
      if (problem) return problem;
    }
    for (const name of tableNames(entry)) table.add(name, owner);
    if (!known) {
      this.bySymbol.set(key, entry);
      this.exports.push(entry);
      return undefined;
    }
    Object.assign(known, {
      names: [...new Set([...known.names, ...entry.names])],
      namesV1: [...new Set([...known.namesV1, ...entry.namesV1])],
      deprecated: [...known.deprecated, ...entry.deprecated],
    });
    return undefined;
  }
}

const shortPlace = ({ file, line }: Pick<ScannedExport, 'file' | 'line'>): string => `${file}:${line}`;

function placeOf(file: FileSyntax, node: ts.Node): { file: string; line: number; column: number } {
  const { line, character } = file.source.getLineAndCharacterOfPosition(node.getStart(file.source));
  return { file: file.path, line: line + 1, column: character + 1 };
}

/** The name under which a file exports a local name: its own if possible. */
function exportedName({ exported }: FileSyntax, local: string): string | undefined {
  if (local === 'default') return 'default';
  const names = exported.get(local);
  return names?.includes(local) ? local : names?.[0];
}

/** Whether a call has a pure annotation right before it, or before the parentheses around it. */
export function isPure({ source }: Pick<FileSyntax, 'source'>, node: ts.Node): boolean {
  const before = source.text.slice(0, node.getStart(source));
  return /\/\*\s*[@#]__PURE__\s*\*\/[\s(]*$/.test(before);
}

function kindOf(
  ts: TypeScript,
  { form, declaration, local }: Use,
  { source, typeOnly }: FileSyntax,
): SymbolKind {
  if (form === 'constant') return 'constant';
  const target =
    declaration ??
    source.statements.find(
      (statement) =>
        (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) &&
        statement.name?.text === local,
    );
  if (!target) return 'function';
  if (ts.isClassDeclaration(target)) return 'class';
  if (ts.isInterfaceDeclaration(target) || ts.isTypeAliasDeclaration(target) || typeOnly.has(local))
    return 'type';
  if (ts.isEnumDeclaration(target)) return 'constant';
  if (!ts.isVariableDeclaration(target) || !target.initializer) return 'function';
  let value = target.initializer;
  while (ts.isParenthesizedExpression(value)) value = value.expression;
  if (form === 'call' && ts.isCallExpression(value)) value = value.arguments[0] ?? value;
  if (ts.isClassExpression(value)) return 'class';
  const isFunction =
    ts.isArrowFunction(value) ||
    ts.isFunctionExpression(value) ||
    ts.isCallExpression(value) ||
    form === 'call';
  return isFunction ? 'function' : 'constant';
}
