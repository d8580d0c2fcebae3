/** The `exports` of package.json: an entry for each generated namespace, shaped like the entry that is there already. */
import { join, posix } from 'node:path';
import { readJson } from './files';
import type { Finding } from './problems';

type Target = string | null | { readonly [condition: string]: Target } | readonly Target[];

/**
 * The exports map with an entry for each generated module: `./nn` for `out/nn.ts`, `.` for `out/index.ts` unless the
 * package has one. New entries copy the conditions of `.`.
 */
export function exportsMapFor(
  folder: string,
  src: string,
  out: string,
  modules: readonly string[],
): Record<string, unknown> {
  const manifest = readJson(join(folder, 'package.json')) as { exports?: unknown } | undefined;
  const map = asMap(manifest?.exports);
  const inside = posix.relative(src, out);
  const root = map['.'] as Target | undefined;
  const pattern: Target = root ?? { types: './dist/index.d.ts', default: './dist/index.js' };
  for (const path of modules) {
    const name = posix.relative(out, path).replace(/\.ts$/, '');
    const key = name === 'index' ? '.' : `./${name.replace(/\/index$/, '')}`;
    if (key === '.' && root !== undefined) continue;
    map[key] = retarget(pattern, posix.join(inside, name), root === undefined ? '' : inside);
  }
  return map;
}

function asMap(exports: unknown): Record<string, unknown> {
  if (typeof exports !== 'object' || exports === null) return exports === undefined ? {} : { '.': exports };
  const keys = Object.keys(exports);
  return keys.some((key) => !key.startsWith('.')) ? { '.': exports } : { ...exports };
}

/** `./dist/index.d.cts` -> `./dist/api/nn.d.cts`, in every condition. A root that is itself generated loses its folder first. */
function retarget(target: Target, name: string, inside: string): Target {
  if (target === null) return null;
  if (typeof target === 'string') {
    const match = /^(.*\/)?([^/]*?)((?:\.d)?\.[cm]?[jt]s)$/.exec(target);
    if (!match) return target;
    let base = match[1] ?? './';
    if (inside !== '' && base.endsWith(`/${inside}/`)) base = base.slice(0, -inside.length - 1);
    return `${base}${name}${match[3]}`;
  }
  if (Array.isArray(target)) return target.map((item) => retarget(item, name, inside));
  return Object.fromEntries(
    Object.entries(target).map(([key, value]) => [key, retarget(value, name, inside)]),
  );
}

/** The entries that package.json lacks or has otherwise. */
export function checkExportsMap(folder: string, wanted: Record<string, unknown>): Finding[] {
  const manifest = readJson(join(folder, 'package.json')) as { exports?: unknown } | undefined;
  const map = asMap(manifest?.exports);
  return Object.entries(wanted)
    .filter(([key, target]) => JSON.stringify(map[key]) !== JSON.stringify(target))
    .map(([key]) => ({
      code: 'TFX020' as const,
      file: 'package.json',
      text: `exports["${key}"] is missing or differs from the generated entry point; run tf-export generate --write-exports`,
    }));
}
