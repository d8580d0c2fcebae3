import { beforeAll, describe, expect, it } from 'vitest';
import { createGolden } from '../src/node/golden/create';
import type { Golden } from '../src/node/golden/model';
import { type Change, diffGoldens, requiredBump } from '../src/node/semver/diff';
import { labelled } from './labelled';
import { importLine, oneEntry, project } from './project';

function changes(before: string, after: string): Change[] {
  const old = project({ 'src/index.ts': before }, oneEntry);
  const now = project({ 'src/index.ts': after }, oneEntry);
  return diffGoldens(createGolden(old), createGolden(now), { folder: now });
}

/** All cases as entry points of one package, so that the compiler starts twice and not 150 times. */
function samples(which: 'before' | 'after') {
  const files = labelled.map((sample, index) => [`src/c${index}.ts`, sample[which]] as const);
  const exports = Object.fromEntries(labelled.map((_, index) => [`./c${index}`, `./dist/c${index}.js`]));
  return createGolden(project(Object.fromEntries(files), { exports }));
}

describe('labelled changes', () => {
  let found: Change[];
  let now: Golden;
  beforeAll(() => {
    const old = samples('before');
    now = samples('after');
    found = diffGoldens(old, now);
  });

  it.each(labelled.map((sample, index) => [sample.title, sample.level, index] as const))(
    '%s is %s',
    (_, level, index) => {
      const own = found.filter(({ name }) => new RegExp(`(^|used by )\\./c${index}#`).test(name));
      expect(requiredBump(own), JSON.stringify(own, null, 1)).toBe(level);
    },
  );

  it('finds nothing when nothing changed', () => {
    expect(diffGoldens(now, JSON.parse(JSON.stringify(now)))).toEqual([]);
  });
});

describe('names', () => {
  const named = (names: string, options = '') =>
    `${importLine}export const relu = /* @__PURE__ */ tfExport(${names}${options})((x: number) => Math.max(x, 0));`;

  it('a canonical name that becomes a deprecated alias is minor', () => {
    const found = changes(
      named("'nn.relu'"),
      named("'math.relu', 'nn.relu'", ", { deprecated: ['nn.relu'] }"),
    );
    expect(requiredBump(found.filter(({ name }) => !name.startsWith('.#')))).toBe('minor');
    expect(found.map(({ name, text }) => `${name} ${text}`)).toContain(
      'nn.relu is a deprecated name now; the canonical one is math.relu',
    );
  });

  it('a renamed symbol without an alias is major, and the heir is named', () => {
    const found = changes(named("'nn.relu'"), named("'math.relu'"));
    expect(found[0]).toMatchObject({ level: 'major', name: 'compat.v1.nn.relu' });
    expect(found.find(({ name }) => name === 'nn.relu')?.text).toMatch(/was removed; .*looks the same/);
  });

  it('a lost V1 name alone is major', () => {
    const found = changes(named("'nn.relu'"), named("'nn.relu'", ', { v1: [] }'));
    expect(found).toEqual([
      { level: 'major', name: 'compat.v1.nn.relu', text: expect.stringContaining('was removed') },
    ]);
  });
});

describe('levels', () => {
  it('takes the level of a changed default from the caller', () => {
    const of = (text: string) => createGolden(project({ 'src/index.ts': text }, oneEntry));
    const old = of('export function f(a = 1): number { return a }');
    const now = of('export function f(a = 2): number { return a }');
    expect(diffGoldens(old, now, { defaultChange: 'patch' })).toEqual([
      { level: 'patch', name: '.#f', text: 'the default of "a" changed from 1 to 2' },
    ]);
  });

  it('what the compiler cannot judge asks for review, and counts as major when strict', () => {
    const found = changes(
      'export declare function f<T>(x: T): T extends string ? number : boolean;',
      'export declare function f<T>(x: T): T extends number ? string : boolean;',
    );
    expect(found).toMatchObject([{ level: 'review', name: '.#f' }]);
    expect(requiredBump(found)).toBe('patch');
    expect(requiredBump(found, { strict: true })).toBe('major');
  });
});
