/** Call signatures as data: type parameters, parameters with their defaults, result. */
import type * as ts from 'typescript';
import type { TypeScript } from '../compiler';
import type { Parameter, Signature, TypeParameter } from './model';
import type { TypePrinter } from './typeText';

export class SignatureReader {
  constructor(
    private readonly ts: TypeScript,
    private readonly checker: ts.TypeChecker,
    private readonly printer: TypePrinter,
  ) {}

  /** All overloads, in order. Constructors have no result to speak of. */
  all(signatures: readonly ts.Signature[], isConstructor = false): Signature[] {
    return signatures.map((signature) => this.one(signature, isConstructor));
  }

  /** Read from the types, not their nodes: a node says `tf.Tensor` here and `Tensor` there. */
  typeParameters(types: readonly ts.TypeParameter[] | undefined): readonly TypeParameter[] | undefined {
    if (!types || types.length === 0) return undefined;
    return types.map((type) => {
      const constraint = type.getConstraint();
      const fallback = type.getDefault();
      return {
        name: type.symbol.name,
        ...(constraint ? { constraint: this.printer.type(constraint) } : {}),
        ...(fallback ? { default: this.printer.type(fallback) } : {}),
      };
    });
  }

  private one(signature: ts.Signature, isConstructor: boolean): Signature {
    const { ts, checker } = this;
    const node = checker.signatureToSignatureDeclaration(
      signature,
      ts.SyntaxKind.FunctionType,
      undefined,
      this.printer.flags,
    ) as ts.FunctionTypeNode;
    const declaration = signature.getDeclaration() as ts.SignatureDeclaration | undefined;
    const implementation = declaration && implementationOf(ts, declaration);
    const parameters = node.parameters.map((parameter, index) =>
      this.parameter(parameter, declaration?.parameters[index], implementation),
    );
    const typeParameters = this.typeParameters(signature.getTypeParameters());
    return {
      ...(typeParameters ? { typeParameters } : {}),
      parameters,
      returns: isConstructor ? '' : this.printer.node(node.type),
      ...(declaration && ts.getJSDocDeprecatedTag(declaration) ? { deprecated: true } : {}),
    };
  }

  private parameter(
    node: ts.ParameterDeclaration,
    declared: ts.ParameterDeclaration | undefined,
    implementation: ts.SignatureDeclaration | undefined,
  ): Parameter {
    const { ts } = this;
    const optional = node.questionToken !== undefined || declared?.initializer !== undefined;
    const name = ts.isIdentifier(node.name)
      ? node.name.text
      : ts.isObjectBindingPattern(node.name)
        ? 'options'
        : 'items';
    const written = declared && this.defaults(declared, implementation);
    return {
      name,
      type: this.printer.node(optional && node.type ? this.withoutUndefined(node.type) : (node.type ?? node)),
      ...(optional ? { optional: true } : {}),
      ...(node.dotDotDotToken ? { rest: true } : {}),
      ...(written ? { default: written } : {}),
    };
  }

  private withoutUndefined(node: ts.TypeNode): ts.TypeNode {
    const { ts } = this;
    if (!ts.isUnionTypeNode(node)) return node;
    const rest = node.types.filter((type) => type.kind !== ts.SyntaxKind.UndefinedKeyword);
    return rest.length === 1 ? rest[0]! : ts.factory.createUnionTypeNode(rest);
  }

  /** The default of a parameter, and those of its parts: `(x = 1)`, `({ pad = 'same' })`, `const { pad = 'same' } = options`. */
  private defaults(
    parameter: ts.ParameterDeclaration,
    implementation: ts.SignatureDeclaration | undefined,
  ): string | undefined {
    const { ts } = this;
    const patterns: ts.BindingName[] = [parameter.name];
    const body = implementation && (implementation as ts.FunctionLikeDeclaration).body;
    if (body && ts.isBlock(body) && ts.isIdentifier(parameter.name)) {
      for (const statement of body.statements) {
        if (!ts.isVariableStatement(statement)) continue;
        for (const { name, initializer } of statement.declarationList.declarations) {
          if (initializer && ts.isIdentifier(initializer) && initializer.text === parameter.name.text)
            patterns.push(name);
        }
      }
    }
    const parts = patterns.flatMap((pattern) => this.partDefaults(pattern)).sort();
    const whole = parameter.initializer && this.printer.expression(parameter.initializer);
    if (parts.length === 0) return whole;
    const inner = `{ ${parts.join(', ')} }`;
    return whole === undefined || whole === '{}' ? inner : `${whole} with ${inner}`;
  }

  private partDefaults(pattern: ts.BindingName): string[] {
    const { ts } = this;
    if (!ts.isObjectBindingPattern(pattern)) return [];
    return pattern.elements.flatMap(({ name, propertyName, initializer }) => {
      const key = (propertyName ?? name).getText();
      const inner = this.partDefaults(name);
      if (inner.length > 0) return [`${key}: { ${inner.join(', ')} }`];
      return initializer ? [`${key}: ${this.printer.expression(initializer)}`] : [];
    });
  }
}

/** The declaration itself if it has a body, else the implementation beside an overload. */
function implementationOf(ts: TypeScript, declaration: ts.SignatureDeclaration): ts.SignatureDeclaration {
  if (!ts.isFunctionDeclaration(declaration) || declaration.body) return declaration;
  const name = declaration.name?.text;
  const siblings = ts.isSourceFile(declaration.parent) ? declaration.parent.statements : [];
  const found = siblings.find(
    (node) => ts.isFunctionDeclaration(node) && node.body !== undefined && node.name?.text === name,
  );
  return (found as ts.FunctionDeclaration | undefined) ?? declaration;
}
