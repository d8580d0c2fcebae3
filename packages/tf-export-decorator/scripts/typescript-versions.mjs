/**
 * Runs the built command line under each supported TypeScript on the same packages: named exports in all three forms,
 * every labelled change before and after, and packages/core. Goldens must be equal to the byte, and findings the same.
 * packages/core writes Uint8Array<ArrayBuffer>, which is an error (and `any`) before TypeScript 5.7: it is compared from
 * there on. TypeScript 7 must be refused with its message. Compilers are installed into <cache>/typescript/<version>.
 *
 *   npm run build && node scripts/typescript-versions.mjs [version...]
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

const here = resolve(import.meta.dirname, '..');
const root = resolve(here, '..', '..');
const cache = resolve(process.env.TFKIT_CACHE ?? join(root, '.cache'), 'typescript');
const cli = join(here, 'dist', 'cli', 'main.js');
const given = process.argv.slice(2);
const supported = given.length > 0 ? given : ['5.4.5', '5.5.4', '5.9.3', '6.0.3'];
const withoutApi = '7.0.2';

const tsconfig = {
  compilerOptions: {
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'bundler',
    strict: true,
    noEmit: true,
    types: [],
  },
  include: ['src'],
};

const named = `import { tfExport, kerasExport } from '@tfkit/tf-export-decorator';
/** Options. */
export interface Options { axis?: number; readonly mode?: 'same' | 'valid' }
function relu_<T extends Float32Array | number>(x: T, options?: Options): T;
function relu_(x: string): string;
function relu_(x: unknown, { axis = 1 }: Options = {}): unknown { return axis ? x : x; }
export const relu = /* @__PURE__ */ tfExport('nn.relu', 'relu', { v1: ['nn.relu'], deprecated: ['relu'] })(relu_);
export function own<T>(body: (keep: <U extends Layer | Array<T>>(layer: U) => U) => T): T { return body((x) => x); }
@kerasExport('keras.layers.Layer')
export abstract class Layer<T = unknown> {
  protected state?: T;
  get size(): number { return 1; }
  abstract call(...inputs: readonly T[]): Promise<T>;
  static of<T>(value: T): T { return value; }
}
/** @tfExport nn.Activation */
export type Activation = 'relu' | 'gelu' | ((x: number) => number);
/** @tfExport math.isText @deprecated use typeof */
export function isText(x: unknown): x is string { return typeof x === 'string'; }
export const table = { relu: 1, nested: { deep: [1, 2] as const } } satisfies Record<string, unknown>;
export enum Mode { Same = 1, Valid = 'v' }
`;

/** The packages to read: file name -> text. */
async function samples() {
  const out = join(here, 'node_modules', '.cache', 'labelled.mjs');
  await build({
    entryPoints: [join(here, 'test', 'labelled.ts')],
    outfile: out,
    format: 'esm',
    bundle: true,
  });
  const { labelled } = await import(out);
  rmSync(out);
  const manifest = (exports) =>
    JSON.stringify({ name: 'sample', version: '1.0.0', type: 'module', exports }, null, 2);
  const changes = (which) =>
    Object.fromEntries([
      ['package.json', manifest(Object.fromEntries(labelled.map((_, i) => [`./c${i}`, `./dist/c${i}.js`])))],
      ['tsconfig.json', JSON.stringify(tsconfig)],
      ...labelled.map((sample, i) => [`src/c${i}.ts`, sample[which]]),
    ]);
  return {
    named: {
      'package.json': manifest({ '.': './dist/index.js' }),
      'tsconfig.json': JSON.stringify(tsconfig),
      'src/index.ts': named,
    },
    before: changes('before'),
    after: changes('after'),
  };
}

function install(version) {
  const folder = join(cache, version);
  if (!existsSync(join(folder, 'node_modules', 'typescript', 'package.json'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `typescript@${version}`];
    const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`typescript@${version} cannot be installed: ${stderr.split('\n')[0]}`);
  }
  return join(folder, 'node_modules', 'typescript');
}

/** The repository's node_modules with another compiler in it. */
function linkModules(folder, compiler) {
  const from = join(root, 'node_modules');
  mkdirSync(folder);
  for (const name of readdirSync(from)) {
    if (name !== 'typescript' && !name.startsWith('.')) symlinkSync(join(from, name), join(folder, name));
  }
  symlinkSync(compiler, join(folder, 'typescript'), 'dir');
}

/** Lays out the packages for one compiler. */
function layOut(folder, packages, compiler) {
  linkModules(join(folder, 'node_modules'), compiler);
  for (const [name, files] of Object.entries(packages)) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, 'packages', name, path)), { recursive: true });
      writeFileSync(join(folder, 'packages', name, path), text);
    }
  }
  cpSync(join(root, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  for (const path of ['src', 'package.json', 'tsconfig.json'])
    cpSync(join(root, 'packages', 'core', path), join(folder, 'packages', 'core', path), { recursive: true });
}

function tfExport(folder, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, output: `${stdout}${stderr}`.replaceAll(folder, '') };
}

/** Everything the command line says and writes under one compiler: label -> text. */
function observe(folder, names) {
  const seen = new Map();
  const note = (label, { status, output }) => seen.set(label, `exit ${status}\n${output}`);
  for (const name of names) {
    const at = join(folder, 'packages', name);
    note(`${name}: golden --update`, tfExport(at, 'golden', '--update'));
    for (const file of existsSync(join(at, 'api')) ? readdirSync(join(at, 'api')) : [])
      seen.set(`${name}: ${file}`, readFileSync(join(at, 'api', file), 'utf8'));
  }
  note('named: scan', tfExport(join(folder, 'packages', 'named'), 'scan', '--json'));
  note('named: check', tfExport(join(folder, 'packages', 'named'), 'check'));
  note('named: generate', tfExport(join(folder, 'packages', 'named'), 'generate'));
  note('diff', tfExport(folder, 'diff', 'packages/before', 'packages/after', '--json'));
  return seen;
}

/** The first line in which two texts differ. */
function difference(a, b) {
  const [before, after] = [a.split('\n'), b.split('\n')];
  const at = before.findIndex((line, index) => line !== after[index]);
  return `line ${at + 1}\n  ${before[at]?.slice(0, 300)}\n  ${after[at]?.slice(0, 300)}`;
}

const packages = await samples();
const readsCore = (version) => !/^5\.[0-6]\./.test(version);
const folder = mkdtempSync(join(tmpdir(), 'tfx-versions-'));
let failures = 0;
const fail = (text) => {
  failures++;
  console.error(`FAIL ${text}`);
};
try {
  // Each output's first version is what the others are compared to.
  const expected = new Map();
  for (const version of supported) {
    const at = join(folder, version);
    mkdirSync(at);
    layOut(at, packages, install(version));
    const seen = observe(at, [...Object.keys(packages), ...(readsCore(version) ? ['core'] : [])]);
    const wrong = [...seen].filter(
      ([label, text]) => /: (golden|check|scan)/.test(label) && !text.startsWith('exit 0'),
    );
    for (const [label, text] of wrong) fail(`typescript ${version}: ${label}: ${text.slice(0, 400)}`);
    for (const [label, text] of seen) {
      const first = expected.get(label);
      if (!first) expected.set(label, { version, text });
      else if (first.text !== text)
        fail(
          `typescript ${version}: ${label} differs from ${first.version}: ${difference(first.text, text)}`,
        );
    }
    console.log(`typescript ${version}: ${seen.size} outputs`);
  }
  const at = join(folder, withoutApi);
  mkdirSync(at);
  layOut(at, packages, install(withoutApi));
  const { status, output } = tfExport(join(at, 'packages', 'named'), 'golden');
  const message = 'tf-export: TFX022 typescript 7 has no compiler API';
  if (status !== 2 || !output.startsWith(message) || output.trim().includes('\n'))
    fail(`typescript ${withoutApi}: exit ${status}: ${output}`);
  else console.log(`typescript ${withoutApi}: exit 2, ${output.trim()}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(failures === 0 ? 'equal under all versions' : `${failures} differences`);
process.exitCode = failures === 0 ? 0 : 1;
