/** The public functions of all packages, read from the API goldens, and where they are defined. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { publicPackages, readJson } from '../workspace';

export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly optional?: true;
  readonly rest?: true;
}

export interface Declaration {
  readonly forms: readonly {
    readonly kind: string;
    readonly type?: string;
    readonly signatures?: readonly { readonly parameters: readonly Parameter[]; readonly returns: string }[];
    readonly members?: readonly { readonly name: string; readonly type?: string; readonly optional?: true }[];
  }[];
}

export interface PublicFunction {
  /** `spp ./typed#adaptiveBins`, the package, the entry and the name. */
  readonly title: string;
  readonly name: string;
  /** The source file of the entry. */
  readonly file: string;
  readonly parameters: readonly Parameter[];
  readonly declarations: Readonly<Record<string, Declaration>>;
}

/** Entries that are programs, change tfjs' registries, or write files: not to be called with whatever. */
const hazardous =
  /^\.\/(worker|kernels|backends|gradients|patches|register|node|node-compat|esbuild|rollup|weights\/node)\b/;

export function publicFunctions(): PublicFunction[] {
  return publicPackages().flatMap(({ id, folder }) => {
    const golden = readJson<{
      exports: Record<string, { declaration: string }>;
      declarations: Record<string, Declaration>;
    }>(join(folder, 'api', `${id}.api.json`));
    return Object.entries(golden.exports).flatMap(([key, { declaration }]) => {
      const [entry, name] = key.split('#') as [string, string];
      const form = golden.declarations[declaration]?.forms.find(({ kind }) => kind === 'function');
      const parameters = form?.signatures?.[0]?.parameters;
      if (!parameters || hazardous.test(entry)) return [];
      const path = entry === '.' ? 'index' : entry.slice(2);
      const file = [`src/${path}.ts`, `src/${path}/index.ts`]
        .map((each) => join(folder, each))
        .find((each) => existsSync(each))!;
      return [{ title: `${id} ${key}`, name, file, parameters, declarations: golden.declarations }];
    });
  });
}
