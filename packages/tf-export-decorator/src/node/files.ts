/** Files: listing sources, paths with forward slashes, and writes that are whole or not there. */
import {
  type Dirent,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { errorCode, InputError, messageOf } from './problems';

/** A path relative to a folder, with forward slashes. */
export const relativePath = (folder: string, path: string): string =>
  relative(folder, path).split(sep).join('/');

/** The text of a file, or undefined if there is no such file. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw new InputError(`${path}: cannot be read (${messageOf(error)})`);
  }
}

/** A JSON file's content, or undefined if there is no such file. @throws InputError if it is no JSON. */
export function readJson(path: string): unknown {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: is not valid JSON (${messageOf(error)})`);
  }
}

/** Writes all of the files, or leaves the old ones: each is written beside its target, then renamed. */
export function writeFiles(files: ReadonlyMap<string, string>): void {
  const pending: [temporary: string, path: string][] = [];
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(path), { recursive: true });
      const temporary = `${path}.${process.pid}.tmp`;
      pending.push([temporary, path]);
      writeFileSync(temporary, text);
    }
    for (const [temporary, path] of pending) renameSync(temporary, path);
  } catch (error) {
    for (const [temporary] of pending) rmSync(temporary, { force: true });
    throw new InputError(`${[...files.keys()].at(-1)}: cannot be written (${messageOf(error)})`);
  }
}

const skipped = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** Every file below a folder that passes, sorted, as absolute paths. Folders of builds and packages are left out. */
export function listFiles(folder: string, accepts: (path: string) => boolean): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(path, accepts);
      return entry.isFile() && accepts(path) ? [path] : [];
    });
}

/** Whether a file is TypeScript (or JavaScript) source that is part of a library: no typings, no tests. */
export const isSource = (path: string): boolean =>
  /\.[cm]?[jt]sx?$/.test(path) &&
  !/\.d\.[cm]?ts$/.test(path) &&
  !/\.(test|spec|test-d|bench|stories)\.[cm]?[jt]sx?$/.test(path);
