/** A package on disk, and the packages of a workspace. */
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, readConfig } from './config';
import { readJson, readText } from './files';
import { InputError } from './problems';

/** What is read of a package.json. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly main?: string;
  readonly types?: string;
  readonly typings?: string;
  readonly exports?: unknown;
  readonly workspaces?: readonly string[] | { readonly packages?: readonly string[] };
}

/** A package as it lies in a folder. */
export interface Package {
  readonly folder: string;
  readonly name: string;
  readonly manifest: Manifest;
  readonly config: Config;
}

/** The package in a folder. @throws InputError if there is no usable package.json. */
export function readPackage(folder: string): Package {
  const path = join(resolve(folder), 'package.json');
  const manifest = readJson(path) as Manifest | undefined;
  if (manifest === undefined) throw new InputError(`${path}: does not exist; run tf-export in a package`);
  if (typeof manifest !== 'object' || manifest === null) throw new InputError(`${path}: must be an object`);
  const name = manifest.name ?? '';
  if (typeof name !== 'string') throw new InputError(`${path}: name must be a string`);
  return { folder: resolve(folder), name, manifest, config: readConfig(folder) };
}

/** The name without its scope, as files are called. */
export const shortName = ({ name }: Pick<Package, 'name'>): string =>
  name.replace(/^@[^/]*\//, '') || 'package';

/**
 * The public packages of the workspace in a folder (npm, yarn, pnpm), sorted by name; the package itself if it is no
 * workspace root. Private packages have no public API.
 */
export function workspacePackages(folder: string): Package[] {
  const root = readPackage(folder);
  const patterns = workspacePatterns(root);
  if (patterns.length === 0) return [root];
  const excluded = new Set(
    patterns
      .filter((pattern) => pattern.startsWith('!'))
      .flatMap((pattern) => expand(root.folder, pattern.slice(1))),
  );
  const folders = new Set(
    patterns.filter((pattern) => !pattern.startsWith('!')).flatMap((pattern) => expand(root.folder, pattern)),
  );
  return [...folders]
    .filter((path) => !excluded.has(path) && readText(join(path, 'package.json')) !== undefined)
    .map(readPackage)
    .filter(({ manifest }) => manifest.private !== true)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every package name of the workspace, private ones included: what a changeset may speak of. */
export function workspaceNames(folder: string): string[] {
  const root = readPackage(folder);
  const folders = workspacePatterns(root).flatMap((pattern) =>
    expand(root.folder, pattern.replace(/^!/, '')),
  );
  return [root.folder, ...folders].flatMap((path) => {
    const manifest = readJson(join(path, 'package.json')) as Manifest | undefined;
    return manifest?.name ? [manifest.name] : [];
  });
}

/** The nearest folder above (or at) a folder that has a `.changeset` folder or is a workspace root. */
export function findWorkspaceRoot(folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const manifest = readJson(join(at, 'package.json')) as Manifest | undefined;
    const isRoot =
      manifest?.workspaces !== undefined ||
      readText(join(at, 'pnpm-workspace.yaml')) !== undefined ||
      readText(join(at, '.changeset', 'config.json')) !== undefined;
    if (isRoot) return at;
    if (dirname(at) === at) return resolve(folder);
  }
}

function workspacePatterns({ folder, manifest: { workspaces } }: Package): string[] {
  const listed = Array.isArray(workspaces)
    ? workspaces
    : ((workspaces as { packages?: readonly string[] } | undefined)?.packages ?? []);
  return [...listed, ...pnpmPatterns(readText(join(folder, 'pnpm-workspace.yaml')) ?? '')];
}

/** The list under `packages:` of a pnpm-workspace.yaml: one quoted or bare pattern a line. */
function pnpmPatterns(yaml: string): string[] {
  const list =
    /^packages:[^\S\n]*\n((?:[^\S\n]*-[^\n]*\n?|[^\S\n]*#[^\n]*\n?|[^\S\n]*\n)*)/m.exec(yaml)?.[1] ?? '';
  return [...list.matchAll(/^[^\S\n]*-[^\S\n]*(['"]?)(.+?)\1[^\S\n]*(?:#.*)?$/gm)].map(
    (match) => match[2] ?? '',
  );
}

/** The folders that a workspace pattern names; `*` stands for one level, `**` for any. */
function expand(root: string, pattern: string): string[] {
  let folders = [root];
  for (const part of pattern.split('/').filter((piece) => piece !== '' && piece !== '.')) {
    if (part === '**') folders = folders.flatMap((folder) => [folder, ...deepFolders(folder)]);
    else if (part.includes('*')) {
      const matcher = new RegExp(`^${part.split('*').map(escapeRegExp).join('.*')}$`);
      folders = folders.flatMap((folder) =>
        childFolders(folder).filter((path) => matcher.test(baseName(path))),
      );
    } else folders = folders.map((folder) => join(folder, part));
  }
  return folders;
}

const escapeRegExp = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
const baseName = (path: string) => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
const deepFolders = (folder: string): string[] =>
  childFolders(folder).flatMap((child) => [child, ...deepFolders(child)]);

function childFolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
      .map((entry) => join(folder, entry.name))
      .sort();
  } catch {
    return [];
  }
}
