/** What the names-only scan finds, and the one thing that can be mended without a decision: the pure annotation. */
import { join } from 'node:path';
import { readText, writeFiles } from './files';
import type { Finding } from './problems';
import { scan } from './scan';

/**
 * The findings in a package's sources. With `fix`, missing annotations are written into the files first.
 *
 * @returns the findings that are left, and how many were mended.
 */
export function lint(folder: string, { fix = false } = {}): { findings: readonly Finding[]; fixed: number } {
  const { findings } = scan(folder);
  const missing = findings.filter(({ code }) => code === 'TFX010');
  if (!fix || missing.length === 0) return { findings, fixed: 0 };
  const writes = new Map<string, string>();
  // From the end, so that an insertion moves no place that is still to come.
  for (const { file = '', line = 1, column = 1 } of [...missing].reverse()) {
    const path = join(folder, file);
    const lines = (writes.get(path) ?? readText(path) ?? '').split('\n');
    const text = lines[line - 1]!;
    lines[line - 1] = `${text.slice(0, column - 1)}/* @__PURE__ */ ${text.slice(column - 1)}`;
    writes.set(path, lines.join('\n'));
  }
  writeFiles(writes);
  return { findings: findings.filter(({ code }) => code !== 'TFX010'), fixed: missing.length };
}
