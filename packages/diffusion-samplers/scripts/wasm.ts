/** Compiles `assembly/` into `src/engine/wasmCode.ts`: `npx tsx packages/diffusion-samplers/scripts/wasm.ts`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileAssembly, readBelow } from '../../core/scripts/wasm-kernels';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = 'src/engine/wasmCode.ts';

/** The text of `src/engine/wasmCode.ts`. */
export async function compiledSource(): Promise<string> {
  const code = await compileAssembly(
    'assembly/index.ts',
    ['--importMemory', '--enable', 'simd'],
    readBelow(root),
  );
  return `/** The compiled \`assembly/\`, in base64. Made by scripts/wasm.ts. */
export const wasmCode =
  '${code}';
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile(join(root, target), await compiledSource());
}
