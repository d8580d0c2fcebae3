/** What a symbol is, as data: function, class, interface, type, enum or constant; value and type apart. */
import type * as ts from 'typescript';
import type { TypeScript } from '../compiler';
import type { Declaration, Form, Member } from './model';
import type { SignatureReader } from './signatures';
import type { TypePrinter } from './typeText';

export class FormReader {
  constructor(
    private readonly ts: TypeScript,
    private readonly checker: ts.TypeChecker,
    private readonly printer: TypePrinter,
    private readonly signatures: SignatureReader,
    private readonly isLocal: (symbol: ts.Symbol) => boolean,
  ) {}

  read(symbol: ts.Symbol): Declaration {
    const { SymbolFlags } = this.ts;
    const forms: Form[] = [];
    if (symbol.flags & SymbolFlags.Class) forms.push(this.classOf(symbol));
    else {
      if (
        symbol.flags & SymbolFlags.Value &&
        !(symbol.flags & (SymbolFlags.Enum | SymbolFlags.ValueModule))
      ) {
        forms.push(this.value(symbol));
      } else if (symbol.flags & SymbolFlags.Function) forms.push(this.value(symbol));
      if (symbol.flags & SymbolFlags.Interface) forms.push(this.interfaceOf(symbol));
      if (symbol.flags & SymbolFlags.TypeAlias) forms.push(this.alias(symbol));
    }
    if (symbol.flags & SymbolFlags.Enum) forms.push(this.enumOf(symbol));
    const deprecated = (symbol.declarations ?? []).every((node) => this.ts.getJSDocDeprecatedTag(node));
    return { forms, ...(deprecated && symbol.declarations?.length ? { deprecated: true } : {}) };
  }

  private value(symbol: ts.Symbol): Form {
    const type = this.checker.getTypeOfSymbol(symbol);
    const constructs = type.getConstructSignatures();
    const { symbol: target } = type;
    if (constructs.length > 0 && target && target.flags & this.ts.SymbolFlags.Class) {
      return { ...(this.classOf(target) as Form & { kind: 'class' }), valueOnly: true };
    }
    const calls = type.getCallSignatures();
    if (calls.length === 0 || constructs.length > 0)
      return { kind: 'constant', type: this.printer.type(type) };
    const members = this.members(type, (property) => !isFunctionProperty(property.name));
    return {
      kind: 'function',
      signatures: this.signatures.all(calls),
      ...(members.length > 0 ? { members } : {}),
    };
  }

  private classOf(symbol: ts.Symbol): Form {
    const { ts, checker } = this;
    const instance = checker.getDeclaredTypeOfSymbol(symbol) as ts.InterfaceType;
    const statics = checker.getTypeOfSymbol(symbol);
    const declaration = symbol.declarations?.find((node) => ts.isClassLike(node)) as
      | ts.ClassLikeDeclaration
      | undefined;
    const flags = declaration ? ts.getCombinedModifierFlags(declaration) : 0;
    const typeParameters = this.typeParameters(declaration?.typeParameters);
    const [base] = this.foreignBases(instance);
    const maker = declaration?.members.find((node) => ts.isConstructorDeclaration(node));
    const access = maker ? ts.getCombinedModifierFlags(maker) : 0;
    const isPrivate = (access & ts.ModifierFlags.Private) !== 0;
    const constructorAccess = isPrivate
      ? 'private'
      : access & ts.ModifierFlags.Protected
        ? 'protected'
        : undefined;
    return {
      kind: 'class',
      ...(flags & ts.ModifierFlags.Abstract ? { abstract: true } : {}),
      ...(typeParameters ? { typeParameters } : {}),
      ...(base === undefined ? {} : { extends: base }),
      constructors: isPrivate ? [] : this.signatures.all(statics.getConstructSignatures(), true),
      ...(constructorAccess ? { constructorAccess } : {}),
      members: [
        ...this.members(instance),
        ...this.members(statics, ({ name }) => name !== 'prototype').map((member) => ({
          ...member,
          static: true as const,
        })),
      ],
    };
  }

  private interfaceOf(symbol: ts.Symbol): Form {
    const { ts, checker } = this;
    const type = checker.getDeclaredTypeOfSymbol(symbol) as ts.InterfaceType;
    const declaration = symbol.declarations?.find((node) => ts.isInterfaceDeclaration(node));
    const bases = this.foreignBases(type);
    return this.objectForm(type, declaration?.typeParameters, bases);
  }

  private alias(symbol: ts.Symbol): Form {
    const { ts, checker } = this;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const declaration = symbol.declarations?.find((node) => ts.isTypeAliasDeclaration(node));
    if (declaration && ts.isTypeLiteralNode(declaration.type)) {
      return this.objectForm(type, declaration.typeParameters, []);
    }
    const typeParameters = this.typeParameters(declaration?.typeParameters);
    return {
      kind: 'type',
      ...(typeParameters ? { typeParameters } : {}),
      type: this.printer.type(type, { inAlias: true }),
    };
  }

  private objectForm(
    type: ts.Type,
    parameters: readonly ts.TypeParameterDeclaration[] | undefined,
    bases: readonly string[],
  ): Form {
    const typeParameters = this.typeParameters(parameters);
    const calls = this.signatures.all(type.getCallSignatures());
    const constructs = this.signatures.all(type.getConstructSignatures());
    const indexes = this.checker.getIndexInfosOfType(type).map((info) => ({
      key: this.printer.type(info.keyType),
      type: this.printer.type(info.type),
      ...(info.isReadonly ? { readonly: true as const } : {}),
    }));
    return {
      kind: 'interface',
      ...(typeParameters ? { typeParameters } : {}),
      ...(bases.length > 0 ? { extends: bases } : {}),
      ...(calls.length > 0 ? { calls } : {}),
      ...(constructs.length > 0 ? { constructs } : {}),
      ...(indexes.length > 0 ? { indexes } : {}),
      members: this.members(type),
    };
  }

  private enumOf(symbol: ts.Symbol): Form {
    const { ts, checker } = this;
    const members: Record<string, string> = {};
    for (const declaration of symbol.declarations ?? []) {
      if (!ts.isEnumDeclaration(declaration)) continue;
      for (const member of declaration.members) {
        const value = checker.getConstantValue(member);
        members[member.name.getText().replace(/^['"]|['"]$/g, '')] =
          value === undefined ? 'computed' : JSON.stringify(value);
      }
    }
    return { kind: 'enum', members };
  }

  /** Properties declared in the package itself, inherited ones included, sorted by name; private ones left out. */
  private members(type: ts.Type, accepts: (property: ts.Symbol) => boolean = () => true): Member[] {
    return this.checker
      .getPropertiesOfType(type)
      .filter((property) => accepts(property) && this.isLocal(property) && !this.isPrivate(property))
      .map((property) => this.member(property))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  private isPrivate(property: ts.Symbol): boolean {
    const { ts } = this;
    if (/^(__)?#/.test(property.name)) return true;
    return (property.declarations ?? []).some(
      (node) => (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0,
    );
  }

  private member(property: ts.Symbol): Member {
    const { ts, checker } = this;
    const { SymbolFlags, ModifierFlags } = ts;
    const nodes = property.declarations ?? [];
    const has = (flag: ts.ModifierFlags) =>
      nodes.some((node) => (ts.getCombinedModifierFlags(node) & flag) !== 0);
    const optional = (property.flags & SymbolFlags.Optional) !== 0;
    const type = checker.getTypeOfSymbol(property);
    const onlyGetter =
      (property.flags & SymbolFlags.GetAccessor) !== 0 && !(property.flags & SymbolFlags.SetAccessor);
    const calls =
      property.flags & SymbolFlags.Method ? checker.getNonNullableType(type).getCallSignatures() : [];
    return {
      name: checker.symbolToString(property),
      ...(has(ModifierFlags.Protected) ? { protected: true } : {}),
      ...(has(ModifierFlags.Abstract) ? { abstract: true } : {}),
      ...(optional ? { optional: true } : {}),
      ...(has(ModifierFlags.Readonly) || onlyGetter ? { readonly: true } : {}),
      ...(nodes.some((node) => ts.getJSDocDeprecatedTag(node)) ? { deprecated: true } : {}),
      ...(calls.length > 0
        ? { signatures: this.signatures.all(calls) }
        : { type: this.printer.type(type, { dropUndefined: optional }) }),
    };
  }

  private typeParameters(nodes: readonly ts.TypeParameterDeclaration[] | undefined) {
    return this.signatures.typeParameters(
      nodes?.map((node) => this.checker.getTypeAtLocation(node) as ts.TypeParameter),
    );
  }

  private foreignBases(type: ts.InterfaceType): string[] {
    const found: string[] = [];
    const visit = (inner: ts.InterfaceType) => {
      for (const base of this.checker.getBaseTypes(inner)) {
        if (base.symbol && this.isLocal(base.symbol)) visit(base as ts.InterfaceType);
        else found.push(this.printer.type(base));
      }
    };
    visit(type);
    return [...new Set(found)].sort();
  }
}

const isFunctionProperty = (name: string) =>
  ['prototype', 'length', 'name', 'arguments', 'caller'].includes(name);
