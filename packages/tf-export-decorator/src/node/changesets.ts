/** Pending changesets: which level they declare for which package. Our own reader of their front matter. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, readText } from './files';
import { InputError } from './problems';
import type { Level } from './semver/compare';

export interface Declared {
  /** Level per package: the highest of its changesets. */
  readonly levels: ReadonlyMap<string, Level>;
  /** Changeset files (relative to the workspace) that speak of a package. */
  readonly files: ReadonlyMap<string, readonly string[]>;
}

const order: readonly Level[] = ['patch', 'minor', 'major'];

/**
 * What the pending changesets of a workspace declare. `none` and empty changesets declare nothing; what a dependency's
 * release implies is no declaration. In pre mode, changesets that an earlier pre-release used are left out.
 *
 * @param names the packages there are.
 * @throws InputError for broken front matter, an unknown level, an unknown package.
 */
export function readChangesets(root: string, names: readonly string[]): Declared {
  const folder = join(root, '.changeset');
  const pre = readJson(join(folder, 'pre.json')) as { mode?: string; changesets?: unknown } | undefined;
  const used = pre?.mode === 'pre' && Array.isArray(pre.changesets) ? pre.changesets : [];
  const levels = new Map<string, Level>();
  const files = new Map<string, string[]>();
  for (const file of changesetFiles(folder)) {
    if (used.includes(file.replace(/\.md$/, ''))) continue;
    const place = `.changeset/${file}`;
    for (const [name, level] of parseChangeset(readText(join(folder, file)) ?? '', place)) {
      if (!names.includes(name)) {
        throw new InputError(
          `${place}: names ${name}, which is no package of the workspace; mend the name or delete the file`,
        );
      }
      if (level === 'none') continue;
      const known = levels.get(name);
      if (!known || order.indexOf(level) > order.indexOf(known)) levels.set(name, level);
      files.set(name, [...(files.get(name) ?? []), place]);
    }
  }
  return { levels, files };
}

function changesetFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.md') && file !== 'README.md')
      .sort();
  } catch {
    return [];
  }
}

/** The `"package": level` lines between the dashes. @throws InputError with file and line. */
export function parseChangeset(text: string, place: string): [name: string, level: Level | 'none'][] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const start = lines.findIndex((line) => line.trim() !== '');
  if (lines[start]?.trim() !== '---')
    throw new InputError(`${place}:1 must start with ---; write it with npx changeset`);
  const end = lines.findIndex((line, index) => index > start && line.trim() === '---');
  if (end < 0) throw new InputError(`${place}:${start + 1} the front matter must end with ---`);
  return lines.slice(start + 1, end).flatMap((line, index): [string, Level | 'none'][] => {
    const content = line.replace(/\s+#.*$/, '').trim();
    if (content === '' || content.startsWith('#')) return [];
    const match = /^(?:"([^"]+)"|'([^']+)'|([^\s:"']+))\s*:\s*["']?(\w+)["']?$/.exec(content);
    const name = match?.[1] ?? match?.[2] ?? match?.[3];
    const level = match?.[4];
    if (!name || !['major', 'minor', 'patch', 'none'].includes(level ?? '')) {
      throw new InputError(
        `${place}:${start + index + 2} must be "package": major | minor | patch | none, got ${content}`,
      );
    }
    return [[name, level as Level | 'none']];
  });
}
