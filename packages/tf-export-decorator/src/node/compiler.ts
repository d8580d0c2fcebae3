/** The one place that loads the TypeScript compiler: the project's own, 5.4 to 6. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as tsTypes from 'typescript';
import { InputError } from './problems';

export type TypeScript = typeof import('typescript');

const loaded = new Map<string, TypeScript>();

/**
 * The compiler as seen from a folder, else as seen from the running program.
 *
 * @throws InputError if there is none, or one without the compiler API that this package needs.
 */
export function loadTypeScript(folder: string): TypeScript {
  const known = loaded.get(folder);
  if (known) return known;
  const found = [join(folder, 'package.json'), join(process.cwd(), 'package.json'), process.argv[1]]
    .filter((from) => from !== undefined)
    .map(requireFrom)
    .find((module) => module !== undefined);
  if (!found) {
    throw new InputError(`${folder}: typescript is not installed; run npm install --save-dev typescript@5`);
  }
  const compiler = checkCompiler(found);
  loaded.set(folder, compiler);
  return compiler;
}

/** The module itself if its API is the one we use. Exported for the test of the message. */
export function checkCompiler(module: Partial<TypeScript> & { version?: string }): TypeScript {
  const [major = 0, minor = 0] = (module.version ?? '').split('.').map(Number);
  if (major >= 7 || typeof module.createProgram !== 'function') {
    throw new InputError(
      `TFX022 typescript ${major || 'as installed'} has no compiler API; install "typescript": "npm:@typescript/typescript6"`,
    );
  }
  if (major < 5 || (major === 5 && minor < 4)) {
    throw new InputError(`TFX022 typescript ${module.version} is too old; install typescript 5.4 to 6`);
  }
  return module as TypeScript;
}

function requireFrom(path: string): TypeScript | undefined {
  try {
    return createRequire(path)('typescript');
  } catch {
    return undefined;
  }
}

const libraries = new Map<string, tsTypes.SourceFile>();

/** A compiler host that parses the language's own library once for all programs of this process. */
export function createHost(ts: TypeScript, options: tsTypes.CompilerOptions): tsTypes.CompilerHost {
  const host = ts.createCompilerHost(options);
  const folder = dirname(ts.getDefaultLibFilePath(options)).replaceAll('\\', '/');
  const { target, module, strict, alwaysStrict } = options;
  const settings = `${ts.version} ${target} ${module} ${strict} ${alwaysStrict}`;
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) => {
    if (dirname(name) !== folder) return getSourceFile.call(host, name, ...rest);
    const key = `${settings} ${name}`;
    const source = libraries.get(key) ?? getSourceFile.call(host, name, ...rest);
    if (source) libraries.set(key, source);
    return source;
  };
  return host;
}
