import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

interface PackageOptions extends Options {
  /** Outputs besides those of the exports map. */
  readonly entries?: Record<string, string>;
}

/**
 * The build of every package: ESM and CJS with typings for each, one output per entry of the exports map, not minified.
 *
 * An export `./a/b` is built from `src/a/b.ts` or `src/a/b/index.ts`; `.` from `src/index.ts`. Everything
 * named in dependencies and peerDependencies stays external, and so do the package's own sub-paths, so that a
 * lazily imported sub-path is one module for all who import it, in both formats.
 */
export function packageConfig({
  entries = {},
  ...overrides
}: PackageOptions = {}): ReturnType<typeof defineConfig> {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
  return defineConfig({
    entry: { ...entriesOf(manifest), ...entries },
    format: ['esm', 'cjs'],
    target: 'es2022',
    platform: 'neutral',
    dts: true,
    clean: true,
    sourcemap: false,
    splitting: true,
    external: [manifest.name, new RegExp(`^${manifest.name}/`), /^node:/, /^@tensorflow\//],
    ...overrides,
  });
}

function entriesOf(manifest: { exports?: Record<string, unknown>; bin?: Record<string, string> }) {
  const entries: Record<string, string> = {};
  for (const key of Object.keys(manifest.exports ?? {})) {
    if (key === './package.json') continue;
    const name = key === '.' ? 'index' : key.slice(2);
    const file = [`src/${name}.ts`, `src/${name}/index.ts`].find((path) => existsSync(join(path)));
    if (!file) throw new Error(`tsup.base: export "${key}" has no source src/${name}.ts`);
    entries[file.slice('src/'.length, -'.ts'.length)] = file;
  }
  return entries;
}
