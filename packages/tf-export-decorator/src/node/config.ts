/** Configuration: `tf-export.config.json`, or the `tfExport` field of package.json; nothing is required. */
import { join } from 'node:path';
import { readJson } from './files';
import { InputError } from './problems';

/** An exporter that the scanner cannot find out by itself, as one that another package makes. */
export interface ExporterConfig {
  readonly apiName: string;
  readonly prefix?: string;
  readonly reserved?: readonly string[];
}

export interface Config {
  /** The API that the generator writes. Default: every name, of whatever API. */
  readonly apiName?: string;
  /** Further exporters: `module#name` -> API. Those made by `createApiExport` in scanned files are found. */
  readonly exporters: Readonly<Record<string, ExporterConfig>>;
  /** Folder of the sources. Default 'src'. */
  readonly src: string;
  /** Folder for generated entry points, inside `src`. Default: none are generated. */
  readonly out?: string;
  /** 'namespaces': a module each; 'flat': all leaf names in one file. Default 'namespaces'. */
  readonly layout: 'namespaces' | 'flat';
  /** Folder of the golden. Default 'api'. */
  readonly golden: string;
  /** Namespaces in which nothing may be exported. */
  readonly reserved: readonly string[];
  /** The level that a breaking change asks for while the version is 0.x. Default 'minor'. */
  readonly zeroMajor: 'major' | 'minor';
  /** The level that a changed default value asks for. Default 'minor'. */
  readonly defaultChange: 'major' | 'minor' | 'patch';
  /** The project's compiler options. Default 'tsconfig.json'. */
  readonly tsconfig: string;
}

const defaults: Config = {
  exporters: {},
  src: 'src',
  layout: 'namespaces',
  golden: 'api',
  reserved: [],
  zeroMajor: 'minor',
  defaultChange: 'minor',
  tsconfig: 'tsconfig.json',
};

const isString = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const oneOf =
  (...words: string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const rules: Record<keyof Config, readonly [rule: string, holds: (value: unknown) => boolean]> = {
  apiName: ['be a name', isString],
  exporters: [
    'map "module#name" to {apiName, prefix?, reserved?}',
    (value) =>
      isObject(value) &&
      Object.entries(value).every(
        ([key, made]) =>
          key.includes('#') &&
          isObject(made) &&
          isString(made.apiName) &&
          (made.prefix === undefined || isString(made.prefix)) &&
          (made.reserved === undefined || isStrings(made.reserved)),
      ),
  ],
  src: ['be a folder', isString],
  out: ['be a folder', isString],
  layout: ['be "namespaces" or "flat"', oneOf('namespaces', 'flat')],
  golden: ['be a folder', isString],
  reserved: ['be a list of namespaces', isStrings],
  zeroMajor: ['be "major" or "minor"', oneOf('major', 'minor')],
  defaultChange: ['be "major", "minor" or "patch"', oneOf('major', 'minor', 'patch')],
  tsconfig: ['be a file', isString],
};

/** The configuration of a package folder. @throws InputError for unknown keys and values of the wrong kind. */
export function readConfig(folder: string): Config {
  const file = join(folder, 'tf-export.config.json');
  const own = readJson(file);
  const manifest = readJson(join(folder, 'package.json')) as { tfExport?: unknown } | undefined;
  const [place, given] =
    own === undefined ? [join(folder, 'package.json#tfExport'), manifest?.tfExport] : [file, own];
  if (given === undefined) return defaults;
  if (!isObject(given)) throw new InputError(`${place}: must be an object`);
  for (const [key, value] of Object.entries(given)) {
    if (key === '$schema') continue;
    const rule = rules[key as keyof Config];
    if (!rule)
      throw new InputError(`${place}: unknown key "${key}"; known are ${Object.keys(rules).join(', ')}`);
    if (!rule[1](value)) throw new InputError(`${place}: ${key} must ${rule[0]}`);
  }
  return { ...defaults, ...given };
}
