/** Whether named exports can be tree-shaken: one symbol per form is bundled alone, with the project's esbuild. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { InputError, messageOf } from './problems';
import { scan } from './scan';

/** What a bundle of one symbol holds: bytes and how many symbols. */
export interface Shaken {
  readonly form: string;
  readonly symbol: string;
  readonly file: string;
  /** Bytes of a bundle with this symbol alone, other packages left outside. */
  readonly bytes: number;
  /** Other exporting calls that the bundle still holds: each is an export that was not dropped. */
  readonly kept: readonly string[];
}

interface Esbuild {
  build(options: object): Promise<{ outputFiles: { text: string }[] }>;
}

/**
 * One row per form that the package uses.
 *
 * @throws InputError if the project has no esbuild, or if a bundle fails.
 */
export async function shake(folder: string): Promise<Shaken[]> {
  const { exports } = scan(folder);
  const values = exports.filter(({ kind }) => kind !== 'type');
  const esbuild = loadEsbuild(folder);
  const rows: Shaken[] = [];
  for (const form of new Set(values.map((item) => item.form))) {
    const { symbol, file } = values.find((item) => item.form === form)!;
    const contents = `export { ${symbol} } from ${JSON.stringify(`./${file}`)};`;
    const options = {
      stdin: { contents, resolveDir: folder, loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
      target: 'es2022',
    };
    try {
      const { outputFiles } = await esbuild.build(options);
      const text = outputFiles[0]?.text ?? '';
      const others = values.filter((item) => item.file === file && item.symbol !== symbol);
      const names = ({ names: v2, namesV1 }: (typeof values)[number]) => [...v2, ...namesV1];
      const kept = others
        .filter((item) => names(item).some((name) => text.includes(`"${name}"`)))
        .map((item) => item.symbol);
      rows.push({ form, symbol, file, bytes: Buffer.byteLength(text), kept });
    } catch (error) {
      throw new InputError(`${join(folder, file)}: cannot be bundled (${messageOf(error).split('\n')[0]})`);
    }
  }
  return rows;
}

function loadEsbuild(folder: string): Esbuild {
  try {
    return createRequire(join(folder, 'package.json'))('esbuild');
  } catch {
    throw new InputError(`${folder}: esbuild is not installed; run npm install --save-dev esbuild`);
  }
}
