/** Small packages on disk for the tests, removed when the file's tests end. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, '..', '..', '..', 'node_modules');

export const tsconfig = JSON.stringify({
  compilerOptions: {
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'bundler',
    strict: true,
    noEmit: true,
    types: [],
  },
  include: ['src'],
});

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A package with these files, and the workspace's node_modules beside them so that imports resolve. */
export function project(files: Readonly<Record<string, string>>, manifest: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'tfx-test-'));
  folders.push(folder);
  const all = {
    'package.json': JSON.stringify(
      { name: 'sample', version: '1.0.0', type: 'module', ...manifest },
      null,
      2,
    ),
    'tsconfig.json': tsconfig,
    ...files,
  };
  writeAll(folder, all);
  symlinkSync(modules, join(folder, 'node_modules'), 'dir');
  return folder;
}

/** Writes (more) files into a folder. */
export function writeAll(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** `import { tfExport, ... }` as sources have it. */
export const importLine =
  "import { createApiExport, kerasExport, tfExport } from '@tfkit/tf-export-decorator';\n";

/** The exports map of a package with one entry point. */
export const oneEntry = { exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } } };
