import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkCompiler } from '../src/node/compiler';
import { lint } from '../src/node/lint';
import { formatFinding } from '../src/node/problems';
import { scan } from '../src/node/scan';
import { importLine, project } from './project';

const found = (text: string, more: Record<string, string> = {}) =>
  scan(project({ 'src/a.ts': importLine + text, ...more }));
const findings = (text: string, more: Record<string, string> = {}) =>
  found(text, more).findings.map(formatFinding);

describe('the forms', () => {
  it('are all found, with names, kinds and places', () => {
    const { exports, findings } = found(`
export const relu = /* @__PURE__ */ tfExport('nn.relu', 'relu', { v1: ['nn.relu'] })((x: number) => x);
@kerasExport('keras.layers.ASPP')
export class ASPP {}
/** @tfExport nn.conv2d, conv2d @v1 nn.conv2d @deprecatedNames conv2d @since 1.2.0 */
export function conv2d() {}
/** @tfExport types.Shape */
export interface Shape {}
export const pi = /* @__PURE__ */ tfExport('math.pi').exportConstant(3.14);
function late() {}
tfExport('late')(late);
export { late as latest };
`);
    expect(findings).toEqual([]);
    expect(
      exports.map(({ symbol, names, namesV1, form, kind, line }) => [
        symbol,
        names.join(),
        namesV1.join(),
        form,
        kind,
        line,
      ]),
    ).toEqual([
      ['relu', 'nn.relu,relu', 'nn.relu', 'call', 'function', 3],
      ['ASPP', 'keras.layers.ASPP', 'keras.layers.ASPP', 'decorator', 'class', 4],
      ['conv2d', 'nn.conv2d,conv2d', 'nn.conv2d', 'tag', 'function', 7],
      ['Shape', 'types.Shape', 'types.Shape', 'tag', 'type', 9],
      ['pi', 'math.pi', 'math.pi', 'constant', 'constant', 10],
      ['latest', 'late', 'late', 'statement', 'function', 12],
    ]);
    expect(exports[2]).toMatchObject({ deprecated: ['conv2d'], since: '1.2.0' });
  });

  it('follow exporters through aliases, namespaces, re-exports and createApiExport', () => {
    const { exports, findings } = scan(
      project({
        'src/exporters.ts': `${importLine}export const opsExport = createApiExport('ops', { prefix: 'ops' });\nexport { tfExport as give } from '@tfkit/tf-export-decorator';`,
        'src/again.ts': "export * from './exporters.js';",
        'src/b.ts': `import { opsExport as mine, give } from './again.js';
import * as api from '@tfkit/tf-export-decorator';
import { tfExport as stranger } from 'elsewhere';
export const add = /* @__PURE__ */ mine('ops.add')(() => 1);
export const sub = /* @__PURE__ */ give('sub')(() => 1);
export const mul = /* @__PURE__ */ api.tfExport('mul')(() => 1);
export const not = stranger('a b')(() => 1);
export const bad = /* @__PURE__ */ mine('add')(() => 1);`,
      }),
    );
    expect(exports.map(({ apiName, names }) => `${apiName} ${names}`)).toEqual([
      'ops ops.add',
      'tensorflow sub',
      'tensorflow mul',
    ]);
    expect(findings.map(formatFinding)).toEqual([
      'src/b.ts:8:36 TFX001 "add": opsExport names must start with "ops."',
    ]);
  });
});

describe('what is wrong', () => {
  it.each<[string, string, string]>([
    [
      'a bad name',
      "export const f = /* @__PURE__ */ tfExport('a b..c')(() => 1);",
      'src/a.ts:2:34 TFX002 "a b..c" is not a dotted identifier',
    ],
    [
      'a wrong prefix',
      "@kerasExport('kerasx.foo') export class A {}",
      'src/a.ts:2:2 TFX001 "kerasx.foo": kerasExport names must start with "keras."',
    ],
    [
      'names that are not literal',
      "const n = 'x'; export const f = /* @__PURE__ */ tfExport(n)(() => 1);",
      'src/a.ts:2:58 TFX006 tfExport needs literal names and options',
    ],
    [
      'an export inside a function',
      "export function g() { return tfExport('x')(() => 1); }",
      'src/a.ts:2:30 TFX007 tfExport must be called and applied at once, only at the top level of a module',
    ],
    [
      'a symbol that is not exported',
      "const f = /* @__PURE__ */ tfExport('x')(() => 1);",
      'src/a.ts:2:27 TFX008 tfExport: symbol f is not exported by this file',
    ],
    [
      'a deprecated name that is not exported',
      "export const f = /* @__PURE__ */ tfExport('d.new', { deprecated: ['d.old'] })(() => 1);",
      'src/a.ts:2:34 TFX009 deprecated name "d.old" is not one of the exported names d.new',
    ],
    [
      'a missing annotation',
      "export const f = tfExport('x')(() => 1);",
      'src/a.ts:2:18 TFX010 missing /* @__PURE__ */: this export cannot be tree-shaken (tf-export lint --fix)',
    ],
    [
      'a wrapper around the export',
      "const w = <T>(f: T) => f; export const f = w(tfExport('x')(() => 1));",
      'src/a.ts:2:46 TFX011 tfExport is wrapped by another call, so the exported binding is not what it registered; put tfExport outermost',
    ],
    [
      'a result that is dropped',
      "const w = <T>(f: T) => f; export const f = () => 1; tfExport('x')(w(f));",
      'src/a.ts:2:53 TFX011 the result of this call is not what the file exports; write export const f = tfExport(...)(...)',
    ],
    [
      'a decorator before ours',
      "const d = (c: unknown) => {}; @d @tfExport('x') export class A {}",
      'src/a.ts:2:34 TFX011 a decorator before @tfExport may replace the class it registered; put @tfExport first',
    ],
    [
      'no name',
      'export const f = /* @__PURE__ */ tfExport()(() => 1);',
      'src/a.ts:2:34 TFX013 tfExport needs at least one name, V2 or V1',
    ],
  ])('%s', (_, text, message) => {
    expect(findings(text)).toEqual([message]);
  });

  it('two symbols of one name, in two files, with both places', () => {
    const other = `${importLine}\nexport const g = /* @__PURE__ */ tfExport('nn.relu')(() => 1);`;
    expect(
      findings("export const f = /* @__PURE__ */ tfExport('nn.relu')(() => 1);", { 'src/b.ts': other }),
    ).toEqual(['src/b.ts:3:34 TFX004 name nn.relu is taken by src/a.ts:2 and src/b.ts:3']);
  });

  it('a name that is a symbol and a namespace, and a symbol exported twice', () => {
    expect(
      findings(
        "export const f = /* @__PURE__ */ tfExport('nn')(() => 1);\nexport const g = /* @__PURE__ */ tfExport('nn.relu')(() => 1);",
      ),
    ).toEqual([
      'src/a.ts:3:34 TFX005 nn is a namespace (nn.relu, src/a.ts:3) and cannot be a symbol too (src/a.ts:2)',
    ]);
    expect(findings("/** @tfExport a */\nexport function f() {}\ntfExport('b')(f);")).toEqual([
      'src/a.ts:4:1 TFX003 f is already exported as a (src/a.ts:3); pass allowMultipleExports to add names',
    ]);
    expect(
      found("/** @tfExport a */\nexport function f() {}\ntfExport('b', { allowMultipleExports: true })(f);")
        .exports[0]?.names,
    ).toEqual(['a', 'b']);
  });
});

describe('lint --fix', () => {
  it('adds the annotations, and nothing else', () => {
    const folder = project({
      'src/a.ts': `${importLine}export const f = tfExport('f')(() => 1), g = tfExport('g')(() => 2);\nexport const pi = (tfExport('pi').exportConstant(3));\n`,
    });
    expect(lint(folder, { fix: true })).toEqual({ findings: [], fixed: 3 });
    expect(readFileSync(join(folder, 'src/a.ts'), 'utf8')).toBe(
      `${importLine}export const f = /* @__PURE__ */ tfExport('f')(() => 1), g = /* @__PURE__ */ tfExport('g')(() => 2);\nexport const pi = (/* @__PURE__ */ tfExport('pi').exportConstant(3));\n`,
    );
    expect(lint(folder).findings).toEqual([]);
  });
});

describe('input that cannot be read', () => {
  it('a syntax error', () => {
    expect(() => found('export const = 1;')).toThrow(
      /^src\/a\.ts:2:14 syntax error: .+ Mend it and run again\.$/,
    );
  });

  it('configuration with unknown keys or wrong values', () => {
    const config = (value: object) => project({ 'tf-export.config.json': JSON.stringify(value) });
    expect(() => scan(config({ outt: 'x' }))).toThrow(
      /tf-export\.config\.json: unknown key "outt"; known are apiName, /,
    );
    expect(() => scan(config({ layout: 'deep' }))).toThrow(/: layout must be "namespaces" or "flat"$/);
    expect(() => scan(project({ 'tf-export.config.json': '{' }))).toThrow(/: is not valid JSON/);
    expect(() => scan(project({}, { tfExport: [] }))).toThrow(/package\.json#tfExport: must be an object/);
  });

  it('an empty src is no error', () => {
    const folder = project({});
    mkdirSync(join(folder, 'src'));
    expect(scan(folder)).toEqual({ exports: [], findings: [], files: 0 });
  });

  it('a compiler without an API', () => {
    expect(() => checkCompiler({ version: '7.0.2' } as never)).toThrow(
      'TFX022 typescript 7 has no compiler API; install "typescript": "npm:@typescript/typescript6"',
    );
    expect(() => checkCompiler({ version: '5.3.3', createProgram: () => {} } as never)).toThrow(
      'TFX022 typescript 5.3.3 is too old',
    );
  });
});
