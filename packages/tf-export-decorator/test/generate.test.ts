import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { checkGenerated, generate, planEntryPoints } from '../src/node/generate';
import { formatFinding } from '../src/node/problems';
import { importLine, oneEntry, project, writeAll } from './project';

const sources = {
  'src/ops.ts': `${importLine}
/** @tfExport nn.conv2d, conv2d @v1 nn.conv2d_v1 @deprecatedNames conv2d */
export function conv2d(x: number): number { return x + 1; }
export const case_ = /* @__PURE__ */ tfExport('case', 'nn.deep.case')((x: number) => x);
export const old = /* @__PURE__ */ tfExport({ v1: ['old'] })((x: number) => x);
/** @tfExport types.Shape */
export interface Shape { size: number }
`,
  'src/index.ts': "export * from './api/index.js';\n",
};
const config = { ...oneEntry, tfExport: { out: 'src/api' } };
const read = (folder: string, path: string) => readFileSync(join(folder, path), 'utf8').replace(/^.*\n/, '');

describe('entry points', () => {
  it('are a module per namespace, with compat/v1 apart and tags in a registry', () => {
    const folder = project(sources, config);
    const { findings } = generate(folder, { writeExports: true });
    expect(findings.filter(({ file }) => file !== 'package.json')).toEqual([]);
    expect(read(folder, 'src/api/index.ts')).toBe(
      "export { case_ as case } from '../ops.js';\n/** @deprecated Use `nn.conv2d`. */\nexport { conv2d } from '../ops.js';\nexport * as nn from './nn.js';\nexport * as types from './types.js';\n",
    );
    expect(read(folder, 'src/api/nn.ts')).toBe(
      "export { conv2d } from '../ops.js';\nexport * as deep from './nn/deep.js';\n",
    );
    expect(read(folder, 'src/api/nn/deep.ts')).toBe("export { case_ as case } from '../../ops.js';\n");
    expect(read(folder, 'src/api/types.ts')).toBe("export type { Shape } from '../ops.js';\n");
    expect(read(folder, 'src/api/compat/v1/index.ts')).toContain("export { old } from '../../../ops.js';\n");
    expect(read(folder, 'src/api/compat/v1/nn.ts')).toContain('conv2d as conv2d_v1');
    expect(read(folder, 'src/api/index.ts')).not.toContain('compat');
    expect(read(folder, 'src/api/registry.ts')).toContain(
      'export0("nn.conv2d", "conv2d", { v1: ["nn.conv2d_v1"], deprecated: ["conv2d"] })(symbol0);',
    );
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(manifest.exports['./nn/deep']).toEqual({
      types: './dist/api/nn/deep.d.ts',
      default: './dist/api/nn/deep.js',
    });
    expect(manifest.exports['./compat/v1']).toEqual({
      types: './dist/api/compat/v1/index.d.ts',
      default: './dist/api/compat/v1/index.js',
    });
    expect(manifest.exports['.']).toEqual(oneEntry.exports['.']);
  });

  it('can be bundled and run', async () => {
    const folder = project(sources, config);
    generate(folder);
    const contents =
      "import * as tf from './src/index.ts'; import { getSymbolFromName } from '@tfkit/tf-export-decorator'; import './src/api/registry.ts'; export default [tf.case(4), tf.nn.conv2d(1), getSymbolFromName('nn.conv2d') === tf.conv2d];";
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder, loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      alias: { '@tfkit/tf-export-decorator': join(import.meta.dirname, '../src/index.ts') },
    });
    const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.text).toString('base64')}`;
    expect((await import(/* @vite-ignore */ url)).default).toEqual([4, 2, true]);
  });

  it('are checked: current, changed by hand, and left over', () => {
    const folder = project(sources, config);
    generate(folder);
    expect(checkGenerated(folder, planEntryPoints(folder))).toEqual([]);
    writeAll(folder, { 'src/api/nn.ts': 'export {};\n' });
    const stale = readFileSync(join(folder, 'src/api/types.ts'), 'utf8');
    writeAll(folder, { 'src/api/gone.ts': stale, 'src/api/mine.ts': 'export const mine = 1;\n' });
    const drift = checkGenerated(folder, planEntryPoints(folder));
    expect(drift).toHaveLength(2);
    expect(drift[0]).toContain('--- src/api/nn.ts\n- export {};\n+ // Generated');
    generate(folder);
    expect(existsSync(join(folder, 'src/api/gone.ts'))).toBe(false);
    expect(existsSync(join(folder, 'src/api/mine.ts'))).toBe(true);
  });

  it('in the flat layout are one file, and a leaf given twice is a finding', () => {
    const folder = project(
      {
        'src/ops.ts': `${importLine}export const a = /* @__PURE__ */ tfExport('x.f')(() => 1);\nexport const b = /* @__PURE__ */ tfExport('y.f')(() => 1);`,
      },
      { ...oneEntry, tfExport: { out: 'src/api', layout: 'flat' } },
    );
    expect(planEntryPoints(folder).findings.map(formatFinding)).toEqual([
      'src/ops.ts:3:34 TFX004 name f is taken by src/ops.ts:2 and src/ops.ts:3 in the flat layout',
    ]);
    expect(generate(folder).findings).toHaveLength(1);
    expect(existsSync(join(folder, 'src/api'))).toBe(false);
  });
});

describe('what cannot be written', () => {
  it('a cycle, an out folder outside src, no out folder', () => {
    const folder = project(
      {
        ...sources,
        'src/helper.ts': "import { nn } from './api/index.js';\nexport const h = nn;",
        'src/more.ts': `${importLine}import { h } from './helper.js';\nexport const g = /* @__PURE__ */ tfExport('g')(() => h);`,
      },
      config,
    );
    mkdirSync(join(folder, 'src/api'));
    writeAll(folder, { 'src/api/index.ts': "export { g } from '../more.js';\n" });
    expect(() => generate(folder)).toThrow(
      'src/helper.ts:1:1 imports the generated src/api/index.ts, which imports it: a cycle. Import the defining file instead.',
    );
    expect(() => generate(project(sources, { tfExport: { out: 'api' } }))).toThrow(
      '"out" (api) must be a folder inside "src" (src)',
    );
    expect(() => generate(project(sources))).toThrow('no folder for generated entry points; set "out"');
  });

  it('namespaces that differ by case alone, and the name default', () => {
    const folder = project(
      {
        'src/ops.ts': `${importLine}export const a = /* @__PURE__ */ tfExport('nn.f', 'NN.f')(() => 1);\nexport const b = /* @__PURE__ */ tfExport('x.default')(() => 1);`,
      },
      config,
    );
    expect(planEntryPoints(folder).findings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['TFX014', 'TFX015']),
    );
    expect(generate(folder).findings.map(({ code }) => code)).toContain('TFX014');
    expect(existsSync(join(folder, 'src/api'))).toBe(false);
  });
});
