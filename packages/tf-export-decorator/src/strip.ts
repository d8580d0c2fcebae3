/** Removes exports from code at build time, so that what is not used can be dropped. Shared by the bundler plugins. */
import { dirname } from 'node:path';
import { loadTypeScript } from './node/compiler';
import type { ExporterConfig } from './node/config';
import { ExporterResolver, packageName } from './node/scan/exporters';
import { readSyntax } from './node/scan/syntax';
import { findUses } from './node/scan/uses';

export interface StripOptions {
  /** Exporters besides this package's own: `module#name`, with the module as the import has it. */
  readonly exporters?: Readonly<Record<string, ExporterConfig>>;
}

/**
 * The code without decorators, calls and constants of exporters, or undefined if it holds none. What goes is replaced
 * by blanks, so that every line and column stays and no source map is needed.
 */
export function strip(path: string, code: string, options: StripOptions = {}): string | undefined {
  const modules = [
    packageName,
    ...Object.keys(options.exporters ?? {}).map((key) => key.slice(0, key.indexOf('#'))),
  ];
  if (!modules.some((module) => code.includes(module))) return undefined;
  const ts = loadTypeScript(dirname(path));
  const source = ts.createSourceFile(path, code, ts.ScriptTarget.Latest, true);
  const file = readSyntax(ts, source, path);
  const resolver = new ExporterResolver([file], options.exporters ?? {}, []);
  const { uses } = findUses(ts, source, (text) => resolver.resolve(file, text), new Map());
  if (uses.length === 0) return undefined;
  let stripped = code;
  const blank = (from: number, to: number, first = ' ') => {
    const blanks = code.slice(from, to).replace(/[^\r\n]/g, ' ');
    stripped = stripped.slice(0, from) + (blanks === '' ? '' : first + blanks.slice(1)) + stripped.slice(to);
  };
  for (const { form, node, carrier } of uses) {
    if (form === 'decorator') blank(node.getStart(source), node.getEnd());
    // A call without its statement would be called by the line before it: `a = b` and then `(f)`.
    else if (form === 'statement') blank(node.getStart(source), node.getEnd(), ';');
    else {
      const callee = (node as import('typescript').CallExpression).expression;
      blank(carrier.getStart(source), callee.getEnd());
    }
  }
  return stripped;
}
