/** Builds the golden of a package: its names, the declarations they lead to, and the types these mention. */
import { dirname, join } from 'node:path';
import type * as ts from 'typescript';
import { canonicalOf, tableNames, v1Prefix } from '../../names';
import { loadTypeScript, type TypeScript } from '../compiler';
import { readJson } from '../files';
import { type Package, readPackage } from '../package';
import { InputError } from '../problems';
import { type ScannedExport, scan } from '../scan';
import { type EntryPoint, findEntryPoints } from './entryPoints';
import { FormReader } from './forms';
import type { ApiEntry, Declaration, Golden } from './model';
import { createProgram } from './program';
import { SignatureReader } from './signatures';
import { TypePrinter } from './typeText';

export interface GoldenOptions {
  /** Read sources where they are found (default), or typings alone, as of a published package. */
  readonly prefer?: 'source' | 'typings';
}

/**
 * The public API of the package in a folder: what its exporters name, and what its entry points export.
 *
 * @throws InputError for what cannot be read: no tsconfig, a syntax error, an import that is not found, no entry point.
 */
export function createGolden(folder: string, { prefer = 'source' }: GoldenOptions = {}): Golden {
  const found = readPackage(folder);
  const ts = loadTypeScript(found.folder);
  const out = found.config.out === undefined ? undefined : `${join(found.folder, found.config.out)}/`;
  const entryPoints = findEntryPoints(found, prefer).filter(({ file }) => !(out && file.startsWith(out)));
  const named = prefer === 'source' ? scan(found.folder).exports : [];
  const files = [
    ...entryPoints.map(({ file }) => file),
    ...named.map(({ file }) => join(found.folder, file)),
  ];
  if (files.length === 0) {
    throw new InputError(
      `${found.folder}: nothing is exported; add an exports map to package.json, or names in the sources`,
    );
  }
  const from =
    named.length > 0 || entryPoints.some((entry) => entry.from === 'source') ? 'source' : 'typings';
  const program = createProgram(ts, found, [...new Set(files)], from);
  return new GoldenBuilder(ts, program, found).build(entryPoints, named, from);
}

/** A symbol that texts mention: its base name and, if it is the package's own, its declaration. */
interface Mentioned {
  readonly token: string;
  readonly name: string;
  declaration?: Declaration;
  readonly module?: string;
}

class GoldenBuilder {
  private readonly checker: ts.TypeChecker;
  private readonly forms: FormReader;
  private readonly mentioned = new Map<ts.Symbol, Mentioned>();
  private readonly queue: ts.Symbol[] = [];
  private readonly packageOf = new Map<string, string>();

  constructor(
    private readonly ts: TypeScript,
    private readonly program: ts.Program,
    private readonly found: Package,
  ) {
    this.checker = program.getTypeChecker();
    const printer = new TypePrinter(ts, this.checker, (symbol) => this.mention(symbol)?.token);
    const signatures = new SignatureReader(ts, this.checker, printer);
    this.forms = new FormReader(ts, this.checker, printer, signatures, (symbol) => this.isLocal(symbol));
  }

  build(entryPoints: readonly EntryPoint[], named: readonly ScannedExport[], from: Golden['from']): Golden {
    const entries = new Map<string, ApiEntry>();
    for (const item of named) this.addNamed(entries, item);
    for (const { name, file } of entryPoints) this.addEntryPoint(entries, name, file);
    for (let symbol = this.queue.pop(); symbol; symbol = this.queue.pop()) {
      this.mentioned.get(symbol)!.declaration = this.forms.read(symbol);
    }
    return this.finish(entries, from);
  }

  private addNamed(entries: Map<string, ApiEntry>, item: ScannedExport): void {
    const symbol = this.exportsOf(join(this.found.folder, item.file)).get(item.symbol);
    if (!symbol) return;
    const isOwnApi =
      item.apiName === 'tensorflow' ||
      tableNames(item).every((name) => name.split('.').includes(item.apiName));
    const prefix = isOwnApi ? '' : `${item.apiName}:`;
    const key = prefix + (canonicalOf(item, true) ?? '');
    entries.set(key, {
      names: item.names.map((name) => prefix + name),
      ...(item.namesV1.length > 0 ? { v1: item.namesV1.map((name) => prefix + v1Prefix + name) } : {}),
      ...(item.deprecated.length > 0 ? { deprecatedNames: item.deprecated } : {}),
      declaration: this.mention(symbol)!.token,
    });
  }

  private addEntryPoint(entries: Map<string, ApiEntry>, entryPoint: string, file: string): void {
    const add = (name: string, symbol: ts.Symbol, seen: readonly ts.Symbol[]) => {
      const key = `${entryPoint}#${name}`;
      const isModule = (symbol.flags & this.ts.SymbolFlags.Module) !== 0;
      if (isModule && !seen.includes(symbol)) {
        for (const inner of this.checker.getExportsOfModule(symbol)) {
          if (inner.name !== 'prototype')
            add(`${name}.${inner.name}`, this.resolve(inner), [...seen, symbol]);
        }
      }
      const { Value, Type, ValueModule, Namespace } = this.ts.SymbolFlags;
      const isMore = (symbol.flags & (Value | Type) & ~ValueModule & ~Namespace) !== 0 || !isModule;
      if (isMore) entries.set(key, { names: [key], declaration: this.mention(symbol, true)!.token });
    };
    for (const [name, symbol] of this.exportsOf(file)) add(name, symbol, []);
  }

  private exportsOf(file: string): Map<string, ts.Symbol> {
    const source = this.program.getSourceFile(file);
    const module = source && this.checker.getSymbolAtLocation(source);
    const found = new Map<string, ts.Symbol>();
    if (!module) return found;
    for (const symbol of this.checker.getExportsOfModule(module))
      found.set(symbol.name, this.resolve(symbol));
    const assigned = module.exports?.get('export=' as ts.__String);
    if (assigned) found.set('export=', this.resolve(assigned));
    return found;
  }

  private resolve(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & this.ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }

  /** The token that stands for a symbol in texts, or undefined for globals, type parameters and the like. */
  private mention(given: ts.Symbol, always = false): Mentioned | undefined {
    const symbol = this.resolve(given);
    const known = this.mentioned.get(symbol);
    if (known) return known;
    const { SymbolFlags } = this.ts;
    const kinds =
      SymbolFlags.Class |
      SymbolFlags.Interface |
      SymbolFlags.TypeAlias |
      SymbolFlags.Enum |
      SymbolFlags.Function |
      SymbolFlags.Variable |
      SymbolFlags.ValueModule;
    const declaration = symbol.declarations?.[0];
    if (!always && (!(symbol.flags & kinds) || !declaration || this.isInner(declaration))) return undefined;
    const module = declaration && this.moduleOf(declaration.getSourceFile());
    if (module === '' && !always) return undefined;
    const name =
      symbol.name === 'default' || symbol.name === 'export='
        ? 'default_'
        : symbol.name.replace(/^__/, 'anonymous_');
    const entry: Mentioned = {
      token: `tfx${this.mentioned.size}_`,
      name: /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : 'module_',
      ...(module && module !== this.found.name ? { module } : {}),
    };
    this.mentioned.set(symbol, entry);
    // An export that is another package's is still this package's API: its name counts, not its shape.
    if (entry.module === undefined) this.queue.push(symbol);
    return entry;
  }

  /** Parameters, type parameters, type literals and what else has no name outside its declaration. */
  private isInner(node: ts.Node): boolean {
    const { ts } = this;
    return (
      ts.isParameter(node) ||
      ts.isTypeParameterDeclaration(node) ||
      ts.isBindingElement(node) ||
      ts.isTypeLiteralNode(node) ||
      ts.isClassExpression(node) ||
      ts.isArrowFunction(node) ||
      ts.isFunctionExpression(node) ||
      ts.isObjectLiteralExpression(node)
    );
  }

  private isLocal(symbol: ts.Symbol): boolean {
    const [declaration] = symbol.declarations ?? [];
    return declaration === undefined || this.moduleOf(declaration.getSourceFile()) === this.found.name;
  }

  /** The name of the package a file is in; '' for the language's own library. */
  private moduleOf(source: ts.SourceFile): string {
    if (this.program.isSourceFileDefaultLibrary(source)) return '';
    const folder = dirname(source.fileName);
    const known = this.packageOf.get(folder);
    if (known !== undefined) return known;
    let name = this.found.name;
    for (let at = folder; at !== this.found.folder && dirname(at) !== at; at = dirname(at)) {
      const manifest = readJson(join(at, 'package.json')) as { name?: string } | undefined;
      if (manifest?.name === undefined) continue;
      name = manifest.name;
      break;
    }
    this.packageOf.set(folder, name);
    return name;
  }

  /** Replaces tokens by names; namesakes are told apart by number, in the order of their texts. */
  private finish(entries: ReadonlyMap<string, ApiEntry>, from: Golden['from']): Golden {
    const plain = new Map([...this.mentioned.values()].map(({ token, name }) => [token, name]));
    const replace = (text: string, names: ReadonlyMap<string, string>) =>
      text.replace(/\btfx\d+_/g, (token) => names.get(token) ?? token);
    const groups = groupBy([...this.mentioned.values()], ({ name }) => name);
    const names = new Map<string, string>();
    for (const [name, group] of groups) {
      const keyed = group.map(
        (item) =>
          [`${item.module ?? ''}${replace(JSON.stringify(item.declaration ?? ''), plain)}`, item] as const,
      );
      keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      for (const [index, [, { token }]] of keyed.entries()) {
        names.set(token, index === 0 ? name : `${name}$${index + 1}`);
      }
    }
    const declarations: Record<string, Declaration> = {};
    const imports: Record<string, { module: string; name: string }> = {};
    for (const { token, name, module, declaration } of this.mentioned.values()) {
      if (module !== undefined) imports[names.get(token)!] = { module, name };
      else if (declaration) declarations[names.get(token)!] = declaration;
    }
    const golden = {
      format: 1,
      package: this.found.name,
      from,
      exports: sorted(Object.fromEntries(entries)),
      declarations: sorted(declarations),
      imports: sorted(imports),
    };
    const text = replace(JSON.stringify(golden), names);
    // Keys were sorted by their final names, so a replaced text needs no second sort.
    return JSON.parse(text.replaceAll(`${this.found.folder}/`, '')) as Golden;
  }
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
