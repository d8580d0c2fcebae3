/**
 * Every public symbol says what it is. The symbols are those of the API goldens; their docstrings are read from the
 * sources by the TypeScript compiler. What can be checked is checked:
 *
 * - each symbol has a docstring; an interface may have them on all its members instead;
 * - a function that takes or gives tensors or typed arrays tells a shape, or a length;
 * - a function that checks its arguments or throws tells its errors, by `@throws` or by their class;
 * - a paper cited by its authors can be found: it has an arXiv number, a venue with its year, or a DOI.
 */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { type PublicPackage, readJson, root } from './workspace';

interface Golden {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** A line for each symbol that breaks a rule. */
export function undocumented(packages: readonly PublicPackage[]): string[] {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const entries = packages.flatMap((entry) => {
    const file = join(entry.folder, 'api', `${entry.id}.api.json`);
    return Object.keys(readJson<Golden>(file).exports).map((key) => {
      const [path, name] = key.split('#') as [string, string];
      return { package: entry, name, file: sourceOf(entry.folder, path) };
    });
  });
  const program = ts.createProgram([...new Set(entries.map(({ file }) => file))], {
    ...options,
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const problems = new Set<string>();
  for (const {
    package: { id },
    name,
    file,
  } of entries) {
    const symbol = exportsOf(file, program, checker).get(name);
    const problem = symbol ? problemOf(symbol, checker) : 'is in the golden and not in the sources';
    if (problem) problems.add(`${id}: ${name} ${problem} (${placeOf(symbol)})`);
  }
  return [...problems];
}

function sourceOf(folder: string, entry: string): string {
  const name = entry === '.' ? 'index' : entry.slice(2);
  const files = [`src/${name}.ts`, `src/${name}/index.ts`].map((path) => join(folder, path));
  const file = files.find((path) => existsSync(path));
  if (!file) throw new Error(`docstrings: no source of the entry ${entry} in ${folder}`);
  return file;
}

const cache = new Map<string, Map<string, ts.Symbol>>();

function exportsOf(file: string, program: ts.Program, checker: ts.TypeChecker): Map<string, ts.Symbol> {
  let found = cache.get(file);
  if (!found) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
    const resolved = checker.getExportsOfModule(module).map((symbol) => {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
      return [symbol.name, isAlias ? checker.getAliasedSymbol(symbol) : symbol] as const;
    });
    found = new Map(resolved);
    cache.set(file, found);
  }
  return found;
}

function placeOf(symbol: ts.Symbol | undefined): string {
  const node = symbol?.declarations?.[0];
  if (!node) return 'nowhere';
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${relative(root, source.fileName)}:${line + 1}`;
}

function problemOf(symbol: ts.Symbol, checker: ts.TypeChecker): string | undefined {
  const declarations = symbol.declarations ?? [];
  // What another package declares is documented there.
  if (declarations.every((node) => node.getSourceFile().fileName.includes('/node_modules/@tensorflow')))
    return;
  const text = docOf(symbol, checker);
  if (text === '') return membersDocumented(symbol, checker) ? undefined : 'has no docstring';
  const cited = citationProblem(text);
  if (cited) return cited;
  const functions = declarations.map(functionOf).filter((node) => node !== undefined);
  if (functions.length === 0) return;
  const types = functions.map((node) => signatureText(node)).join(' ');
  if (/\bTensor|Float(32|64)Array|Int32Array|FloatArray/.test(types) && !tellsShape(text)) {
    return 'handles tensors or typed arrays, and its docstring tells no shape';
  }
  if (functions.some(throwsItself) && !/@throws|\w+Error\b/.test(text)) {
    return 'throws, and its docstring tells no error';
  }
  return;
}

/** The docstring with its tags, as written; of the symbol, or of the variable statement or overload that carries it. */
function docOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const own = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const tags = symbol
    .getJsDocTags(checker)
    .map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`)
    .join('\n');
  return `${own}\n${tags}`.trim();
}

function membersDocumented(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  const members = [...(symbol.members?.values() ?? [])].filter(({ name }) => name !== '__constructor');
  return members.length > 0 && members.every((member) => docOf(member, checker) !== '');
}

type Callable = ts.FunctionLikeDeclaration;

function functionOf(node: ts.Node): Callable | undefined {
  if (ts.isFunctionDeclaration(node)) return node;
  if (!ts.isVariableDeclaration(node) || !node.initializer) return undefined;
  const value = node.initializer;
  return ts.isArrowFunction(value) || ts.isFunctionExpression(value) ? value : undefined;
}

function signatureText(node: Callable): string {
  const parts = [...node.parameters.map((parameter) => parameter.type), node.type];
  return parts.map((part) => part?.getText() ?? '').join(' ');
}

function tellsShape(text: string): boolean {
  return /\[[^\]]*\]|\bscalar|\bshape|\blength|\brank \d|elements?\b|one (value|number|for each)|each (row|pixel|class)/i.test(
    text,
  );
}

/** Whether the function's own text checks or throws; what it calls beyond core's checks is not followed. */
function throwsItself(node: Callable): boolean {
  return /\bcheck[A-Z]\w*\(|\bthrow new /.test(node.body?.getText() ?? '');
}

function citationProblem(text: string): string | undefined {
  const cites = /[A-Z]\w+(?:, [A-Z]\w+)* et al\.|Source: /.test(text);
  const findable = /arXiv:\d|doi|\b(19|20)\d\d\b|\w+\.\w+|`/i.test(text);
  return cites && !findable ? 'cites a paper without arXiv number, venue and year, or DOI' : undefined;
}
