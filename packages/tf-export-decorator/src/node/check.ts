/** The gate: entry points and golden are up to date, and a change of the API comes with a fitting changeset. */

import { readBaseline } from './baseline';
import { readChangesets } from './changesets';
import { writeFiles } from './files';
import { checkGenerated, planEntryPoints } from './generate';
import { createGolden } from './golden/create';
import type { Golden } from './golden/model';
import { goldenDrift, goldenPaths, goldenText } from './golden/store';
import { findWorkspaceRoot, type Package, readPackage, workspaceNames, workspacePackages } from './package';
import { formatFinding } from './problems';
import { scan } from './scan';
import type { Level } from './semver/compare';
import { type Change, diffGoldens, requiredBump } from './semver/diff';

export interface CheckOptions {
  /** See `readBaseline`. */
  readonly base?: string;
  /** Whether changes that cannot be judged count as breaking. Default false. */
  readonly strict?: boolean;
}

/** What the check found in one package. */
export interface CheckedPackage {
  readonly name: string;
  /** Lines to print: findings, diffs, what to do. Empty when all is well. */
  readonly problems: readonly string[];
  /** What is worth knowing and fails nothing. */
  readonly notes: readonly string[];
  readonly changes: readonly Change[];
  readonly required: Level | 'none';
  readonly declared: Level | 'none';
}

const order = ['none', 'patch', 'minor', 'major'] as const;

/**
 * Checks every public package of the workspace in a folder, or the one package that it is.
 *
 * @throws InputError if a manifest, a changeset or a golden cannot be read.
 */
export function checkWorkspace(folder: string, options: CheckOptions = {}): CheckedPackage[] {
  return workspacePackages(folder).map((found) => checkPackage(found, options));
}

/** Checks one package. @throws InputError for input that cannot be read. */
export function checkPackage(found: Package, options: CheckOptions = {}): CheckedPackage {
  const { folder, name, config } = found;
  const golden = createGolden(folder);
  const problems = [
    ...(config.out === undefined ? scan(folder).findings.map(formatFinding) : generatedProblems(folder)),
    ...driftProblems(found, golden),
  ];
  const root = findWorkspaceRoot(folder);
  const { levels, files } = readChangesets(root, [...workspaceNames(root), name]);
  const declared = levels.get(name) ?? 'none';
  const baseline = readBaseline(found, options.base);
  if (!baseline) {
    const notes = [`${name}: no released baseline yet; tf-export release makes one`];
    return { name, problems, notes, changes: [], required: 'none', declared };
  }
  const changes = diffGoldens(baseline, golden, { folder, defaultChange: config.defaultChange });
  const required = soften(requiredBump(changes, options), found);
  if (order.indexOf(required) > order.indexOf(declared)) {
    problems.push(changesetProblem(name, changes, required, declared, files.get(name) ?? []));
  }
  const notes = changes
    .filter(({ level }) => level === 'review')
    .map((change) => `${name}: look at this by hand: ${change.name}: ${change.text}`);
  return { name, problems, notes, changes, required, declared };
}

/** A break of a 0.x version is a minor release, as changesets has it. */
function soften(level: Level | 'none', { manifest, config }: Package): Level | 'none' {
  const isZero = (manifest.version ?? '0').startsWith('0.');
  return level === 'major' && isZero ? config.zeroMajor : level;
}

function generatedProblems(folder: string): string[] {
  const planned = planEntryPoints(folder);
  const drift = checkGenerated(folder, planned);
  return [
    ...planned.findings.map(formatFinding),
    ...(drift.length > 0
      ? [`TFX020 generated entry points are out of date; run tf-export generate\n${drift.join('\n')}`]
      : []),
  ];
}

function driftProblems(found: Package, golden: Golden): string[] {
  const drift = goldenDrift(found, golden);
  if (drift === undefined) return [];
  return [
    `TFX020 ${found.name}: public API changed; run tf-export golden --update and commit the result\n${drift}`,
  ];
}

function changesetProblem(
  name: string,
  changes: readonly Change[],
  required: Level | 'none',
  declared: Level | 'none',
  files: readonly string[],
): string {
  const [gravest] = changes;
  const said = files.length > 0 ? `${files.join(', ')} says ${declared}` : 'there is none; run npx changeset';
  const head = `TFX021 ${name} needs a ${required} changeset (${gravest?.name}: ${gravest?.text}) but ${said}`;
  return [head, ...changes.map(formatChange)].join('\n');
}

/** `  major  nn.conv2d: parameter "pad" became required` */
export const formatChange = ({ level, name, text }: Change): string =>
  `  ${level.padEnd(6)} ${name}: ${text}`;

/** Makes the present golden the released one. @returns the file written. */
export function release(folder: string): string {
  const found = readPackage(folder);
  const { released } = goldenPaths(found);
  writeFiles(new Map([[released, goldenText(createGolden(folder))]]));
  return released;
}
