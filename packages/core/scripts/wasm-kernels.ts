/**
 * Compiles `assembly/` twice, for a private and for a shared memory, when `wasm-kernels` is imported: an object of
 * base64 texts. Both import tfjs' own memory and hold no static data, so that nothing of tfjs' is overwritten.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const folder = 'assembly';
const common = ['--runtime', 'stub', '-O3', '--noAssert'];
const options = ['--importMemory', '--enable', 'simd,bulk-memory'];
const sharedOptions = ['--enable', 'simd,bulk-memory,threads', '--sharedMemory', '--maximumMemory', '65536'];

export const wasmKernels: Plugin = {
  name: 'wasm-kernels',
  setup(build) {
    build.onResolve({ filter: /^wasm-kernels$/ }, () => ({
      path: 'wasm-kernels',
      namespace: 'wasm-kernels',
    }));
    build.onLoad({ filter: /.*/, namespace: 'wasm-kernels' }, async () => {
      const compile = (flags: string[]) =>
        compileAssembly(`${folder}/index.ts`, flags, readBelow(process.cwd()));
      const plain = await compile(options);
      const shared = await compile([...options, ...sharedOptions]);
      const files = (await readdir(folder)).map((file) => join(process.cwd(), folder, file));
      return {
        contents: `export const plain = '${plain}'; export const shared = '${shared}';`,
        loader: 'js',
        watchFiles: files,
      };
    });
  },
};

/**
 * The module of an AssemblyScript entry, in base64.
 *
 * @param entry name of its file.
 * @param flags of the compiler, besides those that all modules share.
 * @param read gives the text of a file by its name, null if there is none.
 */
export async function compileAssembly(
  entry: string,
  flags: readonly string[],
  read: (name: string) => string | null | Promise<string | null>,
): Promise<string> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([entry, ...common, ...flags, '--outFile', 'module.wasm'], {
    readFile: read,
    writeFile: (_name, contents) => {
      binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`${entry}: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  return Buffer.from(binary).toString('base64');
}

/** Reads files below a folder. */
export const readBelow =
  (root: string) =>
  (name: string): Promise<string | null> =>
    readFile(join(root, name), 'utf8').catch(() => null);
