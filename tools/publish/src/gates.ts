/** What must hold of every package before it may be published, beside what publint, attw, size-limit and knip check. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import satisfies from 'spdx-satisfies';
import { undocumented } from './docstrings';
import { run } from './processes';
import { outdatedReadmes } from './readme';
import { type PublicPackage, publicPackages, readJson, root } from './workspace';

interface LockedPackage {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Problems found, or why the gate could not be tried here. */
type Verdict = readonly string[] | { readonly skipped: string };

const table: Readonly<Record<string, (packages: readonly PublicPackage[]) => Verdict | Promise<Verdict>>> = {
  'lockfile free of host names': () => lockfileHosts(),
  'licences of what users install': (packages) => licences(packages),
  'advisories of what users install': () => advisories(),
  'imports are listed': (packages) => packages.flatMap(unlistedImports),
  'a size budget for each entry': (packages) => packages.flatMap(entriesWithoutBudget),
  'manifests and licence files': (packages) => packages.flatMap(manifestProblems),
  'docstrings of public symbols': (packages) => undocumented(packages),
  'README tables': () => outdatedReadmes(),
};

/** Runs all, prints a line for each, and gives the exit code. */
export async function runGates(): Promise<number> {
  const packages = publicPackages();
  let failed = false;
  for (const [name, gate] of Object.entries(table)) {
    const verdict = await gate(packages);
    if ('skipped' in verdict) console.log(`skipped: ${name}: ${verdict.skipped}`);
    else if (verdict.length > 0) {
      failed = true;
      console.error(`FAILED: ${name}\n${verdict.map((problem) => `  ${problem}`).join('\n')}`);
    } else console.log(`passed: ${name}`);
  }
  return failed ? 1 : 0;
}

function lockedPackages(): Record<string, LockedPackage> {
  const lockfile = join(root, 'package-lock.json');
  return readJson<{ packages: Record<string, LockedPackage> }>(lockfile).packages;
}

function lockfileHosts(): string[] {
  return Object.entries(lockedPackages())
    .filter(([, { resolved }]) => resolved?.includes('://'))
    .map(
      ([path]) => `${path} names a host; .npmrc's omit-lockfile-registry-resolved keeps it out: npm install`,
    );
}

const allowed = ['Apache-2.0', 'MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0'];

/** What comes with a package through dependencies and peers, the optional ones too, and theirs in turn. */
function licences(packages: readonly PublicPackage[]): string[] {
  const locked = lockedPackages();
  const paths = new Set<string>();
  const visit = (name: string, from: string) => {
    const path = locate(name, from, locked);
    if (path === undefined || paths.has(path)) return;
    paths.add(path);
    const { dependencies = {}, peerDependencies = {} } = locked[path]!;
    for (const next of Object.keys({ ...dependencies, ...peerDependencies })) visit(next, path);
  };
  for (const { id, manifest } of packages) {
    const { dependencies = {}, peerDependencies = {} } = manifest;
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) visit(name, `packages/${id}`);
  }
  return [...paths]
    .filter((path) => !locked[path]!.link)
    .filter((path) => !isAllowed(locked[path]!.license))
    .map(
      (path) => `${path}: licence ${locked[path]!.license ?? 'not told'}; allowed are ${allowed.join(', ')}`,
    );
}

/** Where Node would find a package from a folder of the lockfile; undefined for an optional peer that is not here. */
function locate(name: string, from: string, locked: Record<string, LockedPackage>): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (locked[path]) return path;
    if (folder === '') return undefined;
  }
}

function isAllowed(licence: string | undefined): boolean {
  try {
    return licence !== undefined && satisfies(licence, allowed);
  } catch {
    return false;
  }
}

async function advisories(): Promise<Verdict> {
  try {
    await run('npm', ['audit', '--omit=dev', '--audit-level=low'], { cwd: root, timeout: 60_000 });
    return [];
  } catch (error) {
    const text = (error as Error).message;
    if (/endpoint returned an error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(text)) {
      return { skipped: 'the registry does not answer `npm audit` here' };
    }
    return text.split('\n').slice(1);
  }
}

const builtins = new Set(builtinModules);

/** Packages that a dist folder imports, in code or typings, and that its package.json does not name. */
function unlistedImports({ name, folder, manifest }: PublicPackage): string[] {
  const { dependencies = {}, peerDependencies = {} } = manifest;
  const listed = new Set([name, ...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
  const dist = join(folder, 'dist');
  const files = readdirSync(dist, { recursive: true }).map(String);
  const unlisted = new Set<string>();
  for (const file of files.filter((each) => /\.(c?js|d\.c?ts)$/.test(each))) {
    const text = readFileSync(join(dist, file), 'utf8');
    for (const match of text.matchAll(
      /^(?:import|export)\b[^'"\n]*['"]([^'".][^'"]*)['"]|\brequire\(['"]([^'".][^'"]*)['"]\)/gm,
    )) {
      const specifier = (match[1] ?? match[2])!;
      const imported = specifier
        .split('/')
        .slice(0, specifier[0] === '@' ? 2 : 1)
        .join('/');
      if (specifier.startsWith('node:') || builtins.has(imported) || listed.has(imported)) continue;
      unlisted.add(`${name}: dist/${file} imports ${imported}, which package.json does not name`);
    }
  }
  return [...unlisted];
}

/** Entries that are one module loaded lazily by another, or started as a program: they are in no user's bundle by name. */
const unbudgeted = /^\.\/(package\.json$|worker\/|kernels\/wasm-module$|gradients\/table$)/;

function entriesWithoutBudget({ name, manifest }: PublicPackage): string[] {
  const budgets = new Set((manifest['size-limit'] ?? []).map(({ path }) => path.replace(/^\.\//, '')));
  return Object.entries(manifest.exports ?? {})
    .filter(([key]) => !unbudgeted.test(key))
    .map(([key, target]) => [key, esmTarget(target)] as const)
    .filter(([, file]) => file !== undefined && !budgets.has(file))
    .map(([key, file]) => `${name}: the entry ${key} (${file}) has no size-limit in package.json`);
}

/** The file that an ESM importer gets: `dist/x.js`. */
function esmTarget(target: unknown): string | undefined {
  if (typeof target === 'string') return target.replace(/^\.\//, '');
  const conditions = target as Record<string, unknown>;
  const next = conditions.import ?? conditions.node ?? conditions.default;
  return next === undefined ? undefined : esmTarget(next);
}

function manifestProblems({ name, folder, manifest }: PublicPackage): string[] {
  const { publishConfig, license, files = [] } = manifest;
  const own = (file: string) => readFileSync(join(folder, file), 'utf8');
  const problems = [
    publishConfig?.access === 'public' && publishConfig.provenance ? '' : 'publishConfig: public, provenance',
    license === 'Apache-2.0' ? '' : 'license: Apache-2.0',
    files.includes('CHANGELOG.md') ? '' : 'files: CHANGELOG.md',
    own('LICENSE') === readFileSync(join(root, 'LICENSE'), 'utf8') ? '' : "LICENSE: the repository's",
    own('README.md').startsWith(`# ${name}\n`) ? '' : `README.md: begins with # ${name}`,
  ];
  return problems.filter(Boolean).map((problem) => `${name} wants ${problem}`);
}
