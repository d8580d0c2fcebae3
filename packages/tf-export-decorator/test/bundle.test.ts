/** What each form costs in a bundle: 100 exports, one used, the registry included. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { describe, expect, it } from 'vitest';
import { stripExports as stripForEsbuild } from '../src/esbuild';
import { stripExports as stripForRollup } from '../src/rollup';
import { strip } from '../src/strip';

const runtime = fileURLToPath(new URL('../src/index.ts', import.meta.url));
const names = Array.from({ length: 100 }, (_, index) => `f${String(index).padStart(2, '0')}`);
const body = (name: string) => `(x) => { return x + "body of ${name}"; }`;
const importLine = "import { tfExport } from '@tfkit/tf-export-decorator';\n";

const forms = {
  'plain export': names.map((name) => `export const ${name} = ${body(name)};`).join('\n'),
  'call with annotation':
    importLine +
    names
      .map((name) => `export const ${name} = /* @__PURE__ */ tfExport('ns.${name}')(${body(name)});`)
      .join('\n'),
  'call without annotation':
    importLine +
    names.map((name) => `export const ${name} = tfExport('ns.${name}')(${body(name)});`).join('\n'),
  statement:
    importLine +
    names
      .map((name) => `const ${name} = ${body(name)}\ntfExport('ns.${name}')(${name});\nexport { ${name} };`)
      .join('\n'),
  'JSDoc tag': names
    .map((name) => `/** @tfExport ns.${name} */\nexport const ${name} = ${body(name)};`)
    .join('\n'),
  decorator:
    importLine +
    names
      .map(
        (name) =>
          `@tfExport('ns.${name}')\nexport class ${name} { run(x) { return x + "body of ${name}"; } }`,
      )
      .join('\n'),
};

const kept = (code: string) => names.filter((name) => code.includes(`body of ${name}`)).length;

async function withEsbuild(source: string, isStripped = false): Promise<string> {
  const files: Record<string, string> = {
    entry: "import { f42 } from 'lib'; console.log(f42);",
    lib: source,
  };
  const { outputFiles } = await build({
    entryPoints: ['entry'],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    plugins: [
      {
        name: 'virtual',
        setup(setup) {
          setup.onResolve({ filter: /^(entry|lib)$/ }, ({ path }) => ({ path, namespace: 'virtual' }));
          setup.onResolve({ filter: /^@tfkit\/tf-export-decorator$/ }, () => ({
            path: runtime,
            sideEffects: false,
          }));
          setup.onLoad({ filter: /.*/, namespace: 'virtual' }, ({ path }) => {
            const contents = files[path]!;
            const changed = isStripped ? strip(`${process.cwd()}/${path}.ts`, contents) : undefined;
            return { contents: changed ?? contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}

async function withRollup(source: string, isStripped = false): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [runtime],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
  });
  const files: Record<string, string> = {
    entry: "import { f42 } from 'lib'; console.log(f42);",
    lib: source,
    '@tfkit/tf-export-decorator': outputFiles[0]!.text,
  };
  const plugin = stripForRollup();
  const bundle = await rollup({
    input: 'entry',
    onwarn: () => {},
    plugins: [
      {
        name: 'virtual',
        resolveId: (id) =>
          id in files ? { id, moduleSideEffects: id !== '@tfkit/tf-export-decorator' } : null,
        load: (id) => files[id] ?? null,
        transform: (code, id) =>
          isStripped && id === 'lib' ? plugin.transform(code, `${process.cwd()}/lib.js`) : null,
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'es' });
  return output[0].code;
}

describe('of 100 exports, using one keeps', () => {
  it.each([
    ['plain export', 1],
    ['call with annotation', 1],
    ['call without annotation', 100],
    ['statement', 100],
    ['JSDoc tag', 1],
    ['decorator', 100],
  ] as const)('%s: %i (esbuild)', async (form, count) => {
    const code = await withEsbuild(forms[form]);
    expect(kept(code)).toBe(count);
  });

  it.each([
    ['plain export', 1],
    ['call with annotation', 1],
    ['call without annotation', 100],
    ['statement', 100],
    ['JSDoc tag', 1],
  ] as const)('%s: %i (rollup)', async (form, count) => {
    expect(kept(await withRollup(forms[form]))).toBe(count);
  });
});

describe('stripExports', () => {
  it.each(['call without annotation', 'statement', 'decorator'] as const)(
    'leaves one of 100, and no registry: %s (esbuild)',
    async (form) => {
      const code = await withEsbuild(forms[form], true);
      expect(kept(code)).toBe(1);
      expect(code).not.toContain('ApiRegistry');
      expect(code.length).toBeLessThan(300);
    },
  );

  it.each(['call without annotation', 'statement'] as const)(
    'leaves one of 100: %s (rollup)',
    async (form) => {
      const code = await withRollup(forms[form], true);
      expect(kept(code)).toBe(1);
      expect(code).not.toContain('ApiRegistry');
    },
  );

  it('moves no line and no column, and breaks no statement before it', () => {
    const source = `${importLine}let a = 1\ntfExport('f')(f);\nexport function f() {}\n@tfExport('C') class C {}\nexport { C };\nexport const pi = tfExport('pi').exportConstant(3);`;
    const stripped = strip('/tmp/a.ts', source)!;
    expect(stripped).toHaveLength(source.length);
    expect(stripped.split('\n').map((line) => line.trim())).toEqual(
      [
        importLine.trim(),
        'let a = 1',
        ';',
        'export function f() {}',
        'class C {}',
        'export { C };',
        expect.stringMatching(/^export const pi = +\(3\);$/),
      ].map((line, index) => (index === 2 ? expect.stringMatching(/^; *;?$/) : line)),
    );
    expect(stripped.indexOf('class C')).toBe(source.indexOf('class C'));
  });

  it('leaves other files alone', () => {
    expect(strip('/tmp/a.ts', 'export const a = 1;')).toBeUndefined();
    expect(stripForRollup().transform('body {}', '/tmp/a.css')).toBeNull();
  });

  it('reads files as an esbuild plugin', async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('./fixtures/decorated.ts', import.meta.url))],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      packages: 'external',
      plugins: [stripForEsbuild()],
    });
    expect(outputFiles[0]!.text).not.toContain('tfExport');
    expect(outputFiles[0]!.text).toContain('Layer = class');
  });
});
