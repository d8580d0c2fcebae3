/**
 * Namesakes: types of one name in several files are numbered in a golden (`Options`, `Options$2`), and a new namesake
 * moves the numbers. Before two goldens are compared, the old one's are renamed to the new one's.
 */
import type { Golden } from '../golden/model';

/** The old golden with its numbered names paired to the new golden's: by exported name, then by text, then in order. */
export function alignNamesakes(old: Golden, now: Golden): Golden {
  const oldGroups = groups(old);
  const nowGroups = groups(now);
  const renamed = new Map<string, string>();
  for (const [base, oldIds] of oldGroups) {
    const nowIds = nowGroups.get(base) ?? [];
    if (oldIds.length === 1 && nowIds.length <= 1) continue;
    const pairs = pair(old, oldIds, now, nowIds);
    let fresh = nowIds.length + oldIds.length;
    for (const id of oldIds) renamed.set(id, pairs.get(id) ?? `${base}$${++fresh}`);
  }
  if ([...renamed].every(([from, to]) => from === to)) return old;
  const rename = (text: string) =>
    text.replace(
      /(?<![\p{ID_Continue}$])[\p{ID_Start}_$][\p{ID_Continue}$]*/gu,
      (word) => renamed.get(word) ?? word,
    );
  return renameGolden(old, renamed, rename);
}

const baseOf = (id: string) => id.replace(/\$\d+$/, '');

function groups(golden: Golden): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const id of [...Object.keys(golden.declarations), ...Object.keys(golden.imports)]) {
    found.set(baseOf(id), [...(found.get(baseOf(id)) ?? []), id]);
  }
  return found;
}

function pair(
  old: Golden,
  oldIds: readonly string[],
  now: Golden,
  nowIds: readonly string[],
): Map<string, string> {
  const pairs = new Map<string, string>();
  const taken = new Set<string>();
  const plain = (golden: Golden, id: string) =>
    JSON.stringify(golden.declarations[id] ?? golden.imports[id]).replace(
      /\$\d+(?![\p{ID_Continue}$])/gu,
      '',
    );
  const match = (fits: (oldId: string, nowId: string) => boolean) => {
    for (const oldId of oldIds) {
      if (pairs.has(oldId)) continue;
      const nowId = nowIds.find((id) => !taken.has(id) && fits(oldId, id));
      if (nowId === undefined) continue;
      pairs.set(oldId, nowId);
      taken.add(nowId);
    }
  };
  const names = (golden: Golden, id: string) =>
    Object.entries(golden.exports).flatMap(([name, { declaration }]) => (declaration === id ? [name] : []));
  const users = (golden: Golden, id: string) => {
    const word = new RegExp(`(?<![\\w$])${id.replaceAll('$', '\\$')}(?![\\w$])`);
    return Object.entries(golden.exports)
      .filter(
        ([, { declaration }]) =>
          declaration !== id && word.test(JSON.stringify(golden.declarations[declaration] ?? '')),
      )
      .map(([name]) => name);
  };
  const share = (a: readonly string[], b: readonly string[]) => a.some((name) => b.includes(name));
  match((a, b) => share(names(old, a), names(now, b)));
  match((a, b) => plain(old, a) === plain(now, b) && share(users(old, a), users(now, b)));
  match((a, b) => share(users(old, a), users(now, b)));
  match((a, b) => plain(old, a) === plain(now, b));
  match(() => true);
  return pairs;
}

function renameGolden(
  golden: Golden,
  renamed: ReadonlyMap<string, string>,
  rename: (text: string) => string,
): Golden {
  const key = (id: string) => renamed.get(id) ?? id;
  const deep = (value: unknown, field = ''): unknown => {
    if (typeof value === 'string')
      return ['type', 'returns', 'constraint', 'default', 'extends'].includes(field) ? rename(value) : value;
    if (Array.isArray(value)) return value.map((item) => deep(item, field));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, deep(item, name)]));
  };
  const entries = (record: object) => Object.entries(record).map(([id, value]) => [key(id), deep(value)]);
  const exports = Object.entries(golden.exports).map(([name, entry]) => [
    name,
    { ...entry, declaration: key(entry.declaration) },
  ]);
  return {
    ...golden,
    exports: Object.fromEntries(exports),
    declarations: Object.fromEntries(entries(golden.declarations)),
    imports: Object.fromEntries(Object.entries(golden.imports).map(([id, value]) => [key(id), value])),
  };
}
