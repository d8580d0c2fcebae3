/** From the exports map to files the compiler can read: the sources of an entry point, or its typings. */
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { listFiles, relativePath } from '../files';
import type { Package } from '../package';
import { InputError } from '../problems';

export interface EntryPoint {
  /** Import path below the package's name: `.`, `./layers`. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly from: 'source' | 'typings';
}

type Target = string | null | undefined | { readonly [condition: string]: Target } | readonly Target[];

/**
 * A package's entry points: the source of each where it is found by name, else the typings its `types` condition names.
 *
 * @throws InputError if the package has an exports map (or `types`, `main`) and none of it leads to a file.
 */
export function findEntryPoints(
  { folder, manifest, config }: Package,
  prefer: 'source' | 'typings',
): EntryPoint[] {
  const targets = targetsOf(manifest.exports, manifest.types ?? manifest.typings, manifest.main);
  const found: EntryPoint[] = [];
  const missing: string[] = [];
  for (const [name, target] of targets) {
    const paths = flatten(target).filter((path) => !/\.(json|css|wasm|node)$/.test(path));
    if (paths.length === 0) continue;
    const names = name.includes('*') ? expandPattern(folder, name, paths) : [[name, paths] as const];
    for (const [key, files] of names) {
      const source = prefer === 'source' ? sourceFile(folder, config.src, key, files) : undefined;
      const typings = source ?? typingsFile(folder, files);
      if (!typings) missing.push(key);
      else found.push({ name: key, file: typings, from: source ? 'source' : 'typings' });
    }
  }
  if (found.length === 0 && missing.length > 0) {
    throw new InputError(
      `${join(folder, 'package.json')}: no source or typings found for ${missing.join(', ')}; build first, or set "src" in the tfExport field`,
    );
  }
  return found;
}

function targetsOf(
  exports: unknown,
  types: string | undefined,
  main: string | undefined,
): [string, Target][] {
  if (typeof exports === 'object' && exports !== null && !Array.isArray(exports)) {
    const entries = Object.entries(exports as Record<string, Target>);
    if (entries.some(([key]) => key.startsWith('.'))) {
      return entries.filter(([key]) => key !== './package.json');
    }
  }
  if (exports !== undefined) return [['.', withTypes(exports as Target, types)]];
  return [['.', [types, main, './index.d.ts', './index.js'].filter((path) => path !== undefined)]];
}

const withTypes = (target: Target, types: string | undefined): Target => (types ? [types, target] : target);

/** Every path of a target, `types` conditions first. */
function flatten(target: Target): string[] {
  if (!target) return [];
  if (typeof target === 'string') return [target.startsWith('.') ? target : `./${target}`];
  if (Array.isArray(target)) return target.flatMap((item) => flatten(item));
  const entries = Object.entries(target as Record<string, Target>);
  const first = entries.filter(([condition]) => condition.startsWith('types'));
  const rest = entries.filter(([condition]) => !condition.startsWith('types'));
  return [...first, ...rest].flatMap(([, inner]) => flatten(inner));
}

function typingsFile(folder: string, paths: readonly string[]): string | undefined {
  const candidates = paths.flatMap((path) => {
    if (/\.d\.[cm]?ts$/.test(path)) return [path];
    const stem = path.replace(/\.([cm]?)[jt]sx?$/, '');
    const sign = /\.([cm]?)[jt]sx?$/.exec(path)?.[1] ?? '';
    return [
      `${stem}.d.${sign}ts`,
      `${stem}.d.ts`,
      `${path}.d.ts`,
      `${path}/index.d.ts`,
      ...(/\.[cm]?tsx?$/.test(path) ? [path] : []),
    ];
  });
  return candidates.map((path) => join(folder, path)).find((path) => existsSync(path));
}

/** `./dist/a/b.js` -> `src/a/b.ts`: by the target's path below its first folder, then by the import path. */
function sourceFile(folder: string, src: string, name: string, paths: readonly string[]): string | undefined {
  const stems = paths.flatMap((path) => {
    const parts = path
      .replace(/^\.\//, '')
      .replace(/(\.d)?\.[cm]?[jt]sx?$/, '')
      .split('/');
    // dist/a/b, dist/esm/a/b: the source lies below one of the folders.
    return parts.slice(1).map((_, index) => parts.slice(index + 1).join('/'));
  });
  stems.push(name === '.' ? 'index' : name.slice(2));
  const candidates = stems.flatMap((stem) =>
    ['.ts', '.tsx', '.mts', '/index.ts', '/index.tsx'].map((end) => join(folder, src, stem + end)),
  );
  const direct = paths.filter((path) => /(?<!\.d)\.[cm]?tsx?$/.test(path)).map((path) => join(folder, path));
  return [...direct, ...candidates].find((path) => existsSync(path));
}

/** The entry points that a pattern `./ops/*` stands for, by the files its targets match. */
function expandPattern(
  folder: string,
  name: string,
  paths: readonly string[],
): (readonly [string, string[]])[] {
  const expanded = new Map<string, string[]>();
  for (const path of paths) {
    const [before = '', after = ''] = path.replace(/^\.\//, '').split('*');
    const root = join(folder, posix.dirname(`${before}x`));
    for (const file of listBuilt(root)) {
      const relative = relativePath(folder, file);
      if (
        !relative.startsWith(before) ||
        !relative.endsWith(after) ||
        relative.length < before.length + after.length
      )
        continue;
      const star = relative.slice(before.length, relative.length - after.length);
      if (star === '' || /\.d$/.test(star)) continue;
      const key = name.replace('*', star);
      expanded.set(key, [...(expanded.get(key) ?? []), `./${relative}`]);
    }
  }
  return [...expanded].sort(([a], [b]) => (a < b ? -1 : 1));
}

const listBuilt = (folder: string): string[] => listFiles(folder, (path) => /\.[cm]?[jt]s$/.test(path));
