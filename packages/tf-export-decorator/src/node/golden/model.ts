/** The golden: a package's public API as plain data, without files, lines or texts of documentation. */

export interface TypeParameter {
  readonly name: string;
  readonly constraint?: string;
  readonly default?: string;
}

/** A parameter of a function. */
export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly optional?: true;
  readonly rest?: true;
  /** The default as written, quotes and spaces made uniform; unknown (absent) when read from typings. */
  readonly default?: string;
}

/** The parameters and the result of a function. */
export interface Signature {
  readonly typeParameters?: readonly TypeParameter[];
  readonly parameters: readonly Parameter[];
  /** The result's type, or a predicate such as `x is string`. */
  readonly returns: string;
  readonly deprecated?: true;
}

/** A property or method of a class or interface. */
export interface Member {
  readonly name: string;
  readonly static?: true;
  readonly protected?: true;
  readonly abstract?: true;
  readonly optional?: true;
  readonly readonly?: true;
  readonly deprecated?: true;
  /** Of a property. */
  readonly type?: string;
  /** Of a method: all overloads. */
  readonly signatures?: readonly Signature[];
}

/** One meaning of a name; a name that is a value and a type has two. */
export type Form =
  | {
      readonly kind: 'function';
      readonly signatures: readonly Signature[];
      readonly members?: readonly Member[];
    }
  | {
      readonly kind: 'class';
      readonly abstract?: true;
      /** A constant that holds a class: no type of that name. */
      readonly valueOnly?: true;
      readonly typeParameters?: readonly TypeParameter[];
      /** The base class, if it is another package's. */
      readonly extends?: string;
      readonly constructors: readonly Signature[];
      /** Whether a subclass or an instance can be made at all. */
      readonly constructorAccess?: 'private' | 'protected';
      readonly members: readonly Member[];
    }
  | {
      readonly kind: 'interface';
      readonly typeParameters?: readonly TypeParameter[];
      /** Base types of other packages. */
      readonly extends?: readonly string[];
      readonly calls?: readonly Signature[];
      readonly constructs?: readonly Signature[];
      readonly indexes?: readonly { readonly key: string; readonly type: string; readonly readonly?: true }[];
      readonly members: readonly Member[];
    }
  | { readonly kind: 'type'; readonly typeParameters?: readonly TypeParameter[]; readonly type: string }
  | { readonly kind: 'enum'; readonly members: Readonly<Record<string, string>> }
  | { readonly kind: 'constant'; readonly type: string };

/** What a name is: its forms as value and as type. */
export interface Declaration {
  readonly forms: readonly Form[];
  readonly deprecated?: true;
}

/** What can be imported under one canonical name. */
export interface ApiEntry {
  /** All its names, the canonical one included. */
  readonly names: readonly string[];
  readonly v1?: readonly string[];
  readonly deprecatedNames?: readonly string[];
  /** Key in `declarations`. */
  readonly declaration: string;
}

/** The public API of a package as plain data. */
export interface Golden {
  readonly format: 1;
  readonly package: string;
  /** 'typings' do not show defaults. */
  readonly from: 'source' | 'typings';
  /**
   * Canonical name -> entry. A name given by an exporter stands as it is (`nn.relu`); an export of an entry point has
   * the entry point before it (`.#relu`, `./layers#Dense`).
   */
  readonly exports: Readonly<Record<string, ApiEntry>>;
  /** Every declaration of the package that the exports are or mention. */
  readonly declarations: Readonly<Record<string, Declaration>>;
  /** Types of other packages: name in the texts -> where it comes from. */
  readonly imports: Readonly<Record<string, { readonly module: string; readonly name: string }>>;
}
