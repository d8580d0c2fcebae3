/** The result page of a benchmark, `benchmarks/results/<package>.md`, and the table on the terminal. */
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import type { BenchRow } from './rows';

/** Three significant digits: 0.0123, 1.23, 123, 12300. */
export function formatNumber(value: number | null): string {
  if (value === null) return '';
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}

const headers = ['case', 'backend', 'ours', 'theirs', 'unit', 'ratio', 'peer', 'note'] as const;

function cells(row: BenchRow): string[] {
  return [
    row.case,
    row.backend,
    formatNumber(row.ours),
    formatNumber(row.theirs),
    row.unit,
    formatNumber(row.ratio),
    row.peer,
    row.note ?? '',
  ];
}

export function markdownTable(rows: readonly BenchRow[]): string {
  const line = (parts: readonly string[]) =>
    `| ${parts.map((part) => part.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headers), line(headers.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n');
}

export function terminalTable(rows: readonly BenchRow[]): string {
  const table = [[...headers], ...rows.map(cells)];
  const widths = headers.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  return table
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The lines that say when, on what machine and with which versions a page was made: what a reader needs to judge it. */
export function pageOrigin(versions: Record<string, string> = toolVersions()): string {
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  const machine = `${processor}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const versionText = Object.entries(versions).map(([key, value]) => `${key} ${value}`);
  return `- Date: ${new Date().toISOString().slice(0, 10)}
- Machine: ${machine}
- Versions: ${versionText.join(', ')}`;
}

/** The versions of Node and of tfjs-core here. */
export function toolVersions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const tfjs = require('@tensorflow/tfjs-core/package.json') as { version: string };
  return { node: process.versions.node, tfjs: tfjs.version };
}

/** The page of a benchmark: how it was made, `pageOrigin`, and its rows. */
export function resultPage(name: string, rows: readonly BenchRow[]): string {
  return `# Benchmarks: ${name}

Made by \`npm run bench -- --package ${name}\`; do not edit. Medians; candidates and peers take turns in one run, malloc is
tuned alike on both sides. Ratio = ours / theirs: for times below 1 is faster than the peer, for rates above 1.

${pageOrigin()}

${markdownTable(rows)}
`;
}
