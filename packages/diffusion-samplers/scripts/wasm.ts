/** Compiles `assembly/` into `src/engine/wasmCode.ts`: `npx tsx packages/diffusion-samplers/scripts/wasm.ts`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = 'src/engine/wasmCode.ts';

/** The text of `src/engine/wasmCode.ts`. */
export async function compiledSource(): Promise<string> {
  let binary: Uint8Array | undefined;
  const options = ['--runtime', 'stub', '-O3', '--noAssert', '--importMemory', '--enable', 'simd'];
  const { error, stderr } = await asc.main(['assembly/index.ts', ...options, '--outFile', 'run.wasm'], {
    readFile: async (name, base) => readFile(join(root, base, name), 'utf8').catch(() => null),
    writeFile: async (_name, contents) => {
      binary = contents as Uint8Array;
    },
    listFiles: async () => [],
  });
  if (error || !binary) throw new Error(`assembly: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  return `/** The compiled \`assembly/\`, in base64. Made by scripts/wasm.ts. */
export const wasmCode =
  '${Buffer.from(binary).toString('base64')}';
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile(join(root, target), await compiledSource());
}
