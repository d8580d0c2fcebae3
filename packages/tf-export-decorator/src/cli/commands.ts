/** What each command does and prints. */
import { statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { packedGolden, tarballGolden } from '../node/baseline';
import { checkPackage, formatChange, release } from '../node/check';
import { writeFiles } from '../node/files';
import { checkGenerated, generate, planEntryPoints } from '../node/generate';
import { createGolden } from '../node/golden/create';
import type { Golden } from '../node/golden/model';
import { goldenDrift, goldenFiles, readGolden } from '../node/golden/store';
import { lint } from '../node/lint';
import { type Package, workspacePackages } from '../node/package';
import { type Finding, formatFinding, InputError } from '../node/problems';
import { scan } from '../node/scan';
import { type Change, diffGoldens, requiredBump } from '../node/semver/diff';
import { shake } from '../node/shake';

export interface Flags {
  readonly help?: boolean;
  readonly cwd?: string;
  readonly json?: boolean;
  readonly md?: boolean;
  readonly check?: boolean;
  readonly update?: boolean;
  readonly 'write-exports'?: boolean;
  readonly base?: string;
  readonly strict?: boolean;
  readonly fix?: boolean;
  readonly budget?: string;
}

export interface Command {
  readonly flags: readonly (keyof Flags)[];
  /** How many arguments it takes. */
  readonly arguments: number;
  run(folder: string, flags: Flags, rest: readonly string[]): number | Promise<number>;
}

export const usage = `tf-export <command> [--cwd <folder>]

  scan [--json]                        names in the sources, and what is wrong with them
  generate [--check] [--write-exports] entry points from the names
  golden [--update | --check]          golden of the public API
  diff <old> <new> [--json | --md]     what changed; each a golden, a folder, a .tgz or npm:<name>@<version>
  check [--base <base>] [--strict]     entry points, golden and changesets; base: git ref, npm:<version>, file
  release                              make the present API the released one (in the version script)
  lint [--fix]                         findings; --fix writes missing /* @__PURE__ */
  shake [--budget <bytes>]             bundle one symbol per form

In a workspace root, a command runs for every public package.
Exit code: 0 fine, 1 findings, 2 usage, configuration or unreadable input.`;

export const commands: Readonly<Record<string, Command>> = {
  scan: {
    flags: ['json'],
    arguments: 0,
    run(folder, { json }) {
      const results = workspacePackages(folder).map((found) => ({ found, ...scan(found.folder) }));
      if (json) {
        console.log(
          JSON.stringify(
            results.map(({ found, exports, findings }) => ({ package: found.name, exports, findings })),
            null,
            2,
          ),
        );
      } else {
        for (const { found, exports } of results) {
          for (const { file, line, column, symbol, names, namesV1, deprecated } of exports) {
            const v1 = names.join() === namesV1.join() ? '' : ` v1 [${namesV1.join(', ')}]`;
            const old = deprecated.length > 0 ? ` deprecated [${deprecated.join(', ')}]` : '';
            console.log(
              `${pathOf(folder, found, file)}:${line}:${column} ${symbol} -> ${names.join(', ')}${v1}${old}`,
            );
          }
        }
      }
      return report(
        folder,
        results.map(({ found, findings }) => [found, findings] as const),
      );
    },
  },
  generate: {
    flags: ['check', 'write-exports'],
    arguments: 0,
    run(folder, flags) {
      const packages = workspacePackages(folder);
      const generating =
        packages.length === 1 ? packages : packages.filter(({ config }) => config.out !== undefined);
      return worst(
        generating.map((found) =>
          flags.check ? generateCheck(folder, found) : generateWrite(folder, found, flags),
        ),
      );
    },
  },
  golden: {
    flags: ['update', 'check'],
    arguments: 0,
    run(folder, flags) {
      if (flags.update && flags.check) throw new InputError('golden takes --update or --check, not both');
      return worst(workspacePackages(folder).map((found) => goldenOf(folder, found, flags)));
    },
  },
  diff: {
    flags: ['json', 'md', 'strict'],
    arguments: 2,
    run(folder, flags, [old = '', now = '']) {
      const changes = diffGoldens(goldenFrom(folder, old), goldenFrom(folder, now), { folder });
      const required = requiredBump(changes, flags);
      if (flags.json) console.log(JSON.stringify({ required, changes }, null, 2));
      else if (flags.md) console.log(markdownOf(changes, required));
      else {
        for (const change of changes) console.log(formatChange(change));
        console.log(
          `${count(changes)}; needs ${required === 'none' ? 'no release' : `a ${required} release`}`,
        );
      }
      return changes.length > 0 ? 1 : 0;
    },
  },
  check: {
    flags: ['base', 'strict'],
    arguments: 0,
    run(folder, { base, strict }) {
      return worst(
        workspacePackages(folder).map((found) => {
          const { problems, notes, changes, name, required, declared } = checkPackage(found, {
            base,
            strict,
          });
          for (const problem of problems) console.error(problem);
          for (const note of notes) console.log(note);
          if (problems.length === 0)
            console.log(`${name}: ${count(changes)}, needs ${required}, changesets say ${declared}`);
          return problems.length > 0 ? 1 : 0;
        }),
      );
    },
  },
  release: {
    flags: [],
    arguments: 0,
    run(folder) {
      for (const found of workspacePackages(folder))
        console.log(`wrote ${relative(folder, release(found.folder))}`);
      return 0;
    },
  },
  lint: {
    flags: ['fix'],
    arguments: 0,
    run(folder, { fix }) {
      const results = workspacePackages(folder).map((found) => [found, lint(found.folder, { fix })] as const);
      const fixed = results.reduce((sum, [, result]) => sum + result.fixed, 0);
      if (fixed > 0) console.log(`annotated ${fixed} exports`);
      return report(
        folder,
        results.map(([found, { findings }]) => [found, findings] as const),
      );
    },
  },
  shake: {
    flags: ['budget', 'json'],
    arguments: 0,
    async run(folder, { budget, json }) {
      const limit = budget === undefined ? Number.POSITIVE_INFINITY : Number(budget);
      if (!(limit > 0)) throw new InputError(`--budget must be a number of bytes, got ${budget}`);
      const rows = (
        await Promise.all(workspacePackages(folder).map(({ folder: path }) => shake(path)))
      ).flat();
      if (json) console.log(JSON.stringify(rows, null, 2));
      else {
        for (const { form, symbol, file, bytes, kept } of rows) {
          const rest =
            kept.length > 0 ? `, keeps ${kept.length} others (${kept.slice(0, 3).join(', ')})` : '';
          console.log(`${form.padEnd(9)} ${symbol} of ${file}: ${bytes} bytes${rest}`);
        }
      }
      return rows.some(({ bytes }) => bytes > limit) ? 1 : 0;
    },
  },
};

const worst = (codes: readonly number[]): number => Math.max(0, ...codes);

const pathOf = (folder: string, found: Package, file: string) =>
  relative(folder, join(found.folder, file)) || file;

function report(folder: string, results: readonly (readonly [Package, readonly Finding[]])[]): number {
  const all = results.flatMap(([found, findings]) =>
    findings.map((finding) =>
      finding.file === undefined ? finding : { ...finding, file: pathOf(folder, found, finding.file) },
    ),
  );
  for (const finding of all) console.error(formatFinding(finding));
  return all.length > 0 ? 1 : 0;
}

function generateCheck(folder: string, found: Package): number {
  const planned = planEntryPoints(found.folder);
  const drift = checkGenerated(found.folder, planned);
  for (const text of drift) console.error(text);
  if (drift.length > 0)
    console.error(`TFX020 ${found.name}: generated entry points are out of date; run tf-export generate`);
  return worst([report(folder, [[found, planned.findings]]), drift.length > 0 ? 1 : 0]);
}

function generateWrite(folder: string, found: Package, flags: Flags): number {
  const planned = generate(found.folder, { writeExports: flags['write-exports'] ?? false });
  const left = planned.findings.filter(
    ({ code, file }) => !(flags['write-exports'] && code === 'TFX020' && file === 'package.json'),
  );
  const blocking = left.some(({ code }) => code !== 'TFX010' && code !== 'TFX020');
  console.log(
    blocking ? 'nothing was written' : `wrote ${planned.files.size} files, removed ${planned.stale.length}`,
  );
  return report(folder, [[found, left]]);
}

function goldenOf(folder: string, found: Package, { update, check }: Flags): number {
  const golden = createGolden(found.folder);
  if (update) {
    const files = goldenFiles(found, golden);
    writeFiles(files);
    for (const path of files.keys()) console.log(`wrote ${relative(folder, path)}`);
    return 0;
  }
  if (!check) {
    console.log([...goldenFiles(found, golden).values()][1]);
    return 0;
  }
  const drift = goldenDrift(found, golden);
  if (drift === undefined) return 0;
  console.error(`TFX020 ${found.name}: public API changed; run tf-export golden --update\n${drift}`);
  return 1;
}

function goldenFrom(folder: string, given: string): Golden {
  if (given.startsWith('npm:')) return packedGolden(given.slice('npm:'.length), folder);
  const path = resolve(folder, given);
  const kind = statSync(path, { throwIfNoEntry: false });
  if (!kind) throw new InputError(`${path}: does not exist`);
  if (kind.isDirectory()) return createGolden(path);
  if (/\.(tgz|tar\.gz)$/.test(path)) return tarballGolden(path, folder);
  return readGolden(path)!;
}

function count(changes: readonly Change[]): string {
  const of = (level: Change['level']) => changes.filter((change) => change.level === level).length;
  const levels = (['major', 'minor', 'patch', 'review'] as const).filter((level) => of(level) > 0);
  return levels.length === 0
    ? 'no change of the API'
    : levels.map((level) => `${of(level)} ${level}`).join(', ');
}

function markdownOf(changes: readonly Change[], required: string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = changes.map(({ level, name, text }) => `| ${level} | \`${cell(name)}\` | ${cell(text)} |`);
  return [`Needs: **${required}**`, '', '| level | name | change |', '| --- | --- | --- |', ...rows].join(
    '\n',
  );
}
