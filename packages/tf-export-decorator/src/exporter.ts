/** The exporters: functions that give a symbol its public names and hand it back unchanged. */
import { BadExportError, errorOf } from './errors';
import { canonicalOf, type Declared, declarationProblem, type NameRules } from './names';
import { type ApiRegistry, type ConstantExport, defaultRegistry, type RegisteredSymbol } from './registry';

/** Any function. */
// biome-ignore lint/suspicious/noExplicitAny: any parameter list must be assignable to it
export type AnyFunction = (...args: any[]) => unknown;
/** Any class. */
// biome-ignore lint/suspicious/noExplicitAny: any parameter list must be assignable to it
export type AnyClass = abstract new (...args: any[]) => unknown;

export interface ExportOptions {
  /** Names in the V1 API (`compat/v1`). Default: the V2 names. `[]`: not in V1. */
  readonly v1?: readonly string[];
  /** Which of the names are deprecated. They stay importable, and are no canonical name while another is left. */
  readonly deprecated?: readonly string[];
  /** Whether a symbol that was exported before gets these names too. Default false: that is an error. */
  readonly allowMultipleExports?: boolean;
  /** The first version that has the symbol; recorded, never compared. */
  readonly since?: string;
}

/** One export, ready to be applied: as a call `/* @__PURE__ *\/ tfExport('nn.relu')(relu)` or before a class as `@tfExport('Layer')`. */
export interface ApiExport {
  /** The symbol itself, of the same type, now registered. */
  <T extends AnyFunction | AnyClass>(symbol: T, context?: ClassDecoratorContext): T;
  /** The value itself, of its literal type, now registered as a constant. */
  exportConstant<const V>(value: V): V;
  readonly names: readonly string[];
  readonly namesV1: readonly string[];
  readonly apiName: string;
}

/** `tfExport('nn.relu')`, `tfExport('nn.relu', 'relu', {v1: []})`, `tfExport({v1: ['old']})`. */
export interface ExportFactory {
  (...args: readonly [...names: string[]] | readonly [...names: string[], options: ExportOptions]): ApiExport;
  readonly apiName: string;
}

export interface ApiExportOptions {
  /** Where symbols are recorded. Default `defaultRegistry`. */
  readonly registry?: ApiRegistry;
  /** Names must start with `<prefix>.`. Default: none. */
  readonly prefix?: string;
  /** Namespaces in which nothing may be exported. */
  readonly reserved?: readonly string[];
}

/**
 * An exporter for one API, such as `tfExport` for 'tensorflow'.
 *
 * @param apiName the API's name: symbols of different APIs do not share names.
 * @throws (the exporter) InvalidSymbolNameError, BadExportError; (its result) DuplicateNameError,
 *   SymbolAlreadyExposedError, DeprecatedNamesAlreadySetError.
 * @example
 * const opsExport = createApiExport('ops', { prefix: 'ops' });
 * export const add = opsExport('ops.add')((a: number, b: number) => a + b);
 * Source: TensorFlow 2.21, `tf_export.api_export` under `functools.partial(api_export, api_name=...)`.
 */
export function createApiExport(apiName: string, options: ApiExportOptions = {}): ExportFactory {
  const rules: NameRules = { exporter: exporterName(apiName), ...options };
  const registry = () => options.registry ?? defaultRegistry;
  const factory = (...args: readonly unknown[]): ApiExport => {
    const { declared, given } = readArguments(args, rules);
    const { names, namesV1 } = declared;
    const problem = declarationProblem(declared, rules);
    if (problem) throw errorOf(problem);
    const since = given.since === undefined ? {} : { since: given.since };

    const apply = <T>(symbol: T, context?: { readonly kind?: unknown }): T => {
      const place = callSite(apply);
      checkSymbol(symbol, context, rules.exporter);
      const record: RegisteredSymbol = { apiName, ...declared, symbol, ...since };
      registry().register(record, { allowMultipleExports: given.allowMultipleExports, place });
      return symbol;
    };
    const exportConstant = <T>(value: T): T => {
      if (value === undefined) {
        throw new BadExportError(
          'TFX017',
          `${rules.exporter} cannot export undefined as ${canonicalOf(declared)}`,
        );
      }
      registry().registerConstant({ apiName, names, namesV1, value }, callSite(exportConstant));
      return value;
    };
    return Object.assign(apply, { exportConstant, names, namesV1, apiName }) as ApiExport;
  };
  return Object.assign(factory, { apiName }) as ExportFactory;
}

/** Exports under `tf`: names are bare, as in `nn.relu`. */
export const tfExport: ExportFactory = /* @__PURE__ */ createApiExport('tensorflow');

/** Exports under `keras`: names start with `keras.`, as in `keras.layers.Dense`. */
export const kerasExport: ExportFactory = /* @__PURE__ */ createApiExport('keras', { prefix: 'keras' });

/** How messages call the exporter of an API: `tfExport`, `kerasExport`. */
export function exporterName(apiName: string): string {
  return apiName === 'tensorflow' ? 'tfExport' : `${apiName}Export`;
}

function readArguments(
  args: readonly unknown[],
  { exporter }: NameRules,
): { declared: Declared; given: ExportOptions } {
  const last = args.at(-1);
  const hasOptions = typeof last === 'object' && last !== null;
  const names = hasOptions ? args.slice(0, -1) : args;
  const given: ExportOptions = hasOptions ? last : {};
  for (const key of Object.keys(given)) {
    if (!['v1', 'deprecated', 'allowMultipleExports', 'since'].includes(key)) {
      throw new BadExportError('TFX017', `${exporter} has no option "${key}"`);
    }
  }
  const declared = {
    names: checkNames(names, exporter, 'names'),
    namesV1: checkNames(given.v1 ?? names, exporter, 'v1'),
    deprecated: checkNames(given.deprecated ?? [], exporter, 'deprecated'),
  };
  return { declared, given };
}

function checkNames(value: unknown, exporter: string, argument: string): readonly string[] {
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return [...value];
  const got = typeof value === 'string' ? `"${value}"` : Array.isArray(value) ? 'other items' : typeof value;
  throw new BadExportError('TFX017', `${exporter}: ${argument} must be an array of strings, got ${got}`);
}

function checkSymbol(
  symbol: unknown,
  context: { readonly kind?: unknown } | undefined,
  exporter: string,
): asserts symbol is object {
  if (typeof symbol !== 'function' && (typeof symbol !== 'object' || symbol === null)) {
    throw new BadExportError(
      'TFX017',
      `${exporter} exports functions and classes, got ${symbol === null ? 'null' : typeof symbol}; use exportConstant for values`,
    );
  }
  const kind = typeof context === 'object' ? context?.kind : undefined;
  if (kind !== undefined && kind !== 'class') {
    throw new BadExportError('TFX017', `${exporter} decorates classes, not a ${String(kind)}`);
  }
}

/** Where `below` was called from, formatted only when a message needs it; empty where stacks cannot be captured. */
function callSite(below: (...args: never[]) => unknown): () => string {
  const holder: { stack?: string } = {};
  const { captureStackTrace } = Error as { captureStackTrace?(target: object, below: unknown): void };
  captureStackTrace?.(holder, below);
  return () => /\(?([^\s(]+:\d+:\d+)\)?$/m.exec(holder.stack ?? '')?.[1] ?? '';
}

export interface LookupOptions {
  /** Default 'tensorflow'. */
  readonly apiName?: string;
  /** Default `defaultRegistry`. */
  readonly registry?: ApiRegistry;
}

/** The symbol or constant of a name (`nn.relu`, `compat.v1.nn.relu`), or undefined. */
export function getSymbolFromName(name: string, options: LookupOptions = {}): unknown {
  const { apiName = 'tensorflow', registry = defaultRegistry } = options;
  const record = registry.find(apiName, name);
  return record && ('symbol' in record ? record.symbol : record.value);
}

/**
 * The canonical name of a symbol: its first V2 name that is not deprecated, else its first V2 name, else the same over
 * its V1 names; undefined if it was not exported. A wrapper has the name of what it wraps, a subclass none.
 *
 * @param options.addPrefixToV1Names whether a V1 name comes with `compat.v1.`. Default false.
 */
export function getCanonicalNameForSymbol(
  symbol: unknown,
  options: LookupOptions & { readonly addPrefixToV1Names?: boolean } = {},
): string | undefined {
  const { apiName = 'tensorflow', registry = defaultRegistry, addPrefixToV1Names } = options;
  const record = registry.recordOf(apiName, symbol);
  return record && canonicalOf(record, addPrefixToV1Names);
}

/** The V1 names of a symbol, without `compat.v1.`. Empty if it has none. */
export function getV1Names(symbol: unknown, options: LookupOptions = {}): readonly string[] {
  const { apiName = 'tensorflow', registry = defaultRegistry } = options;
  return registry.recordOf(apiName, symbol)?.namesV1 ?? [];
}

/** The V2 names of a symbol. Empty if it has none. */
export function getV2Names(symbol: unknown, options: LookupOptions = {}): readonly string[] {
  const { apiName = 'tensorflow', registry = defaultRegistry } = options;
  return registry.recordOf(apiName, symbol)?.names ?? [];
}

/** The constants with a V1 name, of one namespace (`'saved_model'`) or all. */
export function getV1Constants(prefix = '', options: LookupOptions = {}): readonly ConstantExport[] {
  return constants(prefix, options, ({ namesV1 }) => namesV1);
}

/** The constants with a V2 name, of one namespace (`'saved_model'`) or all. */
export function getV2Constants(prefix = '', options: LookupOptions = {}): readonly ConstantExport[] {
  return constants(prefix, options, ({ names }) => names);
}

function constants(
  prefix: string,
  { apiName = 'tensorflow', registry = defaultRegistry }: LookupOptions,
  namesOf: (constant: ConstantExport) => readonly string[],
): readonly ConstantExport[] {
  const inside = (name: string) => prefix === '' || name.startsWith(`${prefix.replace(/\.$/, '')}.`);
  return [...registry.constants(apiName)].filter((constant) => namesOf(constant).some(inside));
}
