/**
 * `npm run release:dry [-- --contents]`: what a release would publish now. The API check; versions and CHANGELOGs as
 * changesets makes them, in a copy of the repository that is removed again; every tarball with its size and contents,
 * access and provenance. Nothing in the working tree changes, and no registry is asked.
 */
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from './processes';
import { publicPackages, root } from './workspace';

interface Packed {
  readonly name: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Files that a tarball must not hold: sources of tests and benches, and what only this repository uses. */
const foreign = /^(src|test|bench|scripts|assembly|api)\/|tsconfig|\.test\.|\.map$/;
const required = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];

export async function releaseDry(contents: boolean): Promise<number> {
  const before = await state();
  const copy = await mkdtemp(join(tmpdir(), 'tfkit-release-'));
  try {
    await copyWorkingTree(copy);
    console.log((await tfExport('check', copy)).trim());
    const versions = new Map(publicPackages(copy).map(({ name, manifest }) => [name, manifest.version]));
    await run(process.execPath, [join(root, 'node_modules/@changesets/cli/bin.js'), 'version'], {
      cwd: copy,
    });
    await tfExport('release', copy);

    const problems: string[] = [];
    const released = publicPackages(copy).filter(
      ({ name, manifest }) => versions.get(name) !== manifest.version,
    );
    console.log(
      released.length > 0 ? '\nWould be published:\n' : '\nNothing to publish: there is no changeset.',
    );
    for (const { name, folder, manifest } of released) {
      const [packed] = Object.values(
        JSON.parse(await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: folder })),
      ) as [Packed];
      const { access, provenance } = manifest.publishConfig ?? {};
      console.log(
        `${name} ${versions.get(name)} -> ${manifest.version}: ${packed.files.length} files, ` +
          `${kilobytes(packed.size)} packed, ${kilobytes(packed.unpackedSize)} unpacked; ` +
          `access ${access}, provenance ${provenance}`,
      );
      if (contents) for (const { path, size } of packed.files) console.log(`    ${path} ${kilobytes(size)}`);
      problems.push(...problemsOf(name, packed, manifest.publishConfig));
      console.log(indent(await readFile(join(folder, 'CHANGELOG.md'), 'utf8')));
    }
    if ((await state()) !== before) problems.push('the working tree has changed');
    for (const problem of problems) console.error(`release:dry: ${problem}`);
    console.log(
      'The release itself: npm run release:version, commit, npm run release:publish (builds again first).',
    );
    return problems.length > 0 ? 1 : 0;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function problemsOf(
  name: string,
  packed: Packed,
  config: { access?: string; provenance?: boolean } = {},
): string[] {
  const paths = packed.files.map(({ path }) => path);
  return [
    ...required.filter((path) => !paths.includes(path)).map((path) => `${name}: the tarball lacks ${path}`),
    ...paths.filter((path) => foreign.test(path)).map((path) => `${name}: the tarball must not hold ${path}`),
    ...(paths.some((path) => path.startsWith('dist/')) ? [] : [`${name}: nothing is built`]),
    ...(config.access === 'public' && config.provenance
      ? []
      : [`${name}: publishConfig must say public, provenance`]),
  ];
}

/** The commit and its uncommitted changes, with the history that changesets reads, and what is built. */
async function copyWorkingTree(copy: string): Promise<void> {
  await run('git', ['clone', '--quiet', '--shared', root, copy]);
  for (const file of await list(['-m', '-o', '--exclude-standard'])) {
    await mkdir(dirname(join(copy, file)), { recursive: true });
    await copyFile(join(root, file), join(copy, file)).catch(() => rm(join(copy, file), { force: true }));
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const { id, folder } of publicPackages()) {
    await cp(join(folder, 'dist'), join(copy, 'packages', id, 'dist'), { recursive: true });
  }
}

async function list(options: readonly string[]): Promise<string[]> {
  const names = await run('git', ['ls-files', '-z', ...options], { cwd: root });
  return names.split('\0').filter(Boolean);
}

/** The commit and what differs from it. */
async function state(): Promise<string> {
  const head = await run('git', ['rev-parse', 'HEAD'], { cwd: root });
  return head + (await run('git', ['status', '--porcelain'], { cwd: root }));
}

function tfExport(command: string, cwd: string): Promise<string> {
  return run(process.execPath, [join(root, 'packages/tf-export-decorator/dist/cli/main.js'), command], {
    cwd,
  });
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
const indent = (text: string) => text.trim().replace(/^(?=.)/gm, '    ');
