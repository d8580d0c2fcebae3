/** The rules of names, shared by the exporters (which throw) and the scanner (which reports file and line). */
import type { Problem } from './errors';

/** Under which V1 names live in the one table of names. */
export const v1Prefix = 'compat.v1.';

/** What an exporter demands of its names. */
export interface NameRules {
  /** How messages call the exporter: `kerasExport`. */
  readonly exporter: string;
  /** Names must start with `<prefix>.`. */
  readonly prefix?: string;
  /** Namespaces in which nothing may be exported. */
  readonly reserved?: readonly string[];
}

/** What one export declares, before or after it is known to be sound. */
export interface Declared {
  readonly names: readonly string[];
  readonly namesV1: readonly string[];
  readonly deprecated: readonly string[];
}

// Any IdentifierName counts, reserved words included: `export { case_ as case }` is valid JavaScript.
const dotted =
  /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*(\.[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)*$/u;

/** The namespace of a dotted name: 'nn' of 'nn.relu', '' of 'relu'. */
export const namespaceOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')));

/** The last part of a dotted name: 'relu' of 'nn.relu'. */
export const leafOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Every namespace that a name implies, outermost first: 'a' and 'a.b' of 'a.b.c'. */
export function namespacesOf(name: string): string[] {
  const parts = name.split('.').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

/** What is wrong with a name by itself, or undefined. */
export function nameProblem(name: string, rules: NameRules): Problem | undefined {
  if (!dotted.test(name)) return { code: 'TFX002', text: `"${name}" is not a dotted identifier` };
  if (rules.prefix && !name.startsWith(`${rules.prefix}.`)) {
    return {
      code: 'TFX001',
      text: `"${name}": ${rules.exporter} names must start with "${rules.prefix}."`,
    };
  }
  const reserved = rules.reserved?.find((space) => name === space || name.startsWith(`${space}.`));
  if (reserved) {
    return { code: 'TFX016', text: `"${name}" lies in ${reserved}, which ${rules.exporter} reserves` };
  }
  return undefined;
}

/** The first rule that an export breaks by itself, whatever else is exported. */
export function declarationProblem(declared: Declared, rules: NameRules): Problem | undefined {
  const all = [...declared.names, ...declared.namesV1];
  if (all.length === 0) {
    return { code: 'TFX013', text: `${rules.exporter} needs at least one name, V2 or V1` };
  }
  for (const name of all) {
    const problem = nameProblem(name, rules);
    if (problem) return problem;
  }
  const stray = declared.deprecated.find((name) => !all.includes(name));
  if (stray === undefined) return undefined;
  return {
    code: 'TFX009',
    text: `deprecated name "${stray}" is not one of the exported names ${[...new Set(all)].join(', ')}`,
  };
}

/**
 * The canonical name: the first name that is not deprecated, else the first name, else undefined.
 *
 * Source: TensorFlow 2.21, `tf_export.get_canonical_name`.
 */
export function getCanonicalName(
  names: readonly string[],
  deprecated: readonly string[],
): string | undefined {
  return names.find((name) => !deprecated.includes(name)) ?? names[0];
}

/** The canonical name over V2 names, then over V1 names (with `compat.v1.` before them if asked). */
export function canonicalOf(declared: Declared, addPrefixToV1Names = false): string | undefined {
  const name = getCanonicalName(declared.names, declared.deprecated);
  if (name !== undefined) return name;
  const v1 = getCanonicalName(declared.namesV1, declared.deprecated);
  return v1 !== undefined && addPrefixToV1Names ? v1Prefix + v1 : v1;
}

/** The names an export takes in the one table: V2 names as they are, V1 names under `compat.v1.`. */
export function tableNames({ names, namesV1 }: Pick<Declared, 'names' | 'namesV1'>): string[] {
  return [...new Set([...names, ...namesV1.map((name) => v1Prefix + name)])];
}

/** Which owner holds which name; a name is never taken twice, nor a symbol and a namespace at once. */
export class NameTable<Owner extends object> {
  private readonly owners = new Map<string, Owner>();
  private readonly namespaces = new Map<string, Set<string>>();

  constructor(private readonly place: (owner: Owner) => string) {}

  get(name: string): Owner | undefined {
    return this.owners.get(name);
  }

  entries(): IterableIterator<[string, Owner]> {
    return this.owners.entries();
  }

  /** Why `owner` cannot take `name`, or undefined. Taking one's own name again is fine. */
  problem(name: string, owner: Owner): Problem | undefined {
    const holder = this.owners.get(name);
    if (holder && holder !== owner) {
      return {
        code: 'TFX004',
        text: `name ${name} is taken by ${this.place(holder)} and ${this.place(owner)}`,
      };
    }
    const [child] = this.namespaces.get(name) ?? [];
    if (child !== undefined) return this.clash(name, child, this.owners.get(child) ?? owner, owner);
    for (const space of namespacesOf(name)) {
      const symbol = this.owners.get(space);
      if (symbol) return this.clash(space, name, owner, symbol);
    }
    return undefined;
  }

  add(name: string, owner: Owner): void {
    this.owners.set(name, owner);
    for (const space of namespacesOf(name)) {
      const names = this.namespaces.get(space) ?? new Set();
      this.namespaces.set(space, names.add(name));
    }
  }

  delete(name: string): void {
    this.owners.delete(name);
    for (const space of namespacesOf(name)) {
      const names = this.namespaces.get(space);
      names?.delete(name);
      if (names?.size === 0) this.namespaces.delete(space);
    }
  }

  private clash(space: string, child: string, childOwner: Owner, symbolOwner: Owner): Problem {
    const text = `${space} is a namespace (${child}, ${this.place(childOwner)}) and cannot be a symbol too (${this.place(symbolOwner)})`;
    return { code: 'TFX005', text };
  }
}
