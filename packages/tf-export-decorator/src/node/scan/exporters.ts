/** Which local names are exporters: imports are followed through aliases and re-exports to a known maker. */
import { posix } from 'node:path';
import { exporterName } from '../../exporter';
import type { ExporterConfig } from '../config';
import type { FileSyntax, ImportedName } from './syntax';

/** The name under which this package is imported. */
export const packageName = '@tfkit/tf-export-decorator';

/** An exporter as the scanner knows it. */
export interface Exporter extends ExporterConfig {
  /** How messages call it. */
  readonly exporter: string;
}

const own: Readonly<Record<string, ExporterConfig>> = {
  tfExport: { apiName: 'tensorflow' },
  kerasExport: { apiName: 'keras', prefix: 'keras' },
};

export class ExporterResolver {
  private readonly files: ReadonlyMap<string, FileSyntax>;

  constructor(
    files: readonly FileSyntax[],
    private readonly configured: Readonly<Record<string, ExporterConfig>>,
    private readonly reserved: readonly string[],
  ) {
    this.files = new Map(files.map((file) => [file.path, file]));
  }

  /** The exporter that an expression's text (`tfExport`, `api.tfExport`) means in a file, or undefined. */
  resolve(file: FileSyntax, text: string): Exporter | undefined {
    const [first = '', second, ...rest] = text.split('.');
    if (rest.length > 0) return undefined;
    const made = second === undefined ? file.madeExporters.get(first) : undefined;
    if (made) return this.isMaker(file, made.maker) ? this.complete(made.made) : undefined;
    const imported = file.imports.get(first);
    if (!imported) return undefined;
    if (second !== undefined && imported.name !== '*') return undefined;
    return this.ofModule(file, second === undefined ? imported : { module: imported.module, name: second });
  }

  /** The exporters that tags may name: `@tfExport`, `@kerasExport`, and those that the sources or the config make. */
  tags(): Map<string, Exporter> {
    const tags = new Map<string, Exporter>();
    for (const [name, made] of Object.entries(own)) tags.set(name, this.complete(made));
    for (const [key, made] of Object.entries(this.configured)) {
      tags.set(key.slice(key.indexOf('#') + 1), this.complete(made));
    }
    for (const file of this.files.values()) {
      for (const name of file.madeExporters.keys()) {
        const exporter = this.resolve(file, name);
        if (exporter) tags.set(name, exporter);
      }
    }
    return tags;
  }

  private complete(made: ExporterConfig): Exporter {
    const reserved = [...this.reserved, ...(made.reserved ?? [])];
    return { ...made, reserved, exporter: exporterName(made.apiName) };
  }

  private isMaker(file: FileSyntax, text: string): boolean {
    const [first = '', second] = text.split('.');
    const imported = file.imports.get(first);
    return imported?.module === packageName && (second ?? imported.name) === 'createApiExport';
  }

  private ofModule(file: FileSyntax, from: ImportedName, depth = 0): Exporter | undefined {
    const made = from.module === packageName ? own[from.name] : undefined;
    if (made) return this.complete(made);
    const target = this.follow(file, from.module);
    const configured = this.configured[`${target?.path ?? from.module}#${from.name}`];
    if (configured) return this.complete(configured);
    if (!target || depth > 20) return undefined;
    for (const [local, names] of target.exported) {
      if (names.includes(from.name)) return this.resolve(target, local);
    }
    const again = target.reexports.get(from.name);
    if (again) return this.ofModule(target, again, depth + 1);
    for (const module of target.starExports) {
      const found = this.ofModule(target, { module, name: from.name }, depth + 1);
      if (found) return found;
    }
    return undefined;
  }

  private follow(file: FileSyntax, module: string): FileSyntax | undefined {
    return resolveRelative(file.path, module, (path) => this.files.get(path));
  }
}

/** What `find` has for a relative import: the path itself, with TypeScript's extensions, or an index file. */
export function resolveRelative<T>(
  from: string,
  module: string,
  find: (path: string) => T | undefined,
): T | undefined {
  if (!module.startsWith('.')) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(from), module));
  const stem = path.replace(/\.([cm]?)jsx?$/, '');
  const candidates = [
    path,
    ...['.ts', '.tsx', '.mts', '.cts', '.js'].flatMap((end) => [stem + end, path + end]),
  ];
  for (const end of ['.ts', '.tsx', '.js']) candidates.push(`${path}/index${end}`);
  return candidates.map(find).find((found) => found !== undefined);
}
