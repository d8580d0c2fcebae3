/**
 * Whether an old and a new type can stand for each other, decided by the compiler: both goldens are written as
 * declarations into one program. Questions are collected first, then one program answers all of them.
 */
import { join } from 'node:path';
import type * as ts from 'typescript';
import { createHost, type TypeScript } from '../compiler';
import type { Golden, TypeParameter } from '../golden/model';
import { declarationText, typeParametersText } from '../golden/text';

export interface Relation {
  /** Whether what had the old type fits the new one: what callers pass still goes in. */
  readonly oldToNew: boolean;
  /** Whether what has the new type fits the old one: what callers get still fits. */
  readonly newToOld: boolean;
  /** Properties of an object type that the new one does not have. */
  readonly drops: readonly string[];
  /** Neither can be told: generic conditional types, types that cannot be resolved. */
  readonly undecided: boolean;
}

export interface Question {
  readonly old: string;
  readonly now: string;
  readonly oldParameters: readonly TypeParameter[];
  readonly nowParameters: readonly TypeParameter[];
}

export type Relate = (question: Question) => Relation;

const same: Relation = { oldToNew: true, newToOld: true, drops: [], undecided: false };
const unknown: Relation = { oldToNew: false, newToOld: false, drops: [], undecided: true };

/** Runs `walk` twice: to learn what it asks, and with the answers. `folder` is where other packages are resolved from. */
export function withRelations<T>(
  ts: TypeScript,
  folder: string,
  old: Golden,
  now: Golden,
  walk: (relate: Relate) => T,
): T {
  const questions = new Map<string, Question>();
  walk((question) => {
    if (question.old !== question.now) questions.set(JSON.stringify(question), question);
    return same;
  });
  // An answer may lead the walk to a question the first run did not reach.
  let answers = new Map<string, Relation>();
  for (;;) {
    const missing = new Map<string, Question>();
    const result = walk((question) => {
      if (question.old === question.now) return same;
      const key = JSON.stringify(question);
      const answer = answers.get(key);
      if (!answer) missing.set(key, question);
      return answer ?? same;
    });
    if (missing.size === 0) return result;
    for (const [key, question] of missing) questions.set(key, question);
    answers = answer(ts, folder, old, now, questions);
  }
}

function answer(
  ts: TypeScript,
  folder: string,
  old: Golden,
  now: Golden,
  questions: ReadonlyMap<string, Question>,
): Map<string, Relation> {
  const modules = new Map<string, string>();
  for (const { module } of [...Object.values(old.imports), ...Object.values(now.imports)]) {
    if (!modules.has(module)) modules.set(module, `$m${modules.size}`);
  }
  const imports = [...modules]
    .map(([module, local]) => `import * as ${local} from ${JSON.stringify(module)};\n`)
    .join('');
  const probe = compile(ts, folder, imports);
  const known = exportedNames(ts, probe);
  const shared = unchangedNames(old, now);
  const asked = [...questions.values()];
  const oldTypes = asked.map(
    ({ old: text, oldParameters }, index) =>
      `type $p${index}${typeParametersText(oldParameters, false)} = ${text};`,
  );
  const nowTypes = asked.map(
    ({ now: text, nowParameters }, index) =>
      `type $p${index}${typeParametersText(nowParameters, false)} = ${text};`,
  );
  const comparisons = asked.map(comparisonText);
  const text = [
    imports,
    namespaceText(now, (name) => shared.has(name), modules, known)
      .map((line) => `declare ${line}`)
      .join('\n'),
    `declare namespace Old {\n${[...namespaceText(old, (name) => !shared.has(name), modules, known), ...oldTypes].join('\n')}\n}`,
    `declare namespace New {\n${[...namespaceText(now, (name) => !shared.has(name), modules, known), ...nowTypes, ...comparisons].join('\n')}\n}`,
    'export {};',
  ].join('\n');
  const program = compile(ts, folder, text.replace(/^declare import /gm, 'import '), probe.program);
  return readAnswers(ts, program, asked, [...questions.keys()]);
}

/**
 * A function whose two parameters have the old and the new type under the same type arguments. A type parameter that
 * only one side has is `any`: that it came or went is judged by itself.
 */
function comparisonText({ oldParameters, nowParameters }: Question, index: number): string {
  const applied = (own: readonly TypeParameter[]) => {
    const given = own.map((_, at) =>
      nowParameters[at] !== undefined && oldParameters[at] !== undefined ? nowParameters[at].name : 'any',
    );
    return given.length > 0 ? `<${given.join(', ')}>` : '';
  };
  const generics = typeParametersText(nowParameters, false);
  return `function $q${index}${generics}(old: Old.$p${index}${applied(oldParameters)}, now: $p${index}${applied(nowParameters)}): void;`;
}

/** The declarations and imports of a golden whose names pass. Opaque classes stand for imports that are not found. */
function namespaceText(
  golden: Golden,
  accepts: (name: string) => boolean,
  modules: ReadonlyMap<string, string>,
  known: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const lines: string[] = [];
  for (const [local, { module, name }] of Object.entries(golden.imports)) {
    if (!accepts(local)) continue;
    const alias = modules.get(module)!;
    if (known.get(alias)?.has(name)) lines.push(`import ${local} = ${alias}.${name};`);
    else
      lines.push(
        `class ${local}<A = any, B = any, C = any, D = any> { private "${module}#${name}": [A, B, C, D]; }`,
      );
  }
  for (const [name, { forms }] of Object.entries(golden.declarations)) {
    if (!accepts(name)) continue;
    for (const form of forms) lines.push(...declarationText(name, form).split('\n'));
  }
  return lines;
}

/** Names that mean the same in both goldens, all they mention included. They are declared once, so nominal types agree. */
function unchangedNames(old: Golden, now: Golden): Set<string> {
  const text = (golden: Golden, name: string) =>
    JSON.stringify(golden.declarations[name] ?? golden.imports[name] ?? null);
  const names = new Set([...Object.keys(now.declarations), ...Object.keys(now.imports)]);
  const unchanged = new Set([...names].filter((name) => text(old, name) === text(now, name)));
  const mentions = new Map(
    [...unchanged].map((name) => [
      name,
      text(now, name).match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? [],
    ]),
  );
  for (let before = -1; before !== unchanged.size; ) {
    before = unchanged.size;
    for (const name of unchanged) {
      if (mentions.get(name)!.some((word) => names.has(word) && !unchanged.has(word))) unchanged.delete(name);
    }
  }
  return unchanged;
}

interface Compiled {
  readonly program: ts.Program;
  readonly source: ts.SourceFile;
}

function compile(ts: TypeScript, folder: string, text: string, before?: ts.Program): Compiled {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.esnext.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const path = join(folder, '__tf-export-compare.ts');
  const host = createHost(ts, options);
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, ...rest) => (name === path ? source : getSourceFile.call(host, name, ...rest));
  host.fileExists = (name) => name === path || fileExists.call(host, name);
  host.readFile = (name) => (name === path ? text : readFile.call(host, name));
  return { program: ts.createProgram([path], options, host, before), source };
}

/** Local module name -> what that module exports. */
function exportedNames(ts: TypeScript, { program, source }: Compiled): Map<string, Set<string>> {
  const checker = program.getTypeChecker();
  const known = new Map<string, Set<string>>();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const symbol = checker.getSymbolAtLocation(statement.moduleSpecifier);
    const local = (statement.importClause!.namedBindings as ts.NamespaceImport).name.text;
    known.set(local, new Set(symbol ? checker.getExportsOfModule(symbol).map(({ name }) => name) : []));
  }
  return known;
}

function readAnswers(
  ts: TypeScript,
  { program, source }: Compiled,
  asked: readonly Question[],
  keys: readonly string[],
): Map<string, Relation> {
  const checker = program.getTypeChecker();
  const answers = new Map<string, Relation>();
  const visit = (node: ts.Node): void => {
    const index = ts.isFunctionDeclaration(node) ? /^\$q(\d+)$/.exec(node.name?.text ?? '')?.[1] : undefined;
    if (index === undefined) {
      ts.forEachChild(node, visit);
      return;
    }
    const [oldNode, nowNode] = (node as ts.FunctionDeclaration).parameters;
    const question = asked[Number(index)]!;
    answers.set(
      keys[Number(index)]!,
      relationOf(
        ts,
        checker,
        question,
        checker.getTypeAtLocation(oldNode!),
        checker.getTypeAtLocation(nowNode!),
      ),
    );
  };
  visit(source);
  return answers;
}

function relationOf(
  ts: TypeScript,
  checker: ts.TypeChecker,
  question: Question,
  old: ts.Type,
  now: ts.Type,
): Relation {
  // A name that cannot be resolved is `any` to the compiler, which fits everything.
  const isLost = (type: ts.Type, text: string) =>
    (type.flags & ts.TypeFlags.Any) !== 0 && !/\bany\b/.test(text);
  if (isLost(old, question.old) || isLost(now, question.now)) return unknown;
  const oldToNew = checker.isTypeAssignableTo(old, now);
  const newToOld = checker.isTypeAssignableTo(now, old);
  const isOpen = (text: string) =>
    question.nowParameters.length > 0 && /\bextends\b.*\?|\bkeyof\b|\]\s*:/.test(text);
  const undecided = !oldToNew && !newToOld && (isOpen(question.old) || isOpen(question.now));
  return { oldToNew, newToOld, drops: droppedProperties(ts, checker, old, now), undecided };
}

/** Only for plain objects: an object literal with such a property is refused, although its type is assignable. */
function droppedProperties(
  ts: TypeScript,
  checker: ts.TypeChecker,
  old: ts.Type,
  now: ts.Type,
  depth = 0,
): string[] {
  if (!isPlainObject(ts, checker, old) || !isPlainObject(ts, checker, now) || depth > 3) return [];
  if (checker.getIndexInfosOfType(now).length > 0) return [];
  return checker.getPropertiesOfType(old).flatMap((property) => {
    const kept = checker.getPropertyOfType(now, property.name);
    if (!kept) return [property.name];
    const typeOf = (symbol: ts.Symbol) => checker.getNonNullableType(checker.getTypeOfSymbol(symbol));
    return droppedProperties(ts, checker, typeOf(property), typeOf(kept), depth + 1).map(
      (name) => `${property.name}.${name}`,
    );
  });
}

function isPlainObject(ts: TypeScript, checker: ts.TypeChecker, type: ts.Type): boolean {
  if (!(type.flags & ts.TypeFlags.Object) || checker.isArrayType(type) || checker.isTupleType(type))
    return false;
  if (type.symbol && type.symbol.flags & ts.SymbolFlags.Class) return false;
  return type.getCallSignatures().length === 0 && type.getConstructSignatures().length === 0;
}
