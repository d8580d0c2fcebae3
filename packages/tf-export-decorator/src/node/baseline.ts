/** What the API is compared with: the released golden, a git ref, a published version, a tarball, a folder. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createGolden } from './golden/create';
import type { Golden } from './golden/model';
import { goldenPaths, parseGolden, readGolden } from './golden/store';
import type { Package } from './package';
import { InputError, messageOf } from './problems';

/**
 * The baseline of a package, or undefined if it was never released.
 *
 * @param base undefined: `released.api.json`; `npm:1.2.3`, `npm:latest`: that published version; a path to a `.tgz`, a
 *   golden or a package folder; else a git ref, whose committed golden is read.
 */
export function readBaseline(found: Package, base?: string): Golden | undefined {
  const paths = goldenPaths(found);
  if (base === undefined) return readGolden(paths.released);
  if (base.startsWith('npm:'))
    return packedGolden(`${found.name}@${base.slice('npm:'.length)}`, found.folder);
  const path = resolve(base);
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind?.isDirectory()) return createGolden(path);
  if (kind && /\.(tgz|tar\.gz)$/.test(path)) return tarballGolden(path, found.folder);
  if (kind && path.endsWith('.json')) return readGolden(path);
  return goldenAtRef(found, base, paths.json);
}

function goldenAtRef({ folder }: Package, ref: string, path: string): Golden | undefined {
  const git = (...args: string[]) =>
    spawnSync('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (ref.startsWith('-') || git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`).status !== 0) {
    throw new InputError(`--base ${ref}: is no git ref, file, folder or npm:<version>`);
  }
  const name = `./${relative(folder, path).split(sep).join('/')}`;
  const shown = git('show', `${ref}:${name}`);
  return shown.status === 0 ? parseGolden(shown.stdout, `${ref}:${name}`) : undefined;
}

/** The golden of a published version, fetched with `npm pack`. @throws InputError if npm cannot fetch it. */
export function packedGolden(spec: string, folder: string): Golden {
  const target = mkdtempSync(join(tmpdir(), 'tf-export-'));
  try {
    const { status, stdout, stderr } = spawnSync(
      'npm',
      ['pack', spec, '--silent', '--ignore-scripts', '--pack-destination', target],
      {
        cwd: target,
        encoding: 'utf8',
        shell: process.platform === 'win32',
      },
    );
    const file = stdout?.trim().split('\n').at(-1);
    if (status !== 0 || !file) {
      throw new InputError(`npm pack ${spec}: failed (${stderr?.trim().split('\n')[0] ?? 'npm not found'})`);
    }
    return tarballGolden(join(target, file), folder);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

/**
 * The golden of a packed package, by its typings. Its dependencies are looked for from `folder`.
 *
 * @throws InputError if the input is not as described.
 */
export function tarballGolden(path: string, folder: string): Golden {
  let files: Map<string, Uint8Array>;
  try {
    files = readTarball(readFileSync(path));
  } catch (error) {
    throw new InputError(`${path}: is no npm package (${messageOf(error)})`);
  }
  // Below node_modules, so that the packages it needs are found from there.
  const cache = join(folder, 'node_modules', '.cache', 'tf-export');
  mkdirSync(cache, { recursive: true });
  const target = mkdtempSync(join(cache, 'package-'));
  try {
    for (const [name, bytes] of files) {
      if (!/(\.d\.[cm]?ts|\.json|\.[cm]?ts)$/.test(name)) continue;
      const file = join(target, name);
      if (!file.startsWith(target + sep))
        throw new InputError(`${path}: holds a path outside the package: ${name}`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
    return createGolden(target, { prefer: 'typings' });
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

/** The files of a gzipped tar archive, without the folder `package/` around them. */
export function readTarball(bytes: Uint8Array): Map<string, Uint8Array> {
  const tar = gunzipSync(bytes);
  const files = new Map<string, Uint8Array>();
  const text = (at: number, length: number) => tar.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  let longName: string | undefined;
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = text(at, 100);
    if (name === '') break;
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    if (!Number.isSafeInteger(size) || size < 0 || at + 512 + size > tar.length)
      throw new Error('broken tar header');
    const kind = text(at + 156, 1);
    const body = tar.subarray(at + 512, at + 512 + size);
    if (kind === 'x') longName = /\d+ path=([^\n]*)\n/.exec(body.toString('utf8'))?.[1];
    else if (kind === '0' || kind === '') {
      const prefix = text(at + 257, 5) === 'ustar' ? text(at + 345, 155) : '';
      const path = longName ?? (prefix ? `${prefix}/${name}` : name);
      files.set(path.replace(/^[^/]*\//, ''), body);
      longName = undefined;
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
