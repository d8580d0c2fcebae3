/** From names to modules: which namespace holds which leaf, and what makes a set of names impossible to write. */
import { type Declared, leafOf, NameTable, namespaceOf, namespacesOf } from '../names';
import type { Finding } from './problems';

/** Namespace ('' for the root) -> leaf name -> what is exported there. */
export type Namespaces<T> = ReadonlyMap<string, ReadonlyMap<string, T>>;

/** Which of the two lists of names is laid out. */
export type ApiVersion = 'v1' | 'v2';

/**
 * The namespaces of a list of exports, sorted, with every namespace in between; names that two exports give, or that
 * are symbol and namespace at once, are findings.
 */
export function planNamespaces<T extends Pick<Declared, 'names' | 'namesV1'>>(
  exports: Iterable<T>,
  version: ApiVersion,
  place: (item: T) => Partial<Finding> & { readonly label: string },
): { readonly namespaces: Namespaces<T>; readonly findings: readonly Finding[] } {
  const table = new NameTable<T>((item) => place(item).label);
  const findings: Finding[] = [];
  for (const item of exports) {
    for (const name of version === 'v2' ? item.names : item.namesV1) {
      const { label: _, ...where } = place(item);
      const problem = table.problem(name, item) ?? unwritable(name);
      if (problem) findings.push({ ...problem, ...where });
      else table.add(name, item);
    }
  }
  const namespaces = new Map<string, Map<string, T>>([['', new Map()]]);
  for (const [name, item] of [...table.entries()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const space of namespacesOf(name)) {
      if (!namespaces.has(space)) namespaces.set(space, new Map());
    }
    namespaces.get(namespaceOf(name))?.set(leafOf(name), item);
  }
  const sorted = new Map([...namespaces].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { namespaces: sorted, findings: [...findings, ...caseClashes([...sorted.keys()])] };
}

function unwritable(name: string): Pick<Finding, 'code' | 'text'> | undefined {
  if (!name.split('.').includes('default')) return undefined;
  return {
    code: 'TFX015',
    text: `"${name}": a module's export cannot be called default; choose another name`,
  };
}

/** Namespaces whose files are one file on a disk that ignores case. */
function caseClashes(spaces: readonly string[]): Finding[] {
  const seen = new Map<string, string>();
  return spaces.flatMap((space) => {
    const key = space.toLowerCase();
    const other = seen.get(key);
    seen.set(key, space);
    if (other === undefined) return [];
    return [
      {
        code: 'TFX014' as const,
        text: `namespaces ${other} and ${space} need the same file where case is ignored; rename one`,
      },
    ];
  });
}

/** The namespaces directly below one: 'a.b' and 'a.c' of 'a'. */
export function childrenOf(spaces: Iterable<string>, parent: string): string[] {
  return [...spaces].filter((space) => space !== '' && namespaceOf(space) === parent);
}
