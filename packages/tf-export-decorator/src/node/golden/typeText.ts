/**
 * Types as text that depends on nothing but the types: members of unions and intersections sorted (the compiler orders
 * them by when it met them), names replaced by the golden's, quotes and spaces uniform.
 */
import type * as ts from 'typescript';
import type { TypeScript } from '../compiler';

/** The golden's word for a symbol, or undefined to leave the name as it is (globals, type parameters). */
export type NameSymbol = (symbol: ts.Symbol) => string | undefined;

export class TypePrinter {
  private readonly printer: ts.Printer;
  private readonly file: ts.SourceFile;
  readonly flags: ts.NodeBuilderFlags;

  constructor(
    private readonly ts: TypeScript,
    private readonly checker: ts.TypeChecker,
    private readonly nameSymbol: NameSymbol,
  ) {
    const { NodeBuilderFlags } = ts;
    this.printer = ts.createPrinter({ removeComments: true });
    this.file = ts.createSourceFile('types.ts', '', ts.ScriptTarget.Latest);
    this.flags =
      NodeBuilderFlags.NoTruncation |
      NodeBuilderFlags.UseAliasDefinedOutsideCurrentScope |
      NodeBuilderFlags.AllowUniqueESSymbolType |
      NodeBuilderFlags.WriteClassExpressionAsTypeLiteral |
      NodeBuilderFlags.IgnoreErrors;
  }

  type(
    type: ts.Type,
    options: { readonly dropUndefined?: boolean; readonly inAlias?: boolean } = {},
  ): string {
    const flags = options.inAlias ? this.flags | this.ts.NodeBuilderFlags.InTypeAlias : this.flags;
    const node = this.checker.typeToTypeNode(type, undefined, flags);
    if (!node) return 'any';
    return this.node(options.dropUndefined ? this.withoutUndefined(node) : node);
  }

  /** A type node (or any other node) with sorted unions and the golden's names. */
  node(node: ts.Node): string {
    const text = this.printer.printNode(this.ts.EmitHint.Unspecified, this.normal(node), this.file);
    return text.replace(/\s*\n\s*/g, ' ').replace(/; \}/g, ' }');
  }

  /** An expression as written, in uniform quotes and spaces. */
  expression(node: ts.Expression): string {
    const { ts } = this;
    const source = node.getSourceFile();
    const requote = (child: ts.Node): ts.Node =>
      ts.isStringLiteral(child)
        ? ts.factory.createStringLiteral(child.text)
        : ts.visitEachChild(child, requote, undefined);
    const text = this.printer.printNode(ts.EmitHint.Expression, requote(node), source);
    return text.replace(/\s+/g, ' ').replace(/,(?= [\]})])/g, '');
  }

  private withoutUndefined(node: ts.TypeNode): ts.TypeNode {
    const { ts } = this;
    if (!ts.isUnionTypeNode(node)) return node;
    const rest = node.types.filter((type) => type.kind !== ts.SyntaxKind.UndefinedKeyword);
    return rest.length === 1 ? rest[0]! : ts.factory.createUnionTypeNode(rest);
  }

  private normal(node: ts.Node): ts.Node {
    const { ts } = this;
    const visit = (given: ts.Node): ts.Node => {
      const child = this.resolved(given);
      if (ts.isQualifiedName(child)) return this.unqualified(child, visit);
      const renamed = ts.isIdentifier(child) ? this.renamed(child) : child;
      const inner = ts.isIdentifier(renamed) ? renamed : ts.visitEachChild(renamed, visit, undefined);
      if (ts.isTypeReferenceNode(inner) && hasOnlyDefaultBuffer(ts, inner))
        return ts.factory.createTypeReferenceNode(inner.typeName);
      if (ts.isParenthesizedTypeNode(inner) && !needsParentheses(ts, inner.type)) return inner.type;
      if (ts.isUnionTypeNode(inner)) return ts.factory.createUnionTypeNode(this.sorted(inner.types));
      if (ts.isIntersectionTypeNode(inner))
        return ts.factory.createIntersectionTypeNode(this.sorted(inner.types));
      return inner;
    };
    return visit(node);
  }

  /**
   * From TypeScript 5.5 on, the checker copies type nodes from sources (`U extends Tensor` inside a function type) where
   * 5.4 made them of the type (`U extends Tensor<Rank>`): what a source happens to say gives way to the type.
   */
  private resolved(node: ts.Node): ts.Node {
    const source = this.ts.isTypeNode(node) ? this.ts.getParseTreeNode(node, this.ts.isTypeNode) : undefined;
    if (!source) return node;
    return (
      this.checker.typeToTypeNode(this.checker.getTypeFromTypeNode(source), undefined, this.flags) ?? node
    );
  }

  /** `tf.Tensor`, as a source may write it, is `Tensor`: the module is no part of the type's name. */
  private unqualified(node: ts.QualifiedName, visit: (node: ts.Node) => ts.Node): ts.Node {
    const { symbol: given } = node.left as unknown as { symbol?: ts.Symbol };
    const { SymbolFlags } = this.ts;
    const module = given && given.flags & SymbolFlags.Alias ? this.checker.getAliasedSymbol(given) : given;
    if (!module || !(module.flags & SymbolFlags.Module) || module.flags & SymbolFlags.Enum) {
      return this.ts.visitEachChild(node, visit, undefined);
    }
    const inner = this.checker.getExportsOfModule(module).find(({ name }) => name === node.right.text);
    const name = inner && this.nameSymbol(inner);
    return this.ts.factory.createIdentifier(name ?? node.right.text);
  }

  /** Nodes that the checker makes carry their symbol; that is how a text knows what its names mean. */
  private renamed(identifier: ts.Identifier): ts.Identifier {
    const { symbol } = identifier as unknown as { symbol?: ts.Symbol };
    const name = symbol && this.nameSymbol(symbol);
    return name === undefined || name === identifier.text
      ? identifier
      : this.ts.factory.createIdentifier(name);
  }

  private sorted(types: readonly ts.TypeNode[]): ts.TypeNode[] {
    const text = (node: ts.TypeNode) => this.printer.printNode(this.ts.EmitHint.Unspecified, node, this.file);
    const keyed = types.map((node) => [text(node), node] as const);
    return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, node]) => node);
  }
}

/** `Float32Array<ArrayBufferLike>`, as TypeScript 5.7 and later say, is the `Float32Array` of those before. */
function hasOnlyDefaultBuffer(ts: TypeScript, { typeName, typeArguments }: ts.TypeReferenceNode): boolean {
  const [only, ...rest] = typeArguments ?? [];
  if (!only || rest.length > 0 || !ts.isIdentifier(typeName)) return false;
  if (!/^(DataView|(Uint8Clamped|((Big)?(Int|Uint)|Float)\d+)Array)$/.test(typeName.text)) return false;
  return (
    ts.isTypeReferenceNode(only) && ts.isIdentifier(only.typeName) && only.typeName.text === 'ArrayBufferLike'
  );
}

/** Kinds that bind less tightly than the postfix or union around them. The printer adds what a built node needs. */
function needsParentheses(ts: TypeScript, node: ts.TypeNode): boolean {
  return (
    ts.isFunctionTypeNode(node) ||
    ts.isConstructorTypeNode(node) ||
    ts.isConditionalTypeNode(node) ||
    ts.isUnionTypeNode(node) ||
    ts.isIntersectionTypeNode(node) ||
    ts.isTypeOperatorNode(node) ||
    ts.isInferTypeNode(node) ||
    ts.isTypeQueryNode(node)
  );
}
