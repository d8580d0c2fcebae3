/** The run-time record of what was exported under which names. */
import { errorOf, type Problem, type TfExportError } from './errors';
import { type Declared, NameTable, tableNames } from './names';
import { unwrap } from './wrapper';

/** A function, class or object with the names it was exported under. */
export interface RegisteredSymbol extends Declared {
  readonly apiName: string;
  /** What was exported: the argument itself, a wrapper included. */
  readonly symbol: object;
  /** First version that has it, as the export says. */
  readonly since?: string;
}

/** A constant with its names; a primitive has no identity, so constants have no canonical name. */
export interface ConstantExport extends Omit<Declared, 'deprecated'> {
  readonly apiName: string;
  readonly value: unknown;
}

export interface RegistryOptions {
  /**
   * What a name that is taken does: 'error' throws `DuplicateNameError`; 'replace' hands it to the newcomer, for hot
   * reloading and for processes that load two builds of one library. Default 'error'.
   */
  readonly duplicates?: 'error' | 'replace';
}

type Entry = { apiName: string; place: string } & (
  | { kind: 'symbol'; record: RegisteredSymbol }
  | { kind: 'constant'; record: ConstantExport }
);

/** Where a registration came from, for messages; computed only when one is needed. */
export type Place = () => string;

/** Symbols by name and names by symbol. Names are kept beside the symbols, never on them: frozen functions work. */
export class ApiRegistry {
  duplicates: 'error' | 'replace';
  private readonly bySymbol = new WeakMap<object, Map<string, Entry & { kind: 'symbol' }>>();
  private readonly tables = new Map<string, NameTable<Entry>>();
  private readonly list = new Set<Entry>();

  constructor({ duplicates = 'error' }: RegistryOptions = {}) {
    this.duplicates = duplicates;
  }

  /**
   * Records a symbol under its names; all of them or, when one is refused, none.
   *
   * @throws SymbolAlreadyExposedError, DeprecatedNamesAlreadySetError, DuplicateNameError.
   */
  register(
    record: RegisteredSymbol,
    { allowMultipleExports = false, place }: { allowMultipleExports?: boolean; place?: Place } = {},
  ): void {
    const { apiName, symbol } = record;
    const key = unwrap(symbol) as object;
    const known = this.bySymbol.get(key)?.get(apiName);
    if (known && !allowMultipleExports) {
      const [name] = tableNames(known.record);
      throw fail(
        'TFX003',
        `${describe(symbol)} is already exported as ${name}${at(known.place)}; pass allowMultipleExports to add names`,
      );
    }
    if (known && known.record.deprecated.length > 0 && record.deprecated.length > 0) {
      throw fail(
        'TFX012',
        `${describe(symbol)} has deprecated names already: ${known.record.deprecated.join(', ')}`,
      );
    }
    const merged = known ? joined(known.record, record) : record;
    const entry: Entry & { kind: 'symbol' } = known ?? {
      kind: 'symbol',
      apiName,
      place: place?.() ?? '',
      record,
    };
    this.claim(tableNames(merged), entry);
    entry.record = merged;
    const byApi = this.bySymbol.get(key) ?? new Map();
    this.bySymbol.set(key, byApi.set(apiName, entry));
  }

  /** Records a constant under its names. @throws DuplicateNameError */
  registerConstant(record: ConstantExport, place?: Place): void {
    const entry: Entry = { kind: 'constant', apiName: record.apiName, place: place?.() ?? '', record };
    this.claim(tableNames(record), entry);
  }

  /** Every registered symbol, in order of registration; of one API if a name is given. */
  *symbols(apiName?: string): IterableIterator<RegisteredSymbol> {
    for (const entry of this.list) {
      if (entry.kind === 'symbol' && (apiName ?? entry.apiName) === entry.apiName) yield entry.record;
    }
  }

  /** Every registered constant, in order of registration; of one API if a name is given. */
  *constants(apiName?: string): IterableIterator<ConstantExport> {
    for (const entry of this.list) {
      if (entry.kind === 'constant' && (apiName ?? entry.apiName) === entry.apiName) yield entry.record;
    }
  }

  /** The symbol or constant of a name; V1 names start with `compat.v1.`. */
  find(apiName: string, name: string): RegisteredSymbol | ConstantExport | undefined {
    return this.tables.get(apiName)?.get(name)?.record;
  }

  /** The record of a symbol, or of the function it wraps. A subclass has none of its base class. */
  recordOf(apiName: string, symbol: unknown): RegisteredSymbol | undefined {
    const key = unwrap(symbol);
    if ((typeof key !== 'object' && typeof key !== 'function') || key === null) return undefined;
    return this.bySymbol.get(key)?.get(apiName)?.record;
  }

  /** Forgets everything. */
  clear(): void {
    for (const entry of this.list) if (entry.kind === 'symbol') this.bySymbol.delete(keyOf(entry));
    this.list.clear();
    this.tables.clear();
  }

  /** Takes all names for an entry, or throws and takes none. */
  private claim(names: string[], entry: Entry): void {
    const table = this.tables.get(entry.apiName) ?? new NameTable<Entry>(placeOf);
    this.tables.set(entry.apiName, table);
    for (const name of names) {
      const inner = names.find((other) => other.startsWith(`${name}.`));
      if (inner) throw fail('TFX005', `${name} is a namespace (${inner}) and cannot be a symbol too`);
    }
    const replaced: string[] = [];
    for (const name of names) {
      const problem = table.problem(name, entry);
      if (!problem) continue;
      if (problem.code !== 'TFX004' || this.duplicates === 'error') throw errorOf(problem);
      replaced.push(name);
    }
    for (const name of replaced) this.release(name, table);
    for (const name of names) table.add(name, entry);
    this.list.add(entry);
  }

  /** Takes a name from its owner, and forgets an owner that has none left. */
  private release(name: string, table: NameTable<Entry>): void {
    const loser = table.get(name);
    table.delete(name);
    if (loser && ![...table.entries()].some(([, owner]) => owner === loser)) {
      this.list.delete(loser);
      if (loser.kind === 'symbol') this.bySymbol.get(keyOf(loser))?.delete(loser.apiName);
    }
  }
}

const keyOf = (entry: Entry & { kind: 'symbol' }) => unwrap(entry.record.symbol) as object;

function joined(old: RegisteredSymbol, added: RegisteredSymbol): RegisteredSymbol {
  const join = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])];
  return {
    ...old,
    names: join(old.names, added.names),
    namesV1: join(old.namesV1, added.namesV1),
    deprecated: join(old.deprecated, added.deprecated),
    since: old.since ?? added.since,
  };
}

const fail = (code: Problem['code'], text: string): TfExportError => errorOf({ code, text });
const at = (place: string): string => (place ? ` (${place})` : '');

function placeOf(entry: Entry): string {
  const what = entry.kind === 'symbol' ? describe(entry.record.symbol) : 'a constant';
  return entry.place ? `${what} (${entry.place})` : what;
}

/** A symbol as messages show it. Its name may be a minifier's, which is why it never takes part in a decision. */
function describe(symbol: object): string {
  const name = typeof symbol === 'function' ? symbol.name : '';
  return name || (typeof symbol === 'function' ? 'an unnamed function' : 'an object');
}

const registryKey = Symbol.for('tf-export-decorator');

/**
 * The registry that the exporters use unless told otherwise: one for the process, also when two copies of this package
 * are loaded.
 */
export const defaultRegistry: ApiRegistry = /* @__PURE__ */ (() => {
  const holder = globalThis as { [registryKey]?: ApiRegistry };
  holder[registryKey] ??= new ApiRegistry();
  return holder[registryKey];
})();
