/** Goldens on disk: `<folder>/<package>.api.json` and `.api.md`, and the released baseline beside them. */
import { join } from 'node:path';
import { lineDiff } from '../diffText';
import { readText } from '../files';
import { type Package, shortName } from '../package';
import { InputError, messageOf } from '../problems';
import { goldenMarkdown } from './markdown';
import type { Golden } from './model';

export interface GoldenPaths {
  readonly json: string;
  readonly markdown: string;
  readonly released: string;
}

export function goldenPaths(found: Package): GoldenPaths {
  const folder = join(found.folder, found.config.golden);
  const name = shortName(found);
  return {
    json: join(folder, `${name}.api.json`),
    markdown: join(folder, `${name}.api.md`),
    released: join(folder, 'released.api.json'),
  };
}

/** The golden's text: indented by level, but each signature, member and name on one line, so that diffs are short. */
export function goldenText(golden: Golden): string {
  const render = (value: unknown, indent: string): string => {
    const flat = JSON.stringify(value);
    if (flat.length + indent.length <= 100 || typeof value !== 'object' || value === null) return flat;
    const inner = `${indent} `;
    const items = Array.isArray(value)
      ? value.map((item) => inner + render(item, inner))
      : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${render(item, inner)}`);
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    return `${open}\n${items.join(',\n')}\n${indent}${close}`;
  };
  return `${render(golden, '')}\n`;
}

/** A golden from a file, or undefined if there is none. @throws InputError if the file is no golden. */
export function readGolden(path: string): Golden | undefined {
  const text = readText(path);
  return text === undefined ? undefined : parseGolden(text, path);
}

/** A golden from its text; `place` is for the message. @throws InputError */
export function parseGolden(text: string, place: string): Golden {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${place}: is no golden (${messageOf(error)}); run tf-export golden --update`);
  }
  const problem = goldenProblem(value);
  if (problem) throw new InputError(`${place}: is no golden (${problem}); run tf-export golden --update`);
  return value as Golden;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function goldenProblem(value: unknown): string | undefined {
  if (!isRecord(value)) return 'not an object';
  if (value.format !== 1) return `format must be 1, got ${JSON.stringify(value.format)}`;
  if (typeof value.package !== 'string') return 'package must be a name';
  for (const key of ['exports', 'declarations', 'imports'] as const) {
    if (!isRecord(value[key])) return `${key} must be an object`;
  }
  const strings = (list: unknown) => Array.isArray(list) && list.every((item) => typeof item === 'string');
  for (const [name, entry] of Object.entries(value.exports as object)) {
    if (!isRecord(entry) || !strings(entry.names) || typeof entry.declaration !== 'string')
      return `export ${name} is broken`;
    if (
      (entry.v1 !== undefined && !strings(entry.v1)) ||
      (entry.deprecatedNames !== undefined && !strings(entry.deprecatedNames))
    )
      return `export ${name} is broken`;
  }
  for (const [name, declaration] of Object.entries(value.declarations as object)) {
    if (!isRecord(declaration) || !Array.isArray(declaration.forms) || !declaration.forms.every(isSoundForm))
      return `declaration ${name} is broken`;
  }
  for (const [name, origin] of Object.entries(value.imports as object)) {
    if (!isRecord(origin) || typeof origin.module !== 'string' || typeof origin.name !== 'string')
      return `import ${name} is broken`;
  }
  return undefined;
}

function isSoundForm(form: unknown): boolean {
  if (!isRecord(form)) return false;
  const isSignature = (item: unknown) =>
    isRecord(item) &&
    typeof item.returns === 'string' &&
    Array.isArray(item.parameters) &&
    item.parameters.every(
      (parameter) =>
        isRecord(parameter) && typeof parameter.name === 'string' && typeof parameter.type === 'string',
    );
  const signatures = (list: unknown) => Array.isArray(list) && list.every(isSignature);
  const members = (list: unknown) =>
    Array.isArray(list) &&
    list.every(
      (item) =>
        isRecord(item) &&
        typeof item.name === 'string' &&
        (typeof item.type === 'string' || signatures(item.signatures)),
    );
  switch (form.kind) {
    case 'function':
      return signatures(form.signatures) && (form.members === undefined || members(form.members));
    case 'class':
      return signatures(form.constructors) && members(form.members);
    case 'interface':
      return (
        members(form.members) &&
        [form.calls, form.constructs].every((list) => list === undefined || signatures(list))
      );
    case 'type':
    case 'constant':
      return typeof form.type === 'string';
    case 'enum':
      return isRecord(form.members);
    default:
      return false;
  }
}

/** The files of a golden as they should be. */
export function goldenFiles(found: Package, golden: Golden): Map<string, string> {
  const { json, markdown } = goldenPaths(found);
  return new Map([
    [json, goldenText(golden)],
    [markdown, goldenMarkdown(golden)],
  ]);
}

/** How the stored golden differs from the given one, as a diff of the readable form; undefined if it does not. */
export function goldenDrift(found: Package, golden: Golden): string | undefined {
  const { json, markdown } = goldenPaths(found);
  const wanted = goldenFiles(found, golden);
  if (readText(json) === wanted.get(json) && readText(markdown) === wanted.get(markdown)) return undefined;
  const old = readGolden(json);
  const before = old ? goldenMarkdown(old) : '';
  const after = wanted.get(markdown)!;
  if (before !== after) return lineDiff(markdown.split('/').at(-1)!, before, after);
  return lineDiff(json.split('/').at(-1)!, readText(json) ?? '', wanted.get(json)!);
}
