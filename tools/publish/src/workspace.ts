/** The public packages of this repository, read from their folders: nothing here is a list kept by hand. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
  readonly 'size-limit'?: readonly { readonly path: string; readonly import?: string }[];
}

export interface PublicPackage {
  /** The folder's name under packages/, `spp`. */
  readonly id: string;
  /** `@tfkit/spp`. */
  readonly name: string;
  readonly folder: string;
  readonly manifest: Manifest;
}

export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

/** All packages that are published, core first, the others by name. */
export function publicPackages(base = root): PublicPackage[] {
  return readdirSync(join(base, 'packages'))
    .filter((id) => existsSync(join(base, 'packages', id, 'package.json')))
    .map((id) => {
      const folder = join(base, 'packages', id);
      const manifest = readJson<Manifest>(join(folder, 'package.json'));
      return { id, name: manifest.name, folder, manifest };
    })
    .filter(({ manifest }) => !manifest.private)
    .sort((a, b) => Number(b.id === 'core') - Number(a.id === 'core') || a.id.localeCompare(b.id));
}

/** What npm installs with a package: its dependencies and the peers that are not optional, and theirs in turn. */
export function requiredBy(manifest: Manifest): string[] {
  const peers = Object.keys(manifest.peerDependencies ?? {});
  return [
    ...Object.keys(manifest.dependencies ?? {}),
    ...peers.filter((peer) => !manifest.peerDependenciesMeta?.[peer]?.optional),
  ];
}
