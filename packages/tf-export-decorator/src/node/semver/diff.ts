/** Two goldens, name by name: what changed, how much, and the level the change asks for. */
import { loadTypeScript } from '../compiler';
import type { ApiEntry, Golden } from '../golden/model';
import { alignNamesakes } from './align';
import { compareDeclarations, type Difference, type Level } from './compare';
import { type Relate, withRelations } from './relation';
import { type Usage, usages } from './usage';

/** One change of an API, with the release that it asks for. */
export interface Change {
  /** 'review': counts as major under `strict`, else as a warning. */
  readonly level: Level | 'review';
  /** The public name, or `Name (used by f, g)` for a type that is mentioned and not exported. */
  readonly name: string;
  readonly text: string;
}

export interface DiffOptions {
  /** From where the packages that the API mentions are resolved, and TypeScript. Default: the current folder. */
  readonly folder?: string;
  /** The level of a changed default value. Default 'minor'. */
  readonly defaultChange?: Level;
}

const rank: Record<Change['level'], number> = { patch: 0, minor: 1, review: 2, major: 3 };

/**
 * What changed between two goldens, gravest first. Moving a canonical name is no break while the old name stays:
 * every name, aliases and V1 names included, is followed to the declaration it leads to.
 */
export function diffGoldens(before: Golden, now: Golden, options: DiffOptions = {}): Change[] {
  const { folder = process.cwd(), defaultChange = 'minor' } = options;
  const ts = loadTypeScript(folder);
  const old = alignNamesakes(before, now);
  const usage = usages(ts, now);
  const walk = (relate: Relate) => [
    ...compareNames(old, now),
    ...compareEntries(old, now, relate, usage),
    ...compareMentioned(old, now, relate, usage),
  ];
  const found = withRelations(ts, folder, old, now, walk).map(({ level, ...rest }) => ({
    ...rest,
    level: level === 'default' ? defaultChange : level,
  }));
  const unique = new Map(found.map((change) => [`${change.name}\0${change.text}`, change]));
  return [...unique.values()].sort(
    (a, b) => rank[b.level] - rank[a.level] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}

/** The level that a list of changes asks for, or 'none'. */
export function requiredBump(
  changes: readonly Change[],
  options: { readonly strict?: boolean } = {},
): Level | 'none' {
  const levels = changes.map(({ level }) =>
    level === 'review' ? (options.strict ? 'major' : 'patch') : level,
  );
  return (['major', 'minor', 'patch'] as const).find((level) => levels.includes(level)) ?? 'none';
}

type Found = Omit<Change, 'level'> & Pick<Difference, 'level'>;

const namesOf = ({ names, v1 = [] }: ApiEntry): readonly string[] => [...names, ...v1];

function byName(golden: Golden): Map<string, [key: string, entry: ApiEntry]> {
  const all = Object.entries(golden.exports).flatMap(([key, entry]) =>
    namesOf(entry).map((name) => [name, [key, entry]] as [string, [string, ApiEntry]]),
  );
  return new Map(all);
}

function compareNames(old: Golden, now: Golden): Found[] {
  const before = byName(old);
  const after = byName(now);
  const found: Found[] = [];
  for (const [name, [, entry]] of before) {
    const kept = after.get(name);
    if (!kept) {
      const shape = JSON.stringify(old.declarations[entry.declaration]);
      const [heir] = [...after].find(
        ([other, [, candidate]]) =>
          !before.has(other) && JSON.stringify(now.declarations[candidate.declaration]) === shape,
      ) ?? [''];
      const hint = heir ? `; ${heir} looks the same: keep the old name as a deprecated one` : '';
      found.push({ level: 'major', name, text: `was removed${hint}` });
      continue;
    }
    const [key, current] = kept;
    const isDeprecated = (item: ApiEntry) =>
      (item.deprecatedNames ?? []).some((other) => name === other || name === `compat.v1.${other}`);
    if (isDeprecated(current) && !isDeprecated(entry)) {
      found.push({ level: 'minor', name, text: `is a deprecated name now; the canonical one is ${key}` });
    }
  }
  for (const [name, [key, { declaration }]] of after) {
    if (before.has(name)) continue;
    const text = key === name ? `was added (${kindOf(now, declaration)})` : `was added as a name of ${key}`;
    found.push({ level: 'minor', name, text });
  }
  return found;
}

const kindOf = (golden: Golden, id: string): string =>
  golden.declarations[id]?.forms.map(({ kind }) => kind).join(' and ') ?? 're-export';

function compareEntries(
  old: Golden,
  now: Golden,
  relate: Relate,
  usage: ReadonlyMap<string, Usage>,
): Found[] {
  const after = byName(now);
  const done = new Set<string>();
  return [...byName(old)].flatMap(([name, [, before]]): Found[] => {
    const current = after.get(name)?.[1];
    if (!current || done.has(`${before.declaration}\0${current.declaration}`)) return [];
    done.add(`${before.declaration}\0${current.declaration}`);
    const oldDeclaration = old.declarations[before.declaration];
    const nowDeclaration = now.declarations[current.declaration];
    if (oldDeclaration && nowDeclaration) {
      const rules = { relate, usage: usage.get(current.declaration) ?? ('both' as const) };
      return compareDeclarations(oldDeclaration, nowDeclaration, rules).map((difference) => ({
        ...difference,
        name,
      }));
    }
    const origin = (golden: Golden, id: string) => {
      const imported = golden.imports[id];
      return imported ? `${imported.name} of ${imported.module}` : golden.package;
    };
    const [from, to] = [origin(old, before.declaration), origin(now, current.declaration)];
    return from === to ? [] : [{ level: 'review', name, text: `came from ${from} and comes from ${to}` }];
  });
}

/** Types that are mentioned and not exported, found by name in both goldens. */
function compareMentioned(
  old: Golden,
  now: Golden,
  relate: Relate,
  usage: ReadonlyMap<string, Usage>,
): Found[] {
  const exported = (golden: Golden) =>
    new Set(Object.values(golden.exports).map(({ declaration }) => declaration));
  const oldExported = exported(old);
  const nowExported = exported(now);
  return Object.entries(now.declarations).flatMap(([id, declaration]) => {
    const before = old.declarations[id];
    if (!before || (oldExported.has(id) && nowExported.has(id))) return [];
    const rules = { relate, usage: usage.get(id) ?? ('both' as const) };
    return compareDeclarations(before, declaration, rules).map((difference) => ({
      ...difference,
      name: `${id} (used by ${usersOf(now, id)})`,
    }));
  });
}

function usersOf(golden: Golden, id: string): string {
  const word = new RegExp(`(?<![\\w$])${id.replaceAll('$', '\\$')}(?![\\w$])`);
  const users = Object.entries(golden.exports)
    .filter(([, { declaration }]) => word.test(JSON.stringify(golden.declarations[declaration] ?? '')))
    .map(([name]) => name);
  if (users.length === 0) return 'other types';
  return users.length > 3 ? `${users.slice(0, 3).join(', ')} and ${users.length - 3} more` : users.join(', ');
}
