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
const options = ['--runtime', 'stub', '-O3', '--noAssert', '--importMemory', '--enable', 'simd,bulk-memory'];
const sharedOptions = ['--enable', 'simd,bulk-memory,threads', '--sharedMemory', '--maximumMemory', '65536'];

export const wasmKernels: Plugin = {
  name: 'wasm-kernels',
  setup(build) {
    build.onResolve({ filter: /^wasm-kernels$/ }, () => ({
      path: 'wasm-kernels',
      namespace: 'wasm-kernels',
    }));
    build.onLoad({ filter: /.*/, namespace: 'wasm-kernels' }, async () => {
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

async function compile(flags: readonly string[]): Promise<string> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([`${folder}/index.ts`, ...flags, '--outFile', 'kernels.wasm'], {
    readFile: async (name, base) => readFile(join(base, name), 'utf8').catch(() => null),
    writeFile: async (_name, contents) => {
      binary = contents as Uint8Array;
    },
    listFiles: async () => [],
  });
  if (error || !binary) throw new Error(`${folder}: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  return Buffer.from(binary).toString('base64');
}
