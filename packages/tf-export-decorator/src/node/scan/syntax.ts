/** What one file says by itself: its imports, its exports, and the exporters it makes. Parser only, no checker. */
import type * as ts from 'typescript';
import type { TypeScript } from '../compiler';
import type { ExporterConfig } from '../config';

/** Where a name comes from: another module's export. */
export interface ImportedName {
  readonly module: string;
  /** `*` for the whole module. */
  readonly name: string;
}

export interface FileSyntax {
  /** Relative to the package. */
  readonly path: string;
  readonly source: ts.SourceFile;
  readonly imports: ReadonlyMap<string, ImportedName>;
  /** `export { a as b } from 'x'`: b -> a of x. */
  readonly reexports: ReadonlyMap<string, ImportedName>;
  /** `export * from 'x'` */
  readonly starExports: readonly string[];
  /** Local name -> the names it is exported under. */
  readonly exported: ReadonlyMap<string, readonly string[]>;
  /** Names that are exported as types only (`export type { A }`). */
  readonly typeOnly: ReadonlySet<string>;
  /** `const x = createApiExport('api', {prefix})` by local name; the callee is resolved later. */
  readonly madeExporters: ReadonlyMap<string, { readonly maker: string; readonly made: ExporterConfig }>;
}

const parsed = new Map<string, { readonly text: string; readonly source: ts.SourceFile }>();

/** A file's syntax tree; the last one is kept as long as the text is the same. */
export function parseFile(ts: TypeScript, path: string, text: string): ts.SourceFile {
  const known = parsed.get(path);
  if (known?.text === text) return known.source;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  parsed.set(path, { text, source });
  return source;
}

export function readSyntax(ts: TypeScript, source: ts.SourceFile, path: string): FileSyntax {
  const imports = new Map<string, ImportedName>();
  const reexports = new Map<string, ImportedName>();
  const starExports: string[] = [];
  const exported = new Map<string, string[]>();
  const typeOnly = new Set<string>();
  const madeExporters: Map<string, { maker: string; made: ExporterConfig }> = new Map();
  const addExport = (local: string, name: string) =>
    exported.set(local, [...(exported.get(local) ?? []), name]);

  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      for (const [local, from] of importedNames(ts, statement)) imports.set(local, from);
    } else if (ts.isExportDeclaration(statement)) {
      const module = statement.moduleSpecifier && (statement.moduleSpecifier as ts.StringLiteral).text;
      const clause = statement.exportClause;
      if (!clause) starExports.push(module ?? '');
      else if (ts.isNamedExports(clause)) {
        for (const { name, propertyName, isTypeOnly } of clause.elements) {
          const inner = (propertyName ?? name).text;
          if (module !== undefined) reexports.set(name.text, { module, name: inner });
          else addExport(inner, name.text);
          if (isTypeOnly || statement.isTypeOnly) typeOnly.add(inner);
        }
      } else if (module !== undefined) reexports.set(clause.name.text, { module, name: '*' });
    } else if (ts.isExportAssignment(statement)) {
      if (ts.isIdentifier(statement.expression)) addExport(statement.expression.text, 'default');
    } else {
      for (const name of declaredNames(ts, statement)) {
        const flags = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
        const has = (kind: ts.SyntaxKind) => flags.some((flag) => flag.kind === kind);
        if (!has(ts.SyntaxKind.ExportKeyword)) continue;
        addExport(name, has(ts.SyntaxKind.DefaultKeyword) ? 'default' : name);
      }
      if (ts.isVariableStatement(statement)) {
        for (const declaration of statement.declarationList.declarations) {
          const made = madeExporter(ts, declaration);
          if (made && ts.isIdentifier(declaration.name)) madeExporters.set(declaration.name.text, made);
        }
      }
    }
  }
  return { path, source, imports, reexports, starExports, exported, typeOnly, madeExporters };
}

function importedNames(ts: TypeScript, statement: ts.ImportDeclaration): [string, ImportedName][] {
  const module = (statement.moduleSpecifier as ts.StringLiteral).text;
  const clause = statement.importClause;
  const names: [string, ImportedName][] = [];
  if (clause?.name) names.push([clause.name.text, { module, name: 'default' }]);
  const bindings = clause?.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) names.push([bindings.name.text, { module, name: '*' }]);
  else if (bindings) {
    for (const { name, propertyName } of bindings.elements) {
      names.push([name.text, { module, name: (propertyName ?? name).text }]);
    }
  }
  return names;
}

/** The names that a top-level statement declares. */
export function declaredNames(ts: TypeScript, statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [name.text] : [],
    );
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement);
  if (!isNamed) return [];
  // An unnamed default export is known by the word itself.
  return [statement.name?.text ?? 'default'];
}

/** `createApiExport('ops', { prefix: 'ops' })` with literal arguments, whatever `createApiExport` is called here. */
function madeExporter(ts: TypeScript, declaration: ts.VariableDeclaration) {
  const call = declaration.initializer && skipOuter(ts, declaration.initializer);
  if (!call || !ts.isCallExpression(call)) return undefined;
  const [name, options] = call.arguments;
  if (!name || !ts.isStringLiteralLike(name)) return undefined;
  const made: { apiName: string; prefix?: string; reserved?: string[] } = { apiName: name.text };
  if (options && ts.isObjectLiteralExpression(options)) {
    for (const property of options.properties) {
      if (!ts.isPropertyAssignment(property)) continue;
      const value = property.initializer;
      const key = property.name.getText();
      if (key === 'prefix' && ts.isStringLiteralLike(value)) made.prefix = value.text;
      if (key === 'reserved' && ts.isArrayLiteralExpression(value)) {
        made.reserved = value.elements.flatMap((item) => (ts.isStringLiteralLike(item) ? [item.text] : []));
      }
    }
  }
  return { maker: call.expression.getText(), made };
}

/** An expression without the parentheses, assertions and `satisfies` around it. */
export function skipOuter(ts: TypeScript, expression: ts.Expression): ts.Expression {
  let inner = expression;
  while (
    ts.isParenthesizedExpression(inner) ||
    ts.isAsExpression(inner) ||
    ts.isSatisfiesExpression(inner) ||
    ts.isNonNullExpression(inner)
  ) {
    inner = inner.expression;
  }
  return inner;
}
