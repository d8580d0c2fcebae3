import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeFiles } from '../src/node/files';
import { createGolden } from '../src/node/golden/create';
import { goldenMarkdown } from '../src/node/golden/markdown';
import { goldenDrift, goldenFiles, goldenText, parseGolden } from '../src/node/golden/store';
import { readPackage } from '../src/node/package';
import { InputError } from '../src/node/problems';
import { importLine, oneEntry, project, writeAll } from './project';

const ops = `${importLine}
type Pad = 'same' | 'valid' | number;
function conv2d_(x: number[], options: { pad?: Pad } = {}): number[];
function conv2d_(x: string, options?: { pad?: Pad }): string;
function conv2d_(x: never, { pad = 'same' }: { pad?: Pad } = {}): never { void pad; return x; }
const op = <T>(f: T): T => f;
/** @deprecated Use conv. */
export const conv2d = /* @__PURE__ */ tfExport('nn.conv2d', 'conv2d', { deprecated: ['conv2d'], v1: ['nn.conv2d'] })(op(conv2d_));
export function relu(x: number, limit = 6, mode: 'a' | 'b' = "a"): number { return mode ? x : limit; }
`;
const index = "export * from './ops.js';\nexport * as extra from './extra.js';\n";
const extra =
  'export abstract class Layer<T extends object = {}> { protected x?: T; static of(): void {} abstract call(x: T): T; private y = 1 }\n';
const sources = { 'src/ops.ts': ops, 'src/index.ts': index, 'src/extra.ts': extra };
const textOf = (files: Record<string, string>) => goldenText(createGolden(project(files, oneEntry)));

describe('the golden', () => {
  it('sees through calls: overloads, defaults, names, deprecations, namespaces', () => {
    const markdown = goldenMarkdown(createGolden(project(sources, oneEntry)));
    expect(markdown).toContain(
      '/** @deprecated */ function conv2d(x: number[], options?: { pad?: Pad | undefined } = {}): number[] // also conv2d, compat.v1.nn.conv2d; deprecated: conv2d',
    );
    expect(markdown).toContain('function conv2d(x: string, options?: { pad?: Pad | undefined }): string');
    expect(markdown).toContain(
      'function relu(x: number, limit?: number = 6, mode?: "a" | "b" = "a"): number',
    );
    expect(markdown).toContain('abstract class extra.Layer<T extends object = {}>');
    expect(markdown).toContain('  protected x?: T');
    expect(markdown).not.toContain('private');
    expect(markdown).toContain('type Pad = "same" | "valid" | number');
  });

  it('has the same text after reformatting, moving files and adding unrelated ones', () => {
    const before = textOf(sources);
    const reformatted = ops.replaceAll("'", '"').replaceAll('): ', ')  :\n ').replaceAll(', ', ',\n    ');
    expect(textOf({ ...sources, 'src/ops.ts': reformatted })).toBe(before);
    expect(
      textOf({
        'src/deep/ops.ts': ops,
        'src/deep/extra.ts': extra,
        'src/index.ts': index.replaceAll('./', './deep/'),
      }),
    ).toBe(before);
    const earlier =
      "export type Mode = 'b' | 'a' | number | 'valid' | 'same';\nexport const mode: Mode = 'b';\n";
    expect(textOf({ ...sources, 'src/aaa.ts': earlier, 'src/ops.ts': `import './aaa.js';\n${ops}` })).toBe(
      before,
    );
  });

  it('holds no file, no line and no text of documentation', () => {
    expect(textOf(sources)).not.toMatch(/ops\.ts|\/tmp|Use conv/);
  });

  it('follows the exports map: sub-paths, patterns, JSON left out', () => {
    const exports = {
      '.': './dist/index.js',
      './sub': { import: { types: './dist/deep/sub.d.ts' } },
      './ops/*': './dist/ops/*.js',
      './package.json': './package.json',
    };
    const folder = project(
      {
        'src/index.ts': 'export const a = 1;',
        'src/deep/sub.ts': 'export const b = 1;',
        'dist/ops/x.js': '',
        'src/ops/x.ts': 'export const c = 1;',
      },
      { exports },
    );
    expect(Object.keys(createGolden(folder).exports)).toEqual(['.#a', './ops/x#c', './sub#b']);
  });

  it('reads typings where there are no sources, export = included', () => {
    const folder = project(
      {
        'index.d.ts':
          'declare function f(a: number): void; declare namespace f { const version: string } export = f;',
      },
      { types: './index.d.ts' },
    );
    expect(Object.keys(createGolden(folder).exports)).toEqual([
      '.#export=',
      '.#export=.version',
      '.#version',
    ]);
  });
});

describe('golden files', () => {
  it('are written whole, and their drift is shown as a diff', () => {
    const folder = project(sources, oneEntry);
    const found = readPackage(folder);
    expect(goldenDrift(found, createGolden(folder))).toContain('+ # API of sample');
    writeFiles(goldenFiles(found, createGolden(folder)));
    expect(goldenDrift(found, createGolden(folder))).toBeUndefined();
    writeAll(folder, { 'src/extra.ts': `${extra}export const more = 1;\n` });
    expect(goldenDrift(found, createGolden(folder))).toMatch(
      /^--- sample\.api\.md\n[\s\S]*\+ const extra\.more: 1/,
    );
  });

  it('are refused with one clear error, whatever is in them', () => {
    const good = goldenText(createGolden(project(sources, oneEntry)));
    expect(parseGolden(good, 'x')).toMatchObject({ format: 1, package: 'sample' });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ maxLength: 4 }), (at, text) => {
        const broken = good.slice(0, at) + text + good.slice(at + 1);
        try {
          parseGolden(broken, 'x.json');
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).toMatch(
            /^x\.json: is no golden \([\s\S]+\); run tf-export golden --update$/,
          );
        }
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(() => parseGolden(json, 'x')).toThrow(InputError);
      }),
    );
  });
});

describe('what cannot be read', () => {
  const fails = (files: Record<string, string>, manifest: object = oneEntry) =>
    expect(() => createGolden(project(files, manifest)));
  it('names the place and the cure', () => {
    fails({ 'src/index.ts': 'export const = 1;' }).toThrow(
      /^src\/index\.ts:1:14 syntax error: .* Mend it and run again\.$/,
    );
    fails({ 'src/index.ts': "export * from 'no-such-package';" }).toThrow(
      'src/index.ts:1:15 cannot find no-such-package; install it, or build the package it is in',
    );
    fails({}).toThrow('no source or typings found for .; build first');
    fails({ 'src/index.ts': '', 'tsconfig.json': '{ "compilerOptions": { "target": "ES1" } }' }).toThrow(
      /tsconfig\.json: /,
    );
    fails(
      { 'src/index.ts': 'export {}' },
      { ...oneEntry, tfExport: { tsconfig: 'tsconfig.lib.json' } },
    ).toThrow('tsconfig.lib.json: does not exist; add it');
  });

  it('leaves the old golden when writing fails', () => {
    const folder = project({ 'api/sample.api.json': 'old' });
    const files = new Map([
      [join(folder, 'api/sample.api.json'), 'new'],
      [join(folder, 'package.json', 'x'), 'new'],
    ]);
    expect(() => writeFiles(files)).toThrow(InputError);
    expect(readFileSync(join(folder, 'api/sample.api.json'), 'utf8')).toBe('old');
  });
});
