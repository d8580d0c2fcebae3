/**
 * Does the check catch what slips through? Real pairs of published versions (`published/`, typings as packed; sources and
 * licences in NOTICE) where a break shipped as a patch, as many where none did, and the same number of planted ones.
 * That a pair breaks is not our word: a consumer is compiled against both versions by TypeScript itself.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGolden } from '../src/node/golden/create';
import { diffGoldens, requiredBump } from '../src/node/semver/diff';
import { project, writeAll } from './project';

const published = join(import.meta.dirname, 'published');
const golden = (version: string) => createGolden(join(published, version), { prefer: 'typings' });
const required = (old: string, now: string) => requiredBump(diffGoldens(golden(old), golden(now)));

/** Package, versions, and a consumer that the newer one breaks. */
const broken = [
  [
    'tinyqueue',
    '2.0.1',
    '2.0.2',
    "import Queue from 'tinyqueue'; const q = new Queue<number>(); q.push('text');",
  ],
  [
    'tinyqueue',
    '2.0.2',
    '2.0.3',
    "import Queue from 'tinyqueue'; export const n: number = new Queue<number>([1]).pop();",
  ],
  [
    'eventemitter3',
    '4.0.6',
    '4.0.7',
    "import { Arguments } from 'eventemitter3'; export type A = Arguments<{ a: [number] }, 'a'>;",
  ],
  ['nanoid', '3.3.6', '3.3.7', "import { nanoid } from 'nanoid/async'; nanoid().then((id) => id.length);"],
  [
    'lru-cache',
    '7.17.0',
    '7.17.1',
    "import LRU from 'lru-cache'; new LRU<string, number>({ max: 1 }).has('a', { updateAgeOnHas: true });",
  ],
  [
    'lru-cache',
    '7.18.0',
    '7.18.1',
    "import LRU from 'lru-cache'; export const options: LRU.GetOptions = {};",
  ],
] as const;

/** Package, versions: typings differ (or not) and nothing breaks; the consumer uses what the older one has. */
const clean = [
  [
    'clsx',
    '1.1.1',
    '1.2.0',
    "import clsx from 'clsx'; export const c: string = clsx('a', { b: true }, ['c']);",
  ],
  [
    'clsx',
    '2.1.0',
    '2.1.1',
    "import { type ClassValue, clsx } from 'clsx'; const v: ClassValue = ['a']; export const c: string = clsx(v);",
  ],
  [
    'lru-cache',
    '7.17.1',
    '7.18.0',
    "import LRU from 'lru-cache'; export const n: number | undefined = new LRU<string, number>({ max: 1 }).get('a');",
  ],
  [
    'eventemitter3',
    '4.0.4',
    '4.0.5',
    "import EventEmitter from 'eventemitter3'; new EventEmitter<'a'>().on('a', () => {}).emit('a');",
  ],
  [
    'nanoid',
    '3.2.0',
    '3.3.0',
    "import { customAlphabet, nanoid } from 'nanoid'; export const id: string = nanoid(3) + customAlphabet('ab', 2)();",
  ],
  [
    'p-limit',
    '3.0.2',
    '3.1.0',
    "import pLimit from 'p-limit'; export const n: Promise<number> = pLimit(2)(async () => 1);",
  ],
] as const;

/** The compiler's errors in each consumer against each version, `<version>\n<consumer>` -> count; one program for all. */
function compileConsumers(): Map<string, number> {
  const folder = project({});
  const uses = [...broken, ...clean].flatMap(([name, old, now, consumer]) => [
    { name, version: `${name}-${old}`, consumer },
    { name, version: `${name}-${now}`, consumer },
  ]);
  const files = uses.map(({ name, version, consumer }, index) => {
    const target = join(folder, `use${index}`, 'node_modules', name);
    mkdirSync(target, { recursive: true });
    cpSync(join(published, version), target, { recursive: true });
    writeAll(folder, { [`use${index}/use.ts`]: consumer });
    return join(folder, `use${index}`, 'use.ts');
  });
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    esModuleInterop: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  });
  return new Map(
    uses.map(({ version, consumer }, index) => [
      `${version}\n${consumer}`,
      ts.getPreEmitDiagnostics(program, program.getSourceFile(files[index]!)).length,
    ]),
  );
}

let compiled: Map<string, number>;
beforeAll(() => {
  compiled = compileConsumers();
});
const errors = (version: string, consumer: string) => compiled.get(`${version}\n${consumer}`);

describe('published breaks in a patch', () => {
  it.each(broken)('%s %s -> %s: the compiler agrees that it breaks', (name, old, now, consumer) => {
    expect(errors(`${name}-${old}`, consumer)).toBe(0);
    expect(errors(`${name}-${now}`, consumer)).toBeGreaterThan(0);
  });

  it('are all caught, and no clean pair raises an alarm', () => {
    const caught = broken.filter(
      ([name, old, now]) => required(`${name}-${old}`, `${name}-${now}`) === 'major',
    );
    const alarms = clean.filter(
      ([name, old, now]) => required(`${name}-${old}`, `${name}-${now}`) === 'major',
    );
    expect({ caught: caught.length, of: broken.length, alarms: alarms.map(String) }).toEqual({
      caught: 6,
      of: 6,
      alarms: [],
    });
  });

  it.each(clean)('%s %s -> %s: the compiler agrees that it does not', (name, old, now, consumer) => {
    expect(errors(`${name}-${old}`, consumer)).toBe(0);
    expect(errors(`${name}-${now}`, consumer)).toBe(0);
  });
});

describe('planted changes in published typings', () => {
  const plant = (version: string, file: string, from: string, to: string) => {
    const text = ts.sys.readFile(join(published, version, file))!;
    expect(text, `${version} holds "${from}"`).toContain(from);
    const folder = project({});
    cpSync(join(published, version), folder, { recursive: true });
    writeAll(folder, { [file]: text.replace(from, to) });
    return requiredBump(diffGoldens(golden(version), createGolden(folder, { prefer: 'typings' })));
  };

  it.each([
    ['tinyqueue-2.0.3', 'index.d.ts', 'peek () : Item | undefined;', '', 'major'],
    ['tinyqueue-2.0.3', 'index.d.ts', 'length : number;', 'length : number | string;', 'major'],
    ['clsx-2.1.1', 'clsx.d.mts', '| string', '', 'major'],
    ['nanoid-3.3.6', 'index.d.ts', 'size?: number', 'size: number', 'major'],
    ['p-limit-3.1.0', 'index.d.ts', 'concurrency: number', 'concurrency: string', 'major'],
    ['eventemitter3-4.0.7', 'index.d.ts', 'listenerCount(', 'countListeners(', 'major'],
    ['tinyqueue-2.0.3', 'index.d.ts', 'length : number;', 'length : number; clear(): void;', 'minor'],
    ['clsx-2.1.1', 'clsx.d.mts', '| string', '| string | symbol', 'minor'],
    ['nanoid-3.3.6', 'index.d.ts', 'size?: number', 'length?: number', 'none'],
    ['p-limit-3.1.0', 'index.d.ts', 'concurrency: number', 'concurrency?: number', 'minor'],
    ['lru-cache-7.18.0', 'index.d.ts', 'declare class', '/** Keeps. */ declare class', 'none'],
  ] as [string, string, string, string, string][])(
    '%s %s: "%s" -> "%s"',
    (version, file, from, to, level) => {
      expect(plant(version, file, from, to)).toBe(level);
    },
  );
});
