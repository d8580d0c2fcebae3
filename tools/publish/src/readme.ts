/**
 * `npm run readme [-- --check]`: the benchmark table of every package's README, taken from `benchmarks/results/<package>.md`,
 * between two comments. The check also holds each README to the common pattern of sections, and the root README to the
 * list of packages.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PublicPackage, publicPackages, root } from './workspace';

const begin = '<!-- benchmarks: made by `npm run readme` -->';
const end = '<!-- /benchmarks -->';
/** Rows that a README shows; the page has them all. */
const shown = 12;

/** What every README has, in this order; others may come between. */
const sections: readonly (readonly [string, RegExp])[] = [
  ['Install', /^## Install$/m],
  ['Use', /^## (Use|Names, in three forms)$/m],
  ['Functions', /^## (Functions|Methods|Commands)/m],
  ['Limits', /^## Limits/m],
  ['Benchmarks', /^## Benchmarks$/m],
  ['Sources', /^## Sources$/m],
];

export async function readme(check: boolean): Promise<number> {
  const problems = check ? outdatedReadmes() : publicPackages().flatMap(update);
  for (const problem of problems) console.error(`readme: ${problem}`);
  return problems.length > 0 ? 1 : 0;
}

/** A line for each README that is not what this program would write, or lacks a section. */
export function outdatedReadmes(): string[] {
  const packages = publicPackages();
  const main = readFileSync(join(root, 'README.md'), 'utf8');
  const tables = main.split(/^## /m);
  return [
    ...packages.flatMap((entry) => {
      const text = readFileSync(join(entry.folder, 'README.md'), 'utf8');
      const wanted = withTable(entry, text);
      if (typeof wanted !== 'string') return wanted.problems;
      const stale = wanted === text ? [] : [`${entry.name}: README.md is out of date: npm run readme`];
      return [...stale, ...missingSections(entry, text)];
    }),
    ...['Packages', 'What the peers lack'].flatMap((title) => {
      const table = tables.find((section) => section.startsWith(title)) ?? '';
      return packages
        .filter(({ id }) => !table.includes(`(packages/${id})`))
        .map(({ name }) => `README.md: the table '${title}' lacks ${name}`);
    }),
  ];
}

function update(entry: PublicPackage): readonly string[] {
  const file = join(entry.folder, 'README.md');
  const wanted = withTable(entry, readFileSync(file, 'utf8'));
  if (typeof wanted !== 'string') return wanted.problems;
  writeFileSync(file, wanted);
  return [];
}

function missingSections({ name }: PublicPackage, text: string): string[] {
  const places = sections.map(([title, pattern]) => [title, text.search(pattern)] as const);
  const missing = places
    .filter(([, place]) => place < 0)
    .map(([title]) => `${name}: README.md has no '## ${title}'`);
  if (missing.length > 0) return missing;
  const order = places.map(([, place]) => place);
  const isSorted = order.every((place, i) => i === 0 || place > order[i - 1]!);
  return isSorted
    ? []
    : [`${name}: README.md's sections must come in the order ${places.map(([t]) => t).join(', ')}`];
}

function withTable({ id, name }: PublicPackage, text: string): string | { problems: readonly string[] } {
  const page = join(root, 'benchmarks', 'results', `${id}.md`);
  if (!existsSync(page))
    return { problems: [`${name}: benchmarks/results/${id}.md is missing: npm run bench`] };
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) return { problems: [`${name}: README.md lacks the lines ${begin} and ${end}`] };
  const table = tableOf(id, readFileSync(page, 'utf8'));
  return `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}`;
}

/** The rows of a result page that have a peer, the first of each case and backend, without the notes. */
function tableOf(id: string, page: string): string {
  const origin = (key: string) => new RegExp(`^- ${key}: (.*)$`, 'm').exec(page)?.[1] ?? 'not told';
  const lines = page.split('\n').filter((line) => line.startsWith('| '));
  const rows = lines.slice(2).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
  const seen = new Set<string>();
  const compared = rows.filter(([what, backend, , , , ratio]) => {
    const key = `${what} ${backend}`;
    if (!ratio || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const body = compared
    .slice(0, shown)
    .map(([what, backend, ours, theirs, unit, ratio, peer]) => [
      what,
      backend,
      `${ours} ${unit}`,
      theirs,
      ratio,
      peer,
    ])
    .map((cells) => `| ${cells.join(' | ')} |`);
  return `| case | backend | ours | peer's | ratio | peer |
| --- | --- | --- | --- | --- | --- |
${body.join('\n')}

Ratio: ours / peer's; for times below 1 is faster than the peer, for rates above 1. ${origin('Machine')}; ${origin('Versions')};
${origin('Date')}. All ${rows.length} rows: [\`benchmarks/results/${id}.md\`](../../benchmarks/results/${id}.md), made by
\`npm run bench -- --package ${id}\`.`;
}
