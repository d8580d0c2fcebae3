/** Where an exporter is defined, and what a file imports: what the generator needs besides the scan. */
import { join } from 'node:path';
import { loadTypeScript } from '../compiler';
import { readConfig } from '../config';
import { isSource, listFiles, readText, relativePath } from '../files';
import { InputError } from '../problems';
import { ExporterResolver, packageName } from './exporters';
import { parseFile, readSyntax } from './syntax';

/** The module and export name of the exporter of an API. */
export function exporterOrigin(folder: string, apiName: string): { module: string; name: string } {
  if (apiName === 'tensorflow') return { module: packageName, name: 'tfExport' };
  if (apiName === 'keras') return { module: packageName, name: 'kerasExport' };
  const { src, exporters, reserved } = readConfig(folder);
  const ts = loadTypeScript(folder);
  const files = listFiles(join(folder, src), isSource).map((path) =>
    readSyntax(ts, parseFile(ts, path, readText(path) ?? ''), relativePath(folder, path)),
  );
  const resolver = new ExporterResolver(files, exporters, reserved);
  for (const file of files) {
    for (const local of file.madeExporters.keys()) {
      const [name] = file.exported.get(local) ?? [];
      if (name && resolver.resolve(file, local)?.apiName === apiName) return { module: file.path, name };
    }
  }
  const configured = Object.entries(exporters)
    .find(([, made]) => made.apiName === apiName)?.[0]
    .split('#');
  if (configured) return { module: configured[0] ?? '', name: configured[1] ?? '' };
  throw new InputError(
    `${folder}: the exporter of API "${apiName}" is exported by no file; export it, or name it in "exporters"`,
  );
}

/** The modules that a file imports or re-exports from, types excluded. */
export function importedModules(folder: string, file: string): { module: string; line: number }[] {
  const ts = loadTypeScript(folder);
  const path = join(folder, file);
  const source = parseFile(ts, path, readText(path) ?? '');
  return source.statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement);
    if (!isImport && !ts.isExportDeclaration(statement)) return [];
    if (!statement.moduleSpecifier || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    if (isImport ? statement.importClause?.isTypeOnly : statement.isTypeOnly) return [];
    const { line } = source.getLineAndCharacterOfPosition(statement.getStart(source));
    return [{ module: statement.moduleSpecifier.text, line: line + 1 }];
  });
}
