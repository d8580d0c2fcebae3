/**
 * Golden cases: rows of TensorFlow's export table. Each symbol is registered as a fresh object; canonical names, V1
 * names and namespaces must come out as TensorFlow's, and no name twice.
 */
import { readFileSync } from 'node:fs';
import type { GoldenAdapter } from '@tfkit/test-kit/golden';
import { ApiRegistry, createApiExport, DuplicateNameError, getCanonicalNameForSymbol } from '../src/index';
import { planNamespaces } from '../src/node/plan';

interface Row {
  readonly q: string;
  readonly kind: 'class' | 'function' | 'constant' | 'module';
  readonly v2: readonly string[];
  readonly v1: readonly string[];
  readonly canonical: string | null;
  readonly canonicalV1Prefixed?: string;
  readonly deprecated?: readonly string[];
  readonly inPublicModules?: boolean;
}

interface Document {
  readonly exports: readonly Row[];
  readonly publicModulesV2?: Readonly<Record<string, readonly string[]>>;
  readonly publicModulesV1?: Readonly<Record<string, readonly string[]>>;
}

const sample: Document = JSON.parse(
  readFileSync(new URL('./golden/tf-exports-sample.json', import.meta.url), 'utf8'),
);

function symbolOf({ kind }: Row): never {
  const fresh = { class: class {}, module: {}, function: () => 0, constant: 0 };
  return fresh[kind] as never;
}

/** Registers a row. TensorFlow lets names be deprecated that are exported nowhere; they change no canonical name. */
function register(row: Row, registry: ApiRegistry): unknown {
  const symbol = symbolOf(row);
  const all = [...row.v2, ...row.v1];
  const deprecated = (row.deprecated ?? []).filter((name) => all.includes(name));
  const exporter = createApiExport('tensorflow', { registry })(...row.v2, { v1: row.v1, deprecated });
  if (row.kind === 'constant') exporter.exportConstant(symbol);
  else exporter(symbol);
  return symbol;
}

function equal(what: string, actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

function checkNames({ exports }: Document): void {
  const registry = new ApiRegistry();
  for (const row of exports) {
    const symbol = register(row, registry);
    if (row.kind === 'constant') continue;
    equal(`${row.q} canonical`, getCanonicalNameForSymbol(symbol, { registry }), row.canonical ?? undefined);
    const prefixed = getCanonicalNameForSymbol(symbol, { registry, addPrefixToV1Names: true });
    equal(`${row.q} prefixed`, prefixed, row.canonicalV1Prefixed ?? row.canonical ?? undefined);
  }
  const count = [...registry.symbols()].length + [...registry.constants()].length;
  equal('registered', count, exports.length);
  checkSwaps(exports, registry);
}

/** A symbol that takes another's name is refused, and for that name alone. */
function checkSwaps(exports: readonly Row[], registry: ApiRegistry): void {
  const before = [...registry.symbols()].length;
  for (const [index, { v2, v1 }] of exports.entries()) {
    const [name] = v2.length > 0 ? v2 : v1;
    const row: Row = {
      q: 'swapped',
      kind: 'function',
      canonical: null,
      v2: v2.length > 0 ? [name!] : [],
      v1: v2.length > 0 ? [] : [name!],
    };
    let code = 'nothing';
    try {
      register(row, registry);
    } catch (error) {
      code =
        error instanceof DuplicateNameError &&
        error.message.startsWith(`TFX004 name ${v2.length > 0 ? '' : 'compat.v1.'}${name} is taken by `)
          ? error.code
          : String(error);
    }
    equal(`a second ${name}`, code, 'TFX004');
    if (index < 64) checkSwappedPlan(exports, index);
  }
  equal('registered after all refusals', [...registry.symbols()].length, before);
}

/** The generator's view of the same: one row with another row's first name gives one finding. */
function checkSwappedPlan(exports: readonly Row[], index: number): void {
  const version = exports[index]!.v2.length > 0 ? 'v2' : 'v1';
  const namesOf = (row: Row) => row[version];
  const victim = exports.find((row, at) => at !== index && namesOf(row).length > 0);
  if (!victim) return;
  const rows = exports.map((row, at) => ({
    q: row.q,
    names: row.v2,
    namesV1: row.v1,
    ...(at === index ? { [version === 'v2' ? 'names' : 'namesV1']: [namesOf(victim)[0]!] } : {}),
  }));
  const { findings } = planNamespaces(rows, version, ({ q }) => ({ label: q }));
  equal(
    `plan with ${exports[index]!.q} swapped`,
    findings.map(({ code }) => code),
    ['TFX004'],
  );
}

/** `tensorflow.nn`, `tf.nn` and `compat.v1.nn` are all `nn` here; the root is ''. */
const spaceOf = (key: string) => key.replace(/^(tensorflow|tf)(\.|$)/, '').replace(/^compat\.v1(\.|$)/, '');

function checkNamespaces(document: Document, version: 'v1' | 'v2'): void {
  const given = version === 'v2' ? document.publicModulesV2 : document.publicModulesV1;
  const rows = document.exports.filter((row) => row.inPublicModules !== false);
  const label = ({ q }: Row) => ({ label: q });
  const plan = (chosen: readonly Row[]) =>
    planNamespaces(
      chosen.map((row) => ({ ...row, names: row.v2, namesV1: row.v1 })),
      version,
      label,
    );
  const { findings } = plan(rows);
  equal(`${version} findings`, findings, []);
  if (!given) return;
  const expected = new Map(
    Object.entries(given).map(([key, leaves]) => [
      version === 'v1' ? spaceOf(key) : key.replace(/^(tensorflow|tf)(\.|$)/, ''),
      [...leaves].sort(),
    ]),
  );
  const listed = new Set(
    [...expected].flatMap(([space, leaves]) =>
      leaves.map((leaf) => (space === '' ? leaf : `${space}.${leaf}`)),
    ),
  );
  // A table may be split over files: sample rows that the lists name and this file does not hold belong to it.
  const held = new Set(rows.map(({ q }) => q));
  const split = sample.exports.filter(
    (row) => !held.has(row.q) && row[version].length > 0 && row[version].every((name) => listed.has(name)),
  );
  const { namespaces } = plan([...rows, ...split]);
  const actual = new Map([...namespaces].map(([space, leaves]) => [space, [...leaves.keys()].sort()]));
  for (const space of new Set([...actual.keys(), ...expected.keys()])) {
    equal(`${version} namespace "${space}"`, actual.get(space) ?? [], expected.get(space) ?? []);
  }
}

const adapter: GoldenAdapter = {
  needsBackend: false,
  async check({ document }) {
    if (!Array.isArray(document?.exports) || document.exports.length === 0)
      throw new Error('the file has no rows under "exports"');
    checkNames(document);
    checkNamespaces(document, 'v2');
    checkNamespaces(document, 'v1');
    return undefined;
  },
};

export default adapter;
