/** Finds every use of an exporter in a file: the three forms, and uses that are none of them. */
import type * as ts from 'typescript';
import type { TypeScript } from '../compiler';
import type { Exporter } from './exporters';
import { declaredNames, skipOuter } from './syntax';

/** How a name was given. 'statement' is `tfExport('n')(f);` after the definition. */
export type ExportForm = 'call' | 'statement' | 'decorator' | 'tag' | 'constant';

export interface Use {
  readonly form: ExportForm;
  readonly exporter: Exporter;
  /** Local name of the symbol that gets the names. */
  readonly local: string;
  /** What carries the names: the inner call `tfExport(...)`, or the tag's node. */
  readonly carrier: ts.CallExpression | ts.JSDocTag;
  /** The whole expression `tfExport(...)(f)`, the decorator, or the declaration. */
  readonly node: ts.Node;
  /** The declaration, where there is one. */
  readonly declaration?: ts.Node;
}

export type Misuse = readonly [node: ts.Node, code: 'TFX007' | 'TFX011', text: string];

export interface FileUses {
  readonly uses: readonly Use[];
  readonly misuses: readonly Misuse[];
}

type Resolve = (text: string) => Exporter | undefined;

/** The uses in a file; `resolve` says which expressions are exporters, `tags` which JSDoc tags. */
export function findUses(
  ts: TypeScript,
  source: ts.SourceFile,
  resolve: Resolve,
  tags: ReadonlyMap<string, Exporter>,
): FileUses {
  const uses: Use[] = [];
  const misuses: Misuse[] = [];
  const handled = new Set<ts.Node>();
  const take = (use: Use) => {
    uses.push(use);
    handled.add(use.carrier);
  };
  const read = (expression: ts.Expression) => readApplied(ts, skipOuter(ts, expression), resolve);

  for (const statement of source.statements) {
    for (const use of taggedUses(ts, statement, tags)) take(use);
    if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) {
        const applied = declaration.initializer && read(declaration.initializer);
        if (!applied || !ts.isIdentifier(declaration.name)) continue;
        take({ ...applied, local: declaration.name.text, declaration });
      }
    } else if (ts.isExportAssignment(statement)) {
      const applied = read(statement.expression);
      if (applied) take({ ...applied, local: 'default', declaration: statement });
    } else if (ts.isExpressionStatement(statement)) {
      const applied = read(statement.expression);
      if (applied?.form !== 'call') continue;
      const [symbol] = (applied.node as ts.CallExpression).arguments;
      if (symbol && ts.isIdentifier(symbol)) take({ ...applied, form: 'statement', local: symbol.text });
      else {
        handled.add(applied.carrier);
        misuses.push([
          applied.node,
          'TFX011',
          'the result of this call is not what the file exports; write export const f = tfExport(...)(...)',
        ]);
      }
    } else if (ts.isClassDeclaration(statement)) {
      for (const use of decoratorUses(ts, statement, resolve, misuses)) take(use);
    }
  }
  collectMisuses(ts, source, resolve, handled, misuses);
  return { uses, misuses };
}

type Applied = Pick<Use, 'form' | 'exporter' | 'carrier' | 'node'>;

/** `tfExport(...)(x)` or `tfExport(...).exportConstant(x)`, or undefined. */
function readApplied(ts: TypeScript, node: ts.Expression, resolve: Resolve): Applied | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const callee = skipOuter(ts, node.expression);
  const isConstant = ts.isPropertyAccessExpression(callee) && callee.name.text === 'exportConstant';
  const carrier = isConstant ? skipOuter(ts, callee.expression) : callee;
  if (!ts.isCallExpression(carrier)) return undefined;
  const exporter = resolve(carrier.expression.getText());
  return exporter && { form: isConstant ? 'constant' : 'call', exporter, carrier, node };
}

function decoratorUses(
  ts: TypeScript,
  statement: ts.ClassDeclaration,
  resolve: Resolve,
  misuses: Misuse[],
): Use[] {
  const decorators = ts.getDecorators(statement) ?? [];
  return decorators.flatMap((decorator, index) => {
    const carrier = decorator.expression;
    const exporter = ts.isCallExpression(carrier) && resolve(carrier.expression.getText());
    if (!exporter) return [];
    const foreign = decorators.slice(0, index).some(({ expression }) => {
      const call = ts.isCallExpression(expression) ? expression.expression : expression;
      return !resolve(call.getText());
    });
    if (foreign) {
      const text = `a decorator before @${exporter.exporter} may replace the class it registered; put @${exporter.exporter} first`;
      misuses.push([decorator, 'TFX011', text]);
    }
    const local = statement.name?.text ?? 'default';
    return [
      { form: 'decorator' as const, exporter, carrier, node: decorator, local, declaration: statement },
    ];
  });
}

function taggedUses(ts: TypeScript, statement: ts.Statement, tags: ReadonlyMap<string, Exporter>): Use[] {
  const [local] = declaredNames(ts, statement);
  if (local === undefined || !mayHaveTags(statement, tags)) return [];
  const node = ts.isVariableStatement(statement) ? statement.declarationList.declarations[0]! : statement;
  return ts.getJSDocTags(node).flatMap((carrier) => {
    const exporter = tags.get(carrier.tagName.text);
    return exporter ? [{ form: 'tag' as const, exporter, carrier, node, local, declaration: node }] : [];
  });
}

/** Cheap test on the text before the statement, since most comments hold no tag of ours. */
function mayHaveTags(statement: ts.Statement, tags: ReadonlyMap<string, Exporter>): boolean {
  const text = statement.getSourceFile().text.slice(statement.getFullStart(), statement.getStart());
  return text.includes('@') && [...tags.keys()].some((tag) => text.includes(`@${tag}`));
}

/** Everything that calls an exporter and is none of the forms. */
function collectMisuses(
  ts: TypeScript,
  source: ts.SourceFile,
  resolve: Resolve,
  handled: ReadonlySet<ts.Node>,
  misuses: Misuse[],
): void {
  const visit = (node: ts.Node, depth: number): void => {
    if (ts.isCallExpression(node) && !handled.has(node)) {
      const exporter = resolve(node.expression.getText());
      if (exporter) {
        const isWrapped = depth === 0 && isInsideCall(ts, node);
        misuses.push(
          isWrapped
            ? [
                node,
                'TFX011',
                `${exporter.exporter} is wrapped by another call, so the exported binding is not what it registered; put ${exporter.exporter} outermost`,
              ]
            : [
                node,
                'TFX007',
                `${exporter.exporter} must be called and applied at once, only at the top level of a module`,
              ],
        );
      }
    }
    const inner = ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node) ? depth + 1 : depth;
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(source, 0);
}

/** Whether `tfExport(..)(f)` is an argument of another call in a top-level variable. */
function isInsideCall(ts: TypeScript, carrier: ts.Node): boolean {
  const applied = carrier.parent;
  if (!ts.isCallExpression(applied) || applied.expression !== carrier) return false;
  let outer: ts.Node = applied.parent;
  while (ts.isParenthesizedExpression(outer) || ts.isAsExpression(outer)) outer = outer.parent;
  return ts.isCallExpression(outer);
}
